//! What the runs of the last days say about each account of a list.

use std::collections::BTreeMap;

use exporter::connection::Connection;
use exporter::model::provider::ProviderId;
use exporter::report::history::OTHER;
use jiff::Timestamp;
use management::wire::{HistoryItem, HistoryList};

use super::last_scan::{Awaited, LastScan};

/// The numbers of an account. `None`: unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountNumbers {
    pub(crate) last_scan: LastScan,
    pub(crate) is_missing: bool,
    pub(crate) active: Option<u64>,
    pub(crate) sent: Option<u64>,
    pub(crate) errors: Option<u64>,
}

/// The sums of all accounts. Empty and not complete if they were not read.
pub(crate) struct AllNumbers<'a> {
    by_account: BTreeMap<&'a str, &'a HistoryItem>,
    /// Whether an account without sums has no run in the period.
    is_complete: bool,
    awaited: Option<&'a BTreeMap<ProviderId, Awaited>>,
    now: Timestamp,
}

impl<'a> AllNumbers<'a> {
    /// The numbers by the sums that were read.
    pub(crate) fn new(
        sums: Option<&'a HistoryList>,
        awaited: Option<&'a BTreeMap<ProviderId, Awaited>>,
        now: Timestamp,
    ) -> Self {
        let items = || sums.into_iter().flat_map(|list| &list.items);
        let by_account = items().filter_map(|item| Some((item.account.as_deref()?, item))).collect();
        // Runs of too many accounts have the results of some accounts as those of no account, where only errors are otherwise.
        let is_merged = |item: &HistoryItem| item.sent + item.unchanged + item.archived + item.unavailable > 0;
        let has_merged = items().any(|item| item.account.as_deref() == Some(OTHER) && is_merged(item));
        let is_complete = sums.is_some_and(|list| list.next.is_none()) && !has_merged;
        Self { by_account, is_complete, awaited, now }
    }

    /// The numbers of an account.
    pub(crate) fn of(&self, connection: &Connection) -> AccountNumbers {
        let sums = self.by_account.get(connection.account.as_str()).copied();
        let is_known = sums.is_some() || self.is_complete;
        let last_scan = if is_known { LastScan::of(sums) } else { LastScan::Unknown };
        let awaited = self.awaited.and_then(|awaited| awaited.get(&connection.provider));
        let number = |of: fn(&HistoryItem) -> u64| is_known.then(|| sums.map_or(0, of));
        AccountNumbers {
            last_scan,
            is_missing: awaited.is_some_and(|awaited| awaited.is_missing(last_scan, &connection.provider, self.now)),
            active: sums.and_then(|sums| sums.active.as_ref()).map(|active| active.findings),
            sent: number(|sums| sums.sent),
            errors: number(|sums| sums.errors),
        }
    }
}

#[cfg(test)]
mod tests;

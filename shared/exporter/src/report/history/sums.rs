//! Sums of the history by day, Region, or account.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use asff::AccountId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{ByRegion, HistoryEntry, OTHER, Totals, merged, sum};

/// The key by which runs are summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HistoryBy {
    /// The UTC day on which they began.
    #[default]
    Day,
    /// By Region.
    Region,
    /// By account.
    Account,
}

/// Active findings in Security Hub, by the export state after the newest runs that determined them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActiveFindings {
    /// Start time of the newest of these runs.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The ID of this run.
    pub run_id: String,
    /// Number of active findings. Each account and Region has the number of the newest run that determined it.
    pub findings: u64,
}

impl ActiveFindings {
    fn add(&mut self, other: Self) {
        let findings = self.findings + other.findings;
        *self = Self { findings, ..other.max(std::mem::take(self)) };
    }
}

/// The sums for a day, a Region, or an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistorySum {
    /// Number of runs.
    pub runs: u64,
    /// The totals of the runs.
    pub totals: Totals,
    /// The totals of each day that has any.
    pub days: BTreeMap<Date, Totals>,
    /// Active findings, of a Region or an account. `None` if no run determined them.
    pub active: Option<ActiveFindings>,
    /// The newest scan of an account. `None` if none was exported.
    pub last_scan_at: Option<Timestamp>,
}

/// Sums of runs by day (`2026-11-28`), Region, or account, of one account or of all. A run counts once, even if its entry is
/// repeated. A run without results counts for its day, or else for [`OTHER`].
pub fn sums<'a>(
    entries: impl IntoIterator<Item = &'a HistoryEntry, IntoIter: Clone>,
    by: HistoryBy,
    account: Option<AccountId>,
) -> BTreeMap<String, HistorySum> {
    let account = account.as_ref().map(AccountId::as_str);
    let (mut sums, mut seen) = (BTreeMap::<Cow<'_, str>, HistorySum>::new(), BTreeSet::new());
    let entries = entries.into_iter();
    for entry in entries.clone() {
        let Some(mut groups) = groups(entry, by, account).filter(|_| seen.insert(&entry.run_id)) else {
            continue;
        };
        if groups.is_empty() {
            groups.push((OTHER.into(), Totals::default()));
        }
        let day = entry.day();
        for (key, totals) in groups {
            let scanned_at = entry.scanned_at.filter(|_| by == HistoryBy::Account && key != OTHER);
            let group = sums.entry(key).or_default();
            group.runs += 1;
            group.totals.add(&totals);
            group.last_scan_at = group.last_scan_at.max(scanned_at);
            if !totals.is_zero() {
                group.days.entry(day).or_default().add(&totals);
            }
        }
    }
    let mut sums = sums.into_iter().map(|(key, sum)| (key.into_owned(), sum)).collect();
    if by != HistoryBy::Day {
        add_active(&mut sums, newest_active(entries, account), by, account.is_some());
    }
    sums
}

/// The totals of a run by day, Region, or account, of one account or of all. `None` if the run has no results of the account.
fn groups<'a>(entry: &'a HistoryEntry, by: HistoryBy, account: Option<&'a str>) -> Option<Vec<(Cow<'a, str>, Totals)>> {
    let parts: Vec<&ByRegion> = match account {
        Some(account) => vec![entry.accounts.get(account)?],
        None if entry.regions.is_empty() => entry.accounts.values().collect(),
        None => vec![&entry.regions],
    };
    let total = |parts: &[&'a ByRegion]| sum(parts.iter().copied().flat_map(BTreeMap::values));
    Some(match (by, account) {
        (HistoryBy::Day, _) => vec![(entry.day().to_string().into(), total(&parts))],
        (HistoryBy::Region, _) => merged(parts).into_iter().map(|(region, totals)| (region.into(), totals)).collect(),
        (HistoryBy::Account, Some(account)) => vec![(account.into(), total(&parts))],
        (HistoryBy::Account, None) => {
            entry.accounts.iter().map(|(account, regions)| (account.as_str().into(), total(&[regions]))).collect()
        }
    })
}

/// The newest number of active findings by account and then Region: the start time and the ID of the run, and the number.
type NewestActive<'a> = BTreeMap<&'a str, BTreeMap<&'a str, (Timestamp, &'a str, u64)>>;

/// The newest numbers of active findings, of one account or of all.
fn newest_active<'a>(entries: impl Iterator<Item = &'a HistoryEntry>, account: Option<&str>) -> NewestActive<'a> {
    let mut newest = NewestActive::new();
    for entry in entries {
        for (id, regions) in entry.active.iter().filter(|(id, _)| account.is_none_or(|account| *id == account)) {
            let known = newest.entry(id).or_default();
            for (region, findings) in regions {
                let last = known.entry(region).or_default();
                *last = (*last).max((entry.started_at, &entry.run_id, *findings));
            }
        }
    }
    newest
}

/// Adds active findings to the sums. Where a number is of all Regions of an account, it is not added to those of single Regions:
/// then the account has this number, and the sums of all accounts by Region have none.
fn add_active(sums: &mut BTreeMap<String, HistorySum>, newest: NewestActive<'_>, by: HistoryBy, is_of_one: bool) {
    let is_partial = newest.len() > 1 && newest.values().any(|regions| regions.contains_key(OTHER));
    if by == HistoryBy::Region && is_partial {
        return;
    }
    for (account, mut regions) in newest {
        match regions.remove(OTHER) {
            Some(all) if by == HistoryBy::Account => regions = [(OTHER, all)].into(),
            _ => {}
        }
        for (region, (at, run_id, findings)) in regions {
            let active = ActiveFindings { at, run_id: run_id.to_owned(), findings };
            let key = if by == HistoryBy::Account { account } else { region };
            // Among the Regions of all accounts, one without results is only listed if it has active findings.
            if sums.contains_key(key) || active.findings > 0 || is_of_one {
                sums.entry(key.to_owned()).or_default().active.get_or_insert_default().add(active);
            }
        }
    }
}

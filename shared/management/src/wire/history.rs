//! Sums of runs by day, Region, or account.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use asff::AccountId;
use exporter::ports::settings_store::HistoryPage;
use exporter::report::history::{ActiveFindings, HistoryBy, HistorySum, Totals, sums};
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The sums of a day, a Region, or an account. Exactly one of `day`, `region`, and `account` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryItem {
    /// The UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub day: Option<Date>,
    /// The Region, or `other` for errors that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The account ID, or `other`: malformed findings of a file with several accounts belong to none, and a run has sums for at
    /// most 2,000 accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Number of runs. A run with several Regions or accounts counts for each.
    pub runs: u64,
    /// Findings sent.
    pub sent: u64,
    /// Findings not sent, since Security Hub already has them with this content.
    pub unchanged: u64,
    /// Findings of earlier scans that were archived.
    pub archived: u64,
    /// Findings quarantined, malformed, or undelivered.
    pub errors: u64,
    /// Findings not sent, since their Region is unavailable.
    pub unavailable: u64,
    /// Calls that were throttled.
    pub throttled: u64,
    /// With `by=region`: the totals of each day that has any. Zeros are omitted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Totals>)]
    pub days: BTreeMap<Date, Totals>,
    /// With `by=region` or `by=account`: active findings in Security Hub. Each account and Region has the number of the newest run of
    /// the period that determined it. Absent if none did; with `by=region` for all accounts also if a run had too many accounts to
    /// record each Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveFindings>,
    /// With `by=account`: time of the newest scan of the account that was exported. Absent if there is none in the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_scan_at: Option<Timestamp>,
}

impl HistoryItem {
    /// The sums of a key: a day, a Region, or an account.
    pub fn new(by: HistoryBy, key: &str, sum: HistorySum) -> Self {
        let HistorySum { runs, totals, days, active, last_scan_at } = sum;
        let key_of = |kind| (by == kind).then(|| key.to_owned());
        Self {
            day: key_of(HistoryBy::Day).and_then(|day| day.parse().ok()),
            region: key_of(HistoryBy::Region),
            account: key_of(HistoryBy::Account),
            runs,
            sent: totals.sent,
            unchanged: totals.unchanged,
            archived: totals.archived,
            errors: totals.errors,
            unavailable: totals.unavailable,
            throttled: totals.throttled,
            days: if by == HistoryBy::Region { days } else { BTreeMap::new() },
            active,
            last_scan_at,
        }
    }

    /// The totals of the item.
    pub fn totals(&self) -> Totals {
        Totals {
            sent: self.sent,
            unchanged: self.unchanged,
            archived: self.archived,
            errors: self.errors,
            unavailable: self.unavailable,
            throttled: self.throttled,
        }
    }

    /// Adds the sums of a further page for the same Region or account.
    pub fn add(&mut self, other: &Self) {
        let mut totals = self.totals();
        totals.add(&other.totals());
        let Totals { sent, unchanged, archived, errors, unavailable, throttled } = totals;
        self.runs += other.runs;
        (self.sent, self.unchanged, self.archived) = (sent, unchanged, archived);
        (self.errors, self.unavailable, self.throttled) = (errors, unavailable, throttled);
        for (day, totals) in &other.days {
            self.days.entry(*day).or_default().add(totals);
        }
        self.last_scan_at = self.last_scan_at.max(other.last_scan_at);
        if self.active < other.active {
            self.active.clone_from(&other.active);
        }
    }

    /// The day, the Region, or the account of the item.
    pub fn key(&self) -> String {
        let day = self.day.map(|day| day.to_string());
        day.or_else(|| self.region.clone()).or_else(|| self.account.clone()).unwrap_or_default()
    }
}

/// Sums of the finished runs of whole UTC days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryList {
    /// The oldest day that is summed.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// The newest day that is summed.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    /// The sums: each day, newest first; or the Regions or accounts with a run, by name.
    pub items: Vec<HistoryItem>,
    /// The `after` parameter of the next page, with the days before these; null if the period was read to its end. Sums by Region
    /// or account of several pages are added.
    #[schema(required = true, value_type = Option<String>, format = Date)]
    pub next: Option<Date>,
}

impl HistoryList {
    /// The sums of the days that were read, of one account or of all. `from` and `to` are the first and last day requested.
    pub fn of(page: &HistoryPage, by: HistoryBy, account: Option<AccountId>, (from, to): (Date, Date)) -> Self {
        let from = page.next.and_then(|next| next.tomorrow().ok()).unwrap_or(from);
        let mut sums = sums(page.entries.iter().map(|entry| &**entry), by, account);
        if by == HistoryBy::Day {
            for day in from.series(Span::new().days(1)).take_while(|day| *day <= to) {
                sums.entry(day.to_string()).or_default();
            }
        }
        let mut items: Vec<_> = sums.into_iter().map(|(key, sum)| HistoryItem::new(by, &key, sum)).collect();
        if by == HistoryBy::Day {
            items.reverse();
        }
        Self { from, to, items, next: page.next }
    }

    /// Adds the next page.
    pub fn append(&mut self, page: Self) {
        (self.from, self.next) = (page.from, page.next);
        let keyed = std::mem::take(&mut self.items).into_iter().map(|item| (item.key(), item));
        let mut all: BTreeMap<String, HistoryItem> = keyed.collect();
        for item in page.items {
            match all.entry(item.key()) {
                Entry::Occupied(mut known) => known.get_mut().add(&item),
                Entry::Vacant(place) => drop(place.insert(item)),
            }
        }
        self.items = all.into_values().collect();
        if self.items.iter().any(|item| item.day.is_some()) {
            self.items.reverse();
        }
    }
}

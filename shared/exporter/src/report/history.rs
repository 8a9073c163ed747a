//! The history of runs: the results of each finished run by account and Region, and sums over runs by day, Region, or
//! account.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::sums::{ActiveFindings, HistoryBy, HistorySum, sums};
use super::{AccountReport, Counts, RunKind, RunReport, RunStatus};

mod sums;

/// The key for results of no account or no Region, such as malformed entries, and for results that are merged to limit the
/// size.
pub const OTHER: &str = "other";
/// Maximum number of pairs of account and Region in an entry, with 150 bytes each. If a run has more, its entry has the
/// totals by account and by Region separately.
const CELLS_MAX: usize = 1_000;
/// Maximum number of accounts in an entry, with 190 bytes each: 380 KB of the 400 KB to which an item of the table is
/// limited.
const ACCOUNTS_MAX: usize = 2_000;

/// Numbers of findings by outcome, and of throttled calls. Zeros are omitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = HistoryTotals))]
#[serde(default)]
pub struct Totals {
    /// Sent.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub sent: u64,
    /// Not sent, since Security Hub already has them with this content.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub unchanged: u64,
    /// Findings of earlier scans that were archived.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub archived: u64,
    /// Quarantined, malformed, and undelivered.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub errors: u64,
    /// Not sent, since their Region is unavailable.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub unavailable: u64,
    /// Calls that were throttled.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub throttled: u64,
}

impl Totals {
    /// The totals of counts. Counts don't include calls.
    pub fn of(counts: &Counts) -> Self {
        Self {
            sent: counts.sent,
            unchanged: counts.unchanged,
            archived: counts.archived,
            errors: counts.errors(),
            unavailable: counts.region_unavailable_total(),
            throttled: 0,
        }
    }

    /// Adds other totals.
    pub fn add(&mut self, other: &Self) {
        *self = self.zip(other, u64::saturating_add);
    }

    /// Whether all are 0.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn minus(&self, other: &Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    fn zip(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            sent: with(self.sent, other.sent),
            unchanged: with(self.unchanged, other.unchanged),
            archived: with(self.archived, other.archived),
            errors: with(self.errors, other.errors),
            unavailable: with(self.unavailable, other.unavailable),
            throttled: with(self.throttled, other.throttled),
        }
    }
}

type ByRegion = BTreeMap<String, Totals>;

/// Active findings by account and Region.
type ActiveByAccount = BTreeMap<String, BTreeMap<String, u64>>;

/// The results of a finished run, by account and Region. Small: some 450 bytes for an account with four Regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The run.
    pub run_id: String,
    /// When it began. The entry counts for this day, in UTC.
    pub started_at: Timestamp,
    /// The kind of run.
    pub kind: RunKind,
    /// The final status.
    pub status: RunStatus,
    /// Totals by account and Region. Results of no account or no Region have the key [`OTHER`], such as malformed entries that name
    /// no Region. If the upload has one account, everything counts for it.
    pub accounts: BTreeMap<String, ByRegion>,
    /// Totals by Region, only if the run has too many accounts and Regions to list each pair.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: ByRegion,
    /// The newest scan time among the findings of an export. Absent if the run exported no scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned_at: Option<Timestamp>,
    /// Active findings after the run, where it determined them, by account and Region. If the run has too many accounts and
    /// Regions to list each pair, an account has one number for all Regions, with the key [`OTHER`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub active: ActiveByAccount,
}

impl HistoryEntry {
    /// The entry of a run. `None` if the run has not finished.
    pub fn of(run: &RunReport) -> Option<Self> {
        if run.status == RunStatus::Running {
            return None;
        }
        let mut accounts: BTreeMap<String, ByRegion> =
            run.accounts.iter().map(|(account, part)| (account.to_string(), of_account(part))).collect();
        let rest = Totals::of(&run.counts).minus(&sum(accounts.values().flat_map(BTreeMap::values)));
        if !rest.is_zero() {
            let key = run.only_account().map_or_else(|| OTHER.to_owned(), |account| account.to_string());
            let regions = accounts.remove(&key).unwrap_or_default();
            accounts.insert(key, with_errors(regions, &run.errors, &rest));
        }
        let mut entry = Self {
            run_id: run.run_id.clone(),
            started_at: run.started_at,
            kind: run.kind,
            status: run.status,
            accounts,
            regions: ByRegion::new(),
            scanned_at: run.scanned_at.filter(|_| is_scan(run)),
            active: run.accounts.iter().filter_map(active_of).collect(),
        };
        entry.bound();
        Some(entry)
    }

    /// The day for which the entry counts.
    pub fn day(&self) -> Date {
        day_of(self.started_at)
    }

    /// Merges Regions and accounts above the limits, so that the entry fits into an item.
    fn bound(&mut self) {
        let totals: usize = self.accounts.values().map(BTreeMap::len).sum();
        // Regions without results may have active findings.
        let active: usize = self.active.values().map(BTreeMap::len).sum();
        if totals.max(active) <= CELLS_MAX && self.accounts.len() <= ACCOUNTS_MAX {
            return;
        }
        let regions = merged(self.accounts.values()).into_iter();
        self.regions = regions.map(|(region, totals)| (region.to_owned(), totals)).collect();
        let mut accounts: Vec<(String, Totals)> =
            self.accounts.iter().map(|(account, regions)| (account.clone(), sum(regions.values()))).collect();
        // Accounts with errors are first, so that they aren't merged.
        accounts.sort_by_key(|(account, totals)| (account != OTHER, std::cmp::Reverse(totals.errors)));
        self.accounts.clear();
        let mut left = ActiveByAccount::new();
        for (index, (account, totals)) in accounts.into_iter().enumerate() {
            let account = if index < ACCOUNTS_MAX - 1 { account } else { OTHER.to_owned() };
            let active = self.active.remove(&account).filter(|_| account != OTHER);
            if let Some(active) = active {
                left.insert(account.clone(), [(OTHER.to_owned(), active.values().sum())].into());
            }
            let regions = self.accounts.entry(account).or_default();
            if !totals.is_zero() {
                regions.entry(OTHER.to_owned()).or_default().add(&totals);
            }
        }
        self.active = left;
    }
}

/// Whether a run exported a scan, or tried to.
fn is_scan(run: &RunReport) -> bool {
    run.kind == RunKind::Export && !matches!(run.status, RunStatus::Ignored | RunStatus::Duplicate)
}

/// The active findings of an account by Region. `None` if the run determined none.
fn active_of((account, part): (&AccountId, &AccountReport)) -> Option<(String, BTreeMap<String, u64>)> {
    let known = part.regions.iter().filter_map(|(region, report)| Some((region.to_string(), report.active?)));
    let regions: BTreeMap<String, u64> = known.collect();
    (!regions.is_empty()).then(|| (account.to_string(), regions))
}

fn of_account(part: &AccountReport) -> ByRegion {
    let mut regions = ByRegion::new();
    for (region, report) in &part.regions {
        let totals = regions.entry(region.to_string()).or_default();
        totals.add(&Totals {
            sent: report.sent,
            unchanged: report.unchanged,
            archived: report.archived,
            throttled: report.throttled,
            ..Totals::default()
        });
    }
    for (region, reasons) in &part.counts.region_unavailable {
        regions.entry(region.clone()).or_default().unavailable += reasons.values().sum::<u64>();
    }
    let rest = Totals::of(&part.counts).minus(&sum(regions.values()));
    with_errors(regions, &part.errors, &rest)
}

/// Adds the errors to the Regions that they name, and the rest of the totals to [`OTHER`].
fn with_errors(mut regions: ByRegion, errors: &BTreeMap<RegionName, u64>, rest: &Totals) -> ByRegion {
    let mut left = *rest;
    for (region, errors) in errors {
        let errors = (*errors).min(left.errors);
        left.errors -= errors;
        regions.entry(region.to_string()).or_default().errors += errors;
    }
    regions.entry(OTHER.to_owned()).or_default().add(&left);
    regions.retain(|_, totals| !totals.is_zero());
    regions
}

fn sum<'a>(all: impl IntoIterator<Item = &'a Totals>) -> Totals {
    let mut sum = Totals::default();
    all.into_iter().for_each(|totals| sum.add(totals));
    sum
}

/// The sums of several totals by Region.
fn merged<'a>(all: impl IntoIterator<Item = &'a ByRegion>) -> BTreeMap<&'a str, Totals> {
    let mut regions = BTreeMap::<&str, Totals>::new();
    for (region, totals) in all.into_iter().flatten() {
        regions.entry(region).or_default().add(totals);
    }
    regions
}

/// The UTC day of a time.
pub fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

#[cfg(test)]
mod tests;

//! What runs did by day and Region, which the charts show. Past days change only when a run of that day ends late, so they are
//! read once an hour; today and yesterday are read again when they are older than 30 seconds.

use std::collections::BTreeMap;

use exporter::report::history::{ActiveFindings, Totals, day_of};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use management::wire::{HistoryItem, HistoryList};
use tokio::sync::Mutex;

use crate::client::{Client, Failed};
use crate::form::encoded;

/// Requests for one period, of some 15,000 runs or a day each.
const REQUESTS_MAX: usize = 20;
/// How long past days are kept.
pub(crate) const PAST_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How long pages share today and yesterday.
pub(crate) const SHARED_MAX: SignedDuration = SignedDuration::from_secs(30);
/// Days that are read again: today, and yesterday, whose last runs may just have ended.
pub(crate) const RECENT_DAYS: u8 = 2;
/// Accounts whose days are kept, some 300 KB each at most.
const ACCOUNTS_MAX: usize = 20;

/// Totals by day and Region.
pub(crate) type Days = BTreeMap<Date, BTreeMap<String, Totals>>;

/// Active findings by Region.
type Active = BTreeMap<String, ActiveFindings>;

/// The days of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Period {
    /// The oldest day that was read.
    pub(crate) from: Date,
    /// Today.
    pub(crate) to: Date,
    /// Whether older days were asked for, and not read: there are too many runs.
    pub(crate) is_cut: bool,
    /// The days with a run.
    pub(crate) days: Days,
    /// Active findings by the newest run of the period that determined them.
    pub(crate) active: Active,
}

/// Days that were read, of an account or of all.
struct Kept {
    period: Period,
    /// When they were read.
    read_at: Timestamp,
    /// When today and yesterday were read.
    recent_at: Timestamp,
    /// [`Client::changes`] before that.
    changes: u64,
}

/// The days that were read, by account.
#[derive(Default)]
pub(crate) struct Histories(Mutex<BTreeMap<String, Kept>>);

impl Histories {
    /// The last `days` days, of an account, or of all if it is empty. Pages that are opened at the same time wait for one read.
    pub(crate) async fn get(
        &self,
        client: &Client,
        account: &str,
        days: u8,
        now: Timestamp,
        is_fresh: bool,
    ) -> Result<Period, Failed> {
        let mut all = self.0.lock().await;
        let (changes, today) = (client.changes(), day_of(now));
        let first = today.saturating_sub(Span::new().days(i64::from(days) - 1));
        let is_young = |at: Timestamp, most: SignedDuration| is_young(at, most, now);
        let has_past = |kept: &&mut Kept| {
            let reaches = kept.period.from <= first || kept.period.is_cut;
            !is_fresh && reaches && kept.period.to == today && is_young(kept.read_at, PAST_MAX)
        };
        if let Some(kept) = all.get_mut(account).filter(has_past) {
            if kept.changes != changes || !is_young(kept.recent_at, SHARED_MAX) {
                kept.renew(&read(client, "region", account, RECENT_DAYS, None).await?);
                (kept.recent_at, kept.changes) = (now, changes);
            }
            return Ok(kept.period.since(first));
        }
        let list = read(client, "region", account, days, None).await?;
        let (is_cut, days, active) = (list.next.is_some(), by_day(&list.items), active(&list.items).collect());
        let period = Period { from: list.from, to: list.to, is_cut, days, active };
        let shown = period.since(first);
        if all.len() >= ACCOUNTS_MAX && !all.contains_key(account) {
            let oldest = all.iter().min_by_key(|(_, kept)| kept.recent_at).map(|(account, _)| account.clone());
            oldest.and_then(|oldest| all.remove(&oldest));
        }
        all.insert(account.to_owned(), Kept { period, read_at: now, recent_at: now, changes });
        Ok(shown)
    }
}

/// Whether data that was read at a time may still be shown.
pub(crate) fn is_young(at: Timestamp, most: SignedDuration, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < most
}

impl Kept {
    /// Replaces the newest days.
    fn renew(&mut self, list: &HistoryList) {
        self.period.days.retain(|day, _| *day < list.from);
        let from = self.period.from;
        self.period.days.extend(by_day(&list.items).into_iter().filter(|(day, _)| *day >= from));
        self.period.active.extend(active(&list.items));
    }
}

impl Period {
    fn since(&self, first: Date) -> Self {
        let from = self.from.max(first);
        let days = self.days.range(from..).map(|(day, regions)| (*day, regions.clone())).collect();
        let active = self.active.iter().filter(|(_, active)| day_of(active.at) >= from);
        let active = active.map(|(region, active)| (region.clone(), active.clone())).collect();
        Self { from, to: self.to, is_cut: self.is_cut && self.from > first, days, active }
    }
}

/// Sums of the last `days` days, without those after `newest`.
pub(crate) async fn read(
    client: &Client,
    by: &str,
    account: &str,
    days: u8,
    newest: Option<Date>,
) -> Result<HistoryList, Failed> {
    let mut address = format!("/history?by={by}&days={days}");
    if !account.is_empty() {
        address = format!("{address}&account={}", encoded(account));
    }
    let page = |after: Option<Date>| after.map_or_else(|| address.clone(), |day| format!("{address}&after={day}"));
    let mut list = client.get::<HistoryList>(page(newest)).await?.value;
    for _ in 1..REQUESTS_MAX {
        let Some(next) = list.next else { break };
        list.append(client.get::<HistoryList>(page(Some(next))).await?.value);
    }
    Ok(list)
}

/// The active findings of each Region for which they are known.
fn active(regions: &[HistoryItem]) -> impl Iterator<Item = (String, ActiveFindings)> + '_ {
    regions.iter().filter_map(|item| Some((item.region.clone()?, item.active.clone()?)))
}

fn by_day(regions: &[HistoryItem]) -> Days {
    let mut days = Days::new();
    for item in regions {
        let region = item.region.as_deref().unwrap_or_default();
        for (day, totals) in &item.days {
            days.entry(*day).or_default().entry(region.to_owned()).or_default().add(totals);
        }
    }
    days
}

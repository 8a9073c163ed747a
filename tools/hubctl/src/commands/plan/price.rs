//! What the plan comes to, in ingestion events and dollars, beside what it would cost to send everything.

use asff::{AccountId, RegionName};
use exporter::report::{Counts, RunReport, RunStatus};
use jiff::Timestamp;
use serde::Serialize;

use crate::render::unproven;

/// Ingestion events of a month that are free in each account and Region (Security Hub's price list).
const FREE_EVENTS: u64 = 10_000;
/// Price of each further event, dollars (Security Hub's price list). An update and an archive are events as well.
const DOLLARS_PER_EVENT: f64 = 0.000_03;

/// A plan. Its field names are part of the interface.
#[derive(Debug, Serialize)]
pub(super) struct Plan<'a> {
    source: &'a str,
    pub(super) status: RunStatus,
    pub(super) scanned_at: Option<Timestamp>,
    /// The fate that each finding would have.
    pub(super) counts: &'a Counts,
    #[serde(flatten)]
    pub(super) cost: Cost,
    pub(super) reasons: Vec<String>,
    pub(super) regions: Vec<Region>,
    /// Findings that would stay active, since the scan proves nothing about them.
    pub(super) unproven: Vec<unproven::Row>,
}

/// One Region of one account.
#[derive(Debug, Serialize)]
pub(super) struct Region {
    pub(super) account: AccountId,
    pub(super) region: RegionName,
    pub(super) new: u64,
    pub(super) changed: u64,
    pub(super) reactivated: u64,
    pub(super) refresh_due: u64,
    pub(super) same: u64,
    pub(super) to_archive: u64,
    pub(super) filtered: u64,
    adopted: u64,
    #[serde(flatten)]
    pub(super) cost: Cost,
}

/// Events, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Cost {
    pub(super) events: u64,
    pub(super) dollars: f64,
    /// If every finding were sent.
    pub(super) all_events: u64,
    pub(super) all_dollars: f64,
}

impl Cost {
    fn new(events: u64, all_events: u64, events_before: u64) -> Self {
        let dollars = |events| dollars(events, events_before);
        Self { events, dollars: dollars(events), all_events, all_dollars: dollars(all_events) }
    }

    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.dollars += other.dollars;
        self.all_events += other.all_events;
        self.all_dollars += other.all_dollars;
    }
}

/// The price of events in one account and Region, after so many others in the month.
fn dollars(events: u64, events_before: u64) -> f64 {
    let free = FREE_EVENTS.saturating_sub(events_before);
    // Far below 2^53, where a double begins to skip numbers.
    let paid = events.saturating_sub(free) as f64;
    paid * DOLLARS_PER_EVENT
}

impl<'a> Plan<'a> {
    /// The plan that a run's report tells, if the run was one in a world where nothing changes.
    pub(super) fn new(report: &'a RunReport, events_before: u64) -> Self {
        let mut total = Cost::default();
        let mut regions = Vec::new();
        for (account, part) in &report.accounts {
            for (region, report) in &part.regions {
                let changes = report.changes;
                let events = changes.total() + report.archived;
                let cost = Cost::new(events, events + report.unchanged, events_before);
                total.add(cost);
                regions.push(Region {
                    account: *account,
                    region: *region,
                    new: changes.new,
                    changed: changes.changed,
                    reactivated: changes.reactivated,
                    refresh_due: changes.refresh_due,
                    same: report.unchanged,
                    to_archive: report.archived,
                    filtered: report.filtered,
                    adopted: report.adopted,
                    cost,
                });
            }
        }
        Self {
            source: &report.upload.source,
            status: report.status,
            scanned_at: report.scanned_at,
            counts: &report.counts,
            cost: total,
            reasons: reasons(report),
            regions,
            unproven: unproven::rows(report),
        }
    }
}

/// What somebody should know. The plan is no run that commands could be about.
fn reasons(report: &RunReport) -> Vec<String> {
    let sentences = |reason: &String| {
        let lines = reason.lines().filter(|line| !line.starts_with("hubctl run "));
        lines.collect::<Vec<_>>().join("\n")
    };
    report.reasons.iter().map(sentences).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_events_of_a_month_are_free() {
        let cents = |events, before| (dollars(events, before) * 100.0).round();
        assert_eq!(cents(10_000, 0), 0.0);
        assert_eq!(cents(110_000, 0), 300.0);
        assert_eq!(cents(110_000, 4_000), 312.0);
        assert_eq!(cents(100_000, 50_000), 300.0);
    }
}

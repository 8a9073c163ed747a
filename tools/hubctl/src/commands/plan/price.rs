//! The ingestion events and dollars of a plan, compared with sending every finding.

use asff::{AccountId, RegionName};
use exporter::export::cost::Cost;
use exporter::report::{Counts, RunReport, RunStatus};
use jiff::Timestamp;
use serde::Serialize;

use crate::render::unproven;

/// A plan. Its field names are part of the public interface.
#[derive(Debug, Serialize)]
pub(super) struct Plan<'a> {
    source: &'a str,
    pub(super) status: RunStatus,
    pub(super) scanned_at: Option<Timestamp>,
    /// Findings by outcome.
    pub(super) counts: &'a Counts,
    #[serde(flatten)]
    pub(super) cost: Cost,
    pub(super) reasons: Vec<String>,
    pub(super) regions: Vec<Region>,
    /// Findings that would stay active because the scan proves nothing about them.
    pub(super) unproven: Vec<unproven::Row>,
}

/// A Region of an account.
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

impl<'a> Plan<'a> {
    /// The plan of a simulated run.
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

/// Reasons of the run, without commands about it, since a plan is not stored.
fn reasons(report: &RunReport) -> Vec<String> {
    let sentences = |reason: &String| {
        let lines = reason.lines().filter(|line| !line.starts_with("hubctl run "));
        lines.collect::<Vec<_>>().join("\n")
    };
    report.reasons.iter().map(sentences).collect()
}

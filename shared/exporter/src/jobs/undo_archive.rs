//! `undo-archive`: reactivates the findings that a run archived, as they were.
//!
//! Guarantees: a finding that a later run sent or archived is left unchanged; changes by analysts are preserved; the
//! next scan decides again. A Region's findings are archived with the same time, which both the run's report and the
//! state have, so that nothing else needs to be stored. The integration may be disabled, since after a bad scan an
//! operator disables it first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asff::RegionName;
use jiff::Timestamp;

use super::context::{AccountResult, JobContext};
use super::error::RunnerError;
use super::locked_account::{LockedAccount, RequiredIntegration, report_problem};
use super::runner::{JobRunner, Options, require_report};
use crate::delivery::{Selector, resend_stored};
use crate::ports::Ports;
use crate::report::reasons::filtered::MODIFIED_SINCE;
use crate::report::reasons::unavailable::REGION_NOT_SELECTED;
use crate::report::{AccountReport, Fate, RegionReport, RunKind, RunReport};
use crate::selection::route::{Route, route};
use crate::state::{Entry, Stored, is_archived, reactivated, status_of};

/// The number of findings that a run archived in one Region, and when.
#[derive(Clone, Copy)]
struct Archived {
    findings: u64,
    at: Timestamp,
}

impl<P: Ports> JobRunner<P> {
    /// Reactivates the findings that a run archived and that were not changed since.
    ///
    /// # Errors
    ///
    /// [`RunnerError::Rejected`] if the run is unknown or archived nothing.
    pub async fn undo_archive(&self, run_id: &str, options: &Options) -> Result<RunReport, RunnerError> {
        let earlier = require_report(self.ports.as_ref(), run_id).await?;
        let archived: Vec<_> = earlier
            .accounts
            .iter()
            .map(|(account, report)| (*account, archived_regions(report)))
            .filter(|(_, regions)| !regions.is_empty())
            .collect();
        if archived.is_empty() {
            return Err(RunnerError::Rejected(format!("run {run_id} archived nothing")));
        }
        for (region, archived) in archived.iter().flat_map(|(_, regions)| regions) {
            options.progress.expect_in(*region, archived.findings);
        }
        let run = self.begin(RunKind::UndoArchive, Some(run_id), format!("the findings that run {run_id} archived"));
        let undo = |context: JobContext<P>| async move {
            let mut accounts = Vec::new();
            for (account, regions) in archived {
                let findings = regions.values().map(|archived| archived.findings).sum();
                accounts.push(
                    match LockedAccount::open(&context, account, RequiredIntegration::NotBeingDeleted).await? {
                        Ok(locked) => undo(&context, *locked, regions).await,
                        Err(problem) => report_problem(account, &problem, findings),
                    },
                );
            }
            Ok(accounts)
        };
        self.run(run, options, undo).await
    }
}

fn archived_regions(report: &AccountReport) -> BTreeMap<RegionName, Archived> {
    let archived = |region: &RegionReport| {
        region.archived_at.filter(|_| region.archived > 0).map(|at| Archived { findings: region.archived, at })
    };
    report.regions.iter().filter_map(|(name, region)| Some((*name, archived(region)?))).collect()
}

async fn undo<P: Ports>(
    context: &JobContext<P>,
    locked: LockedAccount<P>,
    archived: BTreeMap<RegionName, Archived>,
) -> AccountResult {
    let now = context.run.ports.now();
    let is_selected = |region: &RegionName| {
        let fallback = locked.session.integration.fallback_region;
        route(&locked.session.integration, *region) == Route::Own || fallback == Some(*region)
    };
    let regions: BTreeSet<RegionName> = archived.keys().copied().filter(is_selected).collect();
    let chosen: Arc<BTreeMap<RegionName, (i64, AtomicU64)>> =
        Arc::new(archived.iter().map(|(region, of)| (*region, (of.at.as_millisecond(), AtomicU64::new(0)))).collect());
    let choose: Arc<Selector> = {
        let (chosen, known) = (chosen.clone(), context.run.regions.clone());
        Arc::new(move |region: RegionName, entry: &Entry| {
            let Some((at_ms, count)) = chosen.get(&region) else { return Ok(None) };
            let archived = match entry.meta.stored {
                Stored::Archived(_) => true,
                Stored::Active(_) => false,
                Stored::Uncertain => is_archived(&entry.json),
            };
            if !archived || entry.meta.is_tombstone() || entry.meta.sent_ms != *at_ms {
                return Ok(None);
            }
            count.fetch_add(1, Ordering::Relaxed);
            let status = status_of(&entry.meta, &entry.json, &known);
            let updated_ms = entry.meta.updated_ms + 1;
            let write = |updated_at| reactivated(&entry.json, status, updated_at);
            resend_stored(&entry.meta, Stored::Active(status), updated_ms, now, write).map(Some)
        })
    };
    let mut delivered = locked.delivery(context, locked.session.newest).resend(&regions, choose, false).await;
    for (region, archived) in &archived {
        let chosen = chosen.get(region).map_or(0, |(_, count)| count.load(Ordering::Relaxed));
        delivered.counts.read += archived.findings.max(chosen);
        let rest = archived.findings.saturating_sub(chosen);
        delivered.counts.add(fate_of_rest(*region, delivered.regions.get(region), &regions, chosen), rest);
    }
    locked.release(delivered, &regions).await
}

/// The outcome of findings that the run archived, and that the state does not have as archived by it.
fn fate_of_rest(
    region: RegionName,
    report: Option<&RegionReport>,
    selected: &BTreeSet<RegionName>,
    chosen: u64,
) -> Fate {
    if !selected.contains(&region) {
        return Fate::RegionUnavailable(region, REGION_NOT_SELECTED.to_owned());
    }
    let Some(report) = report.filter(|_| chosen == 0) else { return Fate::Filtered(MODIFIED_SINCE.to_owned()) };
    match (&report.unavailable, &report.unfinished) {
        (Some(unavailable), _) => Fate::RegionUnavailable(region, unavailable.reason.clone()),
        (None, Some(reason)) => Fate::Undelivered(reason.clone()),
        (None, None) => Fate::Filtered(MODIFIED_SINCE.to_owned()),
    }
}

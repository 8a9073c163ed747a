//! The end of an account's export: every finding has its outcome, resolved findings are archived, and the coverage is
//! saved.

use std::sync::Arc;

use asff::{AccountId, CheckId};
use jiff::Timestamp;

use super::export::{AccountExport, Context, Delivering, Ending, State, settings_of, suspended_error};
use super::session::AccountSession;
use crate::connection::{CachedConnection, CheckTarget};
use crate::delivery::{AccountDelivered, Judging, Limit, Verdicts};
use crate::evidence::coverage::{Coverage, FinishedUpload};
use crate::evidence::{Evidence, ManualFor, Proof, Reading};
use crate::model::integration::{ArchiveScope, Integration};
use crate::ports::{PortError, Ports};
use crate::report::{AccountReport, PendingArchive, ReadStatus, RunReport, undelivered};

impl<P: Ports> AccountExport<P> {
    /// Waits until every finding has its outcome, archives resolved findings, and releases the account. `manual`: the
    /// checks that could not be completed.
    pub(crate) async fn finish(
        mut self,
        context: &Context<P>,
        ending: &Ending,
        manual: Vec<(CheckId, ManualFor)>,
    ) -> Finished {
        let mut problem = None;
        let mut reason = undelivered::DEADLINE_EXCEEDED;
        if let Err(error) = self.wait_suspended().await {
            problem = Some(error);
        } else if !self.is_too_late(context)
            // An account that could not be resumed missed entries of the file, and is therefore not judged.
            && let Err(error) = self.resume_once().await
        {
            (problem, reason) = (Some(error), undelivered::CREDENTIALS_UNAVAILABLE);
        }
        let mut report = AccountReport {
            integration: self.integration,
            counts: self.counts,
            errors: self.errors,
            ..AccountReport::default()
        };
        let (account, has_verdicts) = (self.account, self.has_verdicts);
        let (mut error, mut stale) = (None, None);
        match self.state {
            State::Delivering(delivering) => {
                return delivering.finish(context, ending, self.evidence, manual, self.cached_connection, report).await;
            }
            State::SuspendedDelivery(suspended) => {
                let delivered = suspended.delivery.abandon(reason);
                report.problem = problem.map(|problem| problem.to_string());
                report.counts.merge(&delivered.counts);
                report.add_errors(&delivered.errors);
                report.regions = delivered.regions;
                // Each state was saved when the account was suspended.
                let released = suspended
                    .session
                    .release(delivered.in_doubt_regions.into_iter().chain(suspended.untracked), None)
                    .await;
                error = delivered.error.or(released.err());
            }
            State::Suspending(_) | State::Resuming => error = Some(suspended_error(account)),
            State::Complete(problem) => report.problem = problem.map(|problem| problem.to_string()),
            State::Excluded(problem) => report.problem = Some(problem.to_string()).filter(|_| has_verdicts),
            State::Superseded(_, message) => report.problem = Some(message).filter(|_| has_verdicts),
            State::Unavailable(problem) => {
                report.problem = Some(problem.to_string()).filter(|_| has_verdicts);
                stale = self.cached_connection.and_then(CachedConnection::target_if_rejected);
            }
        }
        context.run.shared.progress.plan([]);
        Finished { account, report, error, stale }
    }
}

impl<P: Ports> Delivering<P> {
    async fn finish(
        self,
        context: &Context<P>,
        ending: &Ending,
        evidence: Evidence,
        manual: Vec<(CheckId, ManualFor)>,
        cached_connection: Option<CachedConnection>,
        mut report: AccountReport,
    ) -> Finished {
        let Self { session, delivery, coverage, scanned_at, untracked } = self;
        let AccountSession { account, ref integration, .. } = session;
        let proof = Arc::new(proof(account, evidence, manual, integration, &coverage, ending));
        // If a file has several scans, later scans must not be older than its newest.
        let newest = proof.times().last().copied().unwrap_or(scanned_at).min(context.run.ports.now()).max(scanned_at);
        let (lately, of_scan) = coverage.archived_lately(newest);
        let limit = integration.archive_previous_findings.then_some(Limit {
            percent: integration.archive_limit_percent,
            lately,
            of_scan,
            approved: context.approval.pending,
        });
        // A run that stopped reading lacks findings that its file has, and that no list for approval had.
        let has_read = !matches!(ending.end, ReadStatus::Unread | ReadStatus::Stopped);
        let verdicts = Verdicts {
            proof: proof.clone(),
            coverage: coverage.clone(),
            scope: integration.archive_scope,
            absent_scans: integration.absent_scans,
            approves_unproven: context.approval.unproven && has_read,
            approves_pending: context.approval.pending,
            listed: context.listed.clone(),
            scanned_at: newest,
            scan_time: proof.times().last().copied().unwrap_or(scanned_at),
        };
        let mut delivered = delivery.finish(Some(Judging { verdicts, limit })).await;
        report.counts.merge(&delivered.counts);
        report.add_errors(&delivered.errors);
        report.regions = std::mem::take(&mut delivered.regions);
        report.pending_archive = delivered.requires_approval().then(|| {
            let (results, is_whole) = (proof.results(), proof.is_of_whole_account());
            PendingArchive::new(&delivered.pending_sums, &results, &coverage.results_before(newest), is_whole)
        });
        report.archive = delivered.archive.take();
        report.partial_scan = proof.partial();
        if proof.has_several_times() {
            report.scan_times = proof.times().iter().copied().collect();
        }
        let stale = cached_connection.and_then(|cached_connection| {
            cached_connection.target_if_outdated(&report.regions, context.run.ports.now())
        });
        let finished = finished_upload(context, account, ending, integration, &delivered, &report);
        let known = Known { finished, account, coverage: &coverage, proof: &proof, newest };
        let saved = match session.lease.is_lost() {
            // The coverage that another run may have saved since is not overwritten.
            true => Ok(()),
            false => known.save(context, integration, &delivered, &mut report).await,
        };
        let exported_at = known.finished.as_ref().filter(|_| saved.is_ok()).map(|finished| finished.at);
        let released = session.release(delivered.in_doubt_regions.iter().copied().chain(untracked), exported_at).await;
        let error = delivered.error.or(saved.err()).or(released.err());
        Finished { account, report, error, stale }
    }
}

/// The upload, if it is completely exported for the account.
fn finished_upload<P: Ports>(
    context: &Context<P>,
    account: AccountId,
    ending: &Ending,
    integration: &Integration,
    delivered: &AccountDelivered,
    report: &AccountReport,
) -> Option<FinishedUpload> {
    let is_complete = delivered.error.is_none()
        && ending.end == ReadStatus::Complete
        && delivered.counts.archive_undelivered == 0
        && !report.counts.undelivered.keys().any(|reason| undelivered::is_transient(reason))
        && report.regions.values().all(|region| region.unfinished.is_none());
    is_complete.then(|| FinishedUpload {
        identity: context.identity.to_string(),
        run_id: context.run.run_id().to_owned(),
        job_id: context.job_id.clone(),
        settings: settings_of(integration),
        at: context.run.ports.now(),
        is_degraded: RunReport::is_degraded_by(account, report),
    })
}

/// The outcome of an account.
pub(crate) struct Finished {
    pub(crate) account: AccountId,
    pub(crate) report: AccountReport,
    pub(crate) error: Option<PortError>,
    /// The account, if its connection must be checked again.
    pub(crate) stale: Option<CheckTarget>,
}

/// The proof from the account's entries.
fn proof(
    account: AccountId,
    mut evidence: Evidence,
    manual: Vec<(CheckId, ManualFor)>,
    integration: &Integration,
    coverage: &Coverage,
    ending: &Ending,
) -> Proof {
    for (check, about) in manual {
        evidence.record_manual(&check, about);
    }
    let reading = Reading {
        scope: integration.archive_scope,
        is_complete: ending.end == ReadStatus::Complete,
        has_end: ending.has_end,
        partial_scan_percent: integration.partial_scan_percent,
        last_whole: coverage.whole,
    };
    Proof::new(account, evidence, ending.malformed.clone(), reading)
}

/// The coverage of an account, and what its scan adds.
struct Known<'a> {
    account: AccountId,
    coverage: &'a Coverage,
    proof: &'a Proof,
    /// The time of the newest scan in the file, never in the future.
    newest: Timestamp,
    /// The upload, if it is completely exported for the account.
    finished: Option<FinishedUpload>,
}

impl Known<'_> {
    /// Saves the account's coverage with the scan added. This follows the saving of the states: if the run is aborted
    /// between the two, the next run is more cautious.
    async fn save<P: Ports>(
        &self,
        context: &Context<P>,
        integration: &Integration,
        delivered: &AccountDelivered,
        report: &mut AccountReport,
    ) -> Result<(), PortError> {
        let Self { account, proof, newest, .. } = *self;
        let mut coverage = self.coverage.clone();
        coverage.note_scan(proof, newest, &delivered.failed, &delivered.fully_compared, context.approval.unproven);
        // A Region that failed may have findings that wait, too. The run is tried again.
        if delivered.error.is_none() && proof.as_whole_scan(newest, context.approval.unproven).is_some() {
            coverage.note_results(&proof.results(), &delivered.waiting, newest);
        }
        for (region, holds_copies) in &delivered.copy_regions {
            coverage.note_copies(*region, *holds_copies);
        }
        if integration.archive_previous_findings {
            let unapproved = delivered.counts.archived.saturating_sub(delivered.unlimited);
            coverage.note_archived(newest, if context.approval.pending { 0 } else { unapproved });
            report.uncovered = Some(coverage.note_uncovered(proof, &delivered.unproven, newest));
            report.unproven.clone_from(&delivered.unproven);
        }
        coverage.finished.clone_from(&self.finished);
        if integration.archive_scope == ArchiveScope::Full && proof.has_several_times() {
            // The run has the account's lock: a scan that was recorded with the time of the first entry is now recorded
            // with the time of the newest entry, even if some of its findings were not delivered.
            let (ports, run_id) = (&context.run.ports, context.run.run_id());
            ports.acquire(account, run_id, &context.content, newest, ports.now(), context.run.until).await?;
        }
        if coverage != *self.coverage {
            coverage.write(context.run.ports.as_ref(), account).await?;
        }
        Ok(())
    }
}

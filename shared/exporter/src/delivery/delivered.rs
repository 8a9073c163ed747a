//! The outcome of one account's findings, collected from its Regions, and the decision whether findings are archived.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use asff::RegionName;

use super::worker::conclude::Conclusion;
use super::worker::judge::Verdicts;
use super::worker::region::{RegionWorker, WorkerResult};
use crate::delivery::limit::Limit;
use crate::delivery::limit::requires_approval;
use crate::grouped::Grouped;
use crate::ports::{PortError, Ports};
use crate::report::{ArchiveSkipped, Counts, Fate, PendingSums, RegionReport, Unproven, undelivered};
use crate::state::FindingKey;

/// The outcome of an account's findings.
#[derive(Debug, Default)]
pub(crate) struct AccountDelivered {
    pub(crate) counts: Counts,
    pub(crate) regions: BTreeMap<RegionName, RegionReport>,
    /// Quarantined and undelivered findings, by Region.
    pub(crate) errors: BTreeMap<RegionName, u64>,
    pub(crate) archive: Option<ArchiveSkipped>,
    pub(crate) unproven: Unproven,
    /// Active findings before the run, and of these those that are resolved.
    pub(crate) pending_sums: Grouped<PendingSums>,
    /// Active findings that the scan does not show, and that stay active for now.
    pub(crate) waiting: Grouped<u64>,
    /// Regions that stay in doubt.
    pub(crate) in_doubt_regions: BTreeSet<RegionName>,
    /// Regions whose state could not be saved.
    pub(crate) failed: BTreeSet<RegionName>,
    /// Regions whose state was compared with the scan as one of the whole account.
    pub(crate) fully_compared: BTreeSet<RegionName>,
    /// Each Region with a worker whose state was opened, and whether its Security Hub has findings of other Regions.
    pub(crate) copy_regions: BTreeMap<RegionName, bool>,
    /// The number of archived findings that do not count toward the limit.
    pub(crate) unlimited: u64,
    pub(crate) error: Option<PortError>,
    /// The keys of undelivered findings, if [`Policy::collects_deferred`](super::worker::Policy::collects_deferred) is set.
    pub(crate) deferred: HashSet<FindingKey>,
}

impl AccountDelivered {
    /// Decides whether findings are archived, by what all Regions together would archive.
    pub(super) fn decide_archive<P: Ports>(
        &mut self,
        verdicts: &Verdicts,
        limit: Limit,
        drained: &[RegionWorker<P>],
    ) -> Conclusion {
        let mut unattributed = 0;
        for tally in drained.iter().map(RegionWorker::tally) {
            unattributed += tally.unattributed;
            self.pending_sums.merge(&tally.sums, PendingSums::add);
            self.waiting.merge(&tally.open, |all, open| *all += open);
            self.counts.absent += tally.absent;
            add_unproven(&mut self.unproven, tally.unproven);
        }
        let total = |of: fn(&PendingSums) -> u64| self.pending_sums.services.values().map(of).sum::<u64>();
        let (active, pending) = (total(|sums| sums.active), total(PendingSums::pending));
        let lately = limit.lately + limit.of_scan.saturating_sub(unattributed);
        let conclusion = self.decide(verdicts, Limit { lately, ..limit }, drained, (pending, active));
        if !conclusion.archives {
            self.waiting.merge(&self.pending_sums, |all, sums| *all += sums.pending());
        }
        conclusion
    }

    fn decide<P: Ports>(
        &mut self,
        verdicts: &Verdicts,
        limit: Limit,
        drained: &[RegionWorker<P>],
        (pending, active): (u64, u64),
    ) -> Conclusion {
        let unproven = self.unproven.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values);
        self.counts.unproven = unproven.sum();
        // A Region that failed, or whose state could not be compared, may have further findings. The run is retried.
        let is_unknown = |worker: &RegionWorker<P>| worker.state.has_failed() || !worker.is_compared();
        if self.error.is_some() || drained.iter().any(is_unknown) {
            return Conclusion::default();
        }
        if !verdicts.proof.is_complete() && self.counts.unproven > 0 {
            self.archive = Some(ArchiveSkipped::Incomplete { why: "the file was not read to its end".to_owned() });
        }
        let archives_unproven = verdicts.approves_unproven;
        let unlimited = Conclusion { archives_moved: true, archives_unproven, ..Conclusion::default() };
        if !limit.approved && requires_approval(pending, active, limit.lately, limit.percent) {
            self.archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active });
            return Conclusion { archives: false, lists: true, ..unlimited };
        }
        Conclusion { archives: true, ..unlimited }
    }

    /// Computes the sums of the pending archive again, after the Regions of all findings were read.
    pub(super) fn add_up_pending<P: Ports>(&mut self, drained: &[RegionWorker<P>]) {
        self.pending_sums = Grouped::default();
        for tally in drained.iter().map(RegionWorker::tally) {
            self.pending_sums.merge(&tally.sums, PendingSums::add);
        }
    }

    /// Whether the archive requires approval.
    pub(crate) fn requires_approval(&self) -> bool {
        matches!(self.archive, Some(ArchiveSkipped::ArchiveRequiresApproval { .. }))
    }

    /// Handles a run in which no Region responded: more likely the exporter's network failed than all Regions, and a
    /// retry may succeed.
    pub(super) fn mark_network_unreachable(&mut self) {
        let reason = undelivered::UNREACHABLE;
        let mut findings = 0;
        let mut errors = BTreeMap::new();
        self.counts.region_unavailable.retain(|region, reasons| {
            let unreachable = reasons.remove(reason).unwrap_or_default();
            findings += unreachable;
            errors.extend(region.parse::<RegionName>().ok().map(|region| (region, unreachable)));
            !reasons.is_empty()
        });
        errors.into_iter().for_each(|(region, findings)| self.add_errors(region, findings));
        self.counts.add(Fate::Undelivered(reason.to_owned()), findings);
        for report in self.regions.values_mut() {
            if report.unavailable.take_if(|unavailable| unavailable.reason == reason).is_some() {
                report.unfinished = Some(reason.to_owned());
            }
        }
    }

    fn add_errors(&mut self, region: RegionName, findings: u64) {
        if findings > 0 {
            *self.errors.entry(region).or_default() += findings;
        }
    }

    pub(super) fn add_region(&mut self, region: RegionName, result: WorkerResult) {
        self.counts.merge(&result.counts);
        self.add_errors(region, result.counts.errors());
        self.regions.insert(region, result.report);
        self.deferred.extend(result.deferred_keys);
        self.unlimited += result.unlimited;
        self.copy_regions.extend(result.holds_copies.map(|holds_copies| (region, holds_copies)));
        if result.is_in_doubt {
            self.in_doubt_regions.insert(region);
        }
        if result.is_fully_compared {
            self.fully_compared.insert(region);
        }
        if let Some(error) = result.error {
            self.failed.insert(region);
            self.error.get_or_insert(error);
        }
    }

    /// The result of a task. A task that ended early leaves findings without an outcome: the counts do not add up, and
    /// the run fails as required.
    pub(super) fn join_result<T>(
        &mut self,
        region: RegionName,
        outcome: Result<T, tokio::task::JoinError>,
    ) -> Option<T> {
        let finished = outcome.map_err(|_| self.error.get_or_insert(worker_stopped(region))).ok();
        if finished.is_none() {
            self.failed.insert(region);
            self.in_doubt_regions.insert(region);
        }
        finished
    }
}

fn add_unproven(all: &mut Unproven, more: Unproven) {
    for (region, services) in more {
        for (service, reasons) in services {
            for (reason, findings) in reasons {
                *all.entry(region).or_default().entry(service.clone()).or_default().entry(reason).or_default() +=
                    findings;
            }
        }
    }
}

pub(super) fn worker_stopped(region: RegionName) -> PortError {
    PortError {
        action: format!("deliver findings to {region}"),
        message: "the worker of the Region ended early".to_owned(),
    }
}

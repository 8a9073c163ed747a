//! The findings of a run that require approval, in sentences, with the commands to run.

use std::collections::{BTreeMap, BTreeSet};

use asff::{AccountId, RegionName};

use super::unproven::{NO_REGION_RESULTS, NO_SERVICE_RESULTS, explain};
use super::{AccountReport, ArchiveSkipped, PartialScan, RunReport, RunTrigger};
use crate::model::approval::Approval;

/// Maximum number of names that a sentence lists.
const NAMES_MAX: usize = 5;

impl AccountReport {
    /// Whether resolved findings are archived only upon approval.
    pub fn has_pending(&self) -> bool {
        matches!(self.archive, Some(ArchiveSkipped::ArchiveRequiresApproval { .. }))
    }

    /// How many findings are archived upon approval because they are more than the limit.
    pub fn pending_findings(&self) -> u64 {
        match self.archive {
            Some(ArchiveSkipped::ArchiveRequiresApproval { pending, .. }) => pending,
            _ => 0,
        }
    }

    /// Whether the scan proves nothing about some active findings, or looks partial.
    pub fn has_unproven(&self) -> bool {
        // A report in a list contains only the count.
        !self.unproven.is_empty() || self.counts.unproven > 0 || self.partial_scan.is_some()
    }

    /// Whether this approval would change anything.
    pub fn is_affected_by(&self, approval: Approval) -> bool {
        (approval.pending && self.has_pending()) || (approval.unproven && self.has_unproven())
    }
}

impl RunTrigger {
    /// The trigger of a run that exports the upload of an earlier run again.
    pub fn of_reexport(approval: Approval) -> Self {
        if approval == Approval::default() { Self::Replay } else { Self::Approval }
    }
}

impl RunReport {
    /// The accounts in which this approval would change anything.
    pub fn accounts_to_approve(&self, approval: Approval) -> impl Iterator<Item = (AccountId, &AccountReport)> {
        let waiting = self.accounts.iter().filter(move |(_, report)| report.is_affected_by(approval));
        waiting.map(|(account, report)| (*account, report))
    }

    /// How many findings this approval would archive.
    pub fn findings_to_approve(&self, approval: Approval) -> u64 {
        let pending = |report: &AccountReport| if approval.pending { report.pending_findings() } else { 0 };
        let unproven = |report: &AccountReport| if approval.unproven { report.counts.unproven } else { 0 };
        self.accounts.values().map(|report| pending(report) + unproven(report)).sum()
    }

    /// How many findings this approval would archive in each Region. Without Regions that were unavailable or not selected:
    /// findings of these are archived in the fallback Region, or stay as they are.
    pub(crate) fn regions_to_approve(&self, approval: Approval) -> BTreeMap<RegionName, u64> {
        let mut regions = BTreeMap::new();
        for report in self.accounts.values() {
            let pending =
                report.pending_archive.iter().filter(|_| approval.pending).flat_map(|pending| &pending.regions);
            let pending = pending.map(|(region, sums)| (*region, sums.pending()));
            let unproven = report.unproven.iter().filter(|_| approval.unproven);
            let unproven =
                unproven.map(|(region, services)| (*region, services.values().flat_map(BTreeMap::values).sum()));
            let is_own = |region: &RegionName| report.regions.get(region).is_some_and(|own| own.unavailable.is_none());
            for (region, findings) in pending.chain(unproven).filter(|(region, _)| is_own(region)) {
                *regions.entry(region).or_default() += findings;
            }
        }
        regions
    }

    /// Whether anything of the run requires approval.
    pub fn needs_approval(&self) -> bool {
        self.accounts_to_approve(Approval { pending: true, unproven: true }).next().is_some()
    }

    /// The command that approves the run.
    pub fn approve_command(&self, approval: Approval) -> String {
        let options = match approval {
            Approval { pending: true, unproven: true } => " --pending --unproven",
            Approval { unproven: true, .. } => " --unproven",
            Approval { .. } => "",
        };
        format!("hubctl run approve {}{options}", self.run_id)
    }

    /// What requires approval in an account: one sentence for each reason, followed by the commands.
    pub(super) fn approval_reasons(&self, account: AccountId, options: &str) -> Vec<String> {
        let Some(report) = self.accounts.get(&account) else { return Vec::new() };
        let list = format!("hubctl run pending {}{options}  # lists them", self.run_id);
        let approve =
            |approval: Approval, effect: &str| format!("{}{options}  # {effect}", self.approve_command(approval));
        let mut reasons = Vec::new();
        if let Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) = &report.archive {
            let approve = approve(Approval { pending: true, unproven: false }, "archives them, if the scan is right");
            reasons.push(format!(
                "account {account}: archive_requires_approval: the scan shows {pending} of {active} active findings as \
                 resolved, more than the limit; they are archived upon approval\n{list}\n{approve}"
            ));
        }
        let unproven = Approval { pending: false, unproven: true };
        if let Some(scan) = &report.partial_scan {
            let approve = approve(unproven, "archives what is absent, and compares later scans with this one");
            reasons.push(format!("account {account}: {}\n{approve}", looks_partial(scan)));
        }
        for (reason, scopes) in by_reason(report) {
            let approve = approve(unproven, "archives them, if they are resolved");
            let findings: u64 = scopes.values().sum();
            let (findings, verb) = if findings == 1 {
                ("1 active finding".to_owned(), "stays")
            } else {
                (format!("{findings} active findings"), "stay")
            };
            reasons.push(format!(
                "account {account}: {findings} {verb} active, because {}{}\n{list}\n{approve}",
                explain(reason),
                scope_names(reason, &scopes)
            ));
        }
        reasons
    }
}

/// A sentence about a scan that looks partial.
fn looks_partial(scan: &PartialScan) -> String {
    let PartialScan { verdicts, checks, last_verdicts, last_checks, last_scanned_at } = scan;
    format!(
        "the scan looks partial: it has {verdicts} results of {checks} checks, the last whole scan ({last_scanned_at:.0}) had \
         {last_verdicts} of {last_checks}; nothing is archived for being absent from it"
    )
}

/// The unproven findings of an account by reason, and by Region and service.
fn by_reason(report: &AccountReport) -> BTreeMap<&str, BTreeMap<(RegionName, &str), u64>> {
    let mut all: BTreeMap<&str, BTreeMap<(RegionName, &str), u64>> = BTreeMap::new();
    for (region, services) in &report.unproven {
        for (service, reasons) in services {
            for (reason, findings) in reasons {
                all.entry(reason).or_default().insert((*region, service), *findings);
            }
        }
    }
    all
}

/// The names that a reason refers to, in parentheses: Regions or services, if they are few.
fn scope_names(reason: &str, scopes: &BTreeMap<(RegionName, &str), u64>) -> String {
    let names: BTreeSet<String> = match reason {
        NO_REGION_RESULTS => scopes.keys().map(|(region, _)| region.to_string()).collect(),
        NO_SERVICE_RESULTS => scopes.keys().map(|(_, service)| (*service).to_owned()).collect(),
        _ => scopes.keys().map(|(region, service)| format!("{service} in {region}")).collect(),
    };
    if names.len() > NAMES_MAX {
        return String::new();
    }
    format!(" ({})", names.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::upload::UploadInfo;

    const ACCOUNT: &str = "123456789012";

    fn run(report: AccountReport) -> RunReport {
        let upload =
            UploadInfo { source: String::new(), etag: String::new(), bytes: 0, modified_at: None, requester: None };
        let mut run = RunReport::new("r1".to_owned(), upload, Timestamp::UNIX_EPOCH);
        run.read_status = crate::report::ReadStatus::Complete;
        run.accounts.insert(ACCOUNT.parse().unwrap(), report);
        run
    }

    fn unproven(rows: &[(&str, &str, &str, u64)]) -> AccountReport {
        let mut report = AccountReport::default();
        for (region, service, reason, findings) in rows {
            let services = report.unproven.entry(region.parse().unwrap()).or_default();
            services.entry((*service).to_owned()).or_default().insert((*reason).to_owned(), *findings);
        }
        report
    }

    #[test]
    fn each_reason_is_a_sentence_with_the_commands_below_it() {
        let mut report = unproven(&[
            ("me-central-1", "ec2", NO_REGION_RESULTS, 12),
            ("me-central-1", "s3", NO_REGION_RESULTS, 8),
            ("us-east-1", "iam", "manual_check", 1),
        ]);
        report.archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
        report.partial_scan = Some(PartialScan {
            verdicts: 120,
            checks: 14,
            last_verdicts: 687,
            last_checks: 82,
            last_scanned_at: "2026-11-20T08:00:00Z".parse().unwrap(),
        });
        let reasons = run(report).approval_reasons(ACCOUNT.parse().unwrap(), " --state DIR");
        let expected = [
            "account 123456789012: archive_requires_approval: the scan shows 80 of 120 active findings as resolved, more than the limit; they are archived upon approval",
            "hubctl run pending r1 --state DIR  # lists them",
            "hubctl run approve r1 --state DIR  # archives them, if the scan is right",
            "account 123456789012: the scan looks partial: it has 120 results of 14 checks, the last whole scan (2026-11-20T08:00:00Z) had 687 of 82; nothing is archived for being absent from it",
            "hubctl run approve r1 --unproven --state DIR  # archives what is absent, and compares later scans with this one",
            "account 123456789012: 1 active finding stays active, because the check could not be completed (MANUAL), often for a missing permission (iam in us-east-1)",
            "hubctl run pending r1 --state DIR  # lists them",
            "hubctl run approve r1 --unproven --state DIR  # archives them, if they are resolved",
            "account 123456789012: 20 active findings stay active, because the scan has no results for the Region (me-central-1)",
            "hubctl run pending r1 --state DIR  # lists them",
            "hubctl run approve r1 --unproven --state DIR  # archives them, if they are resolved",
        ];
        assert_eq!(reasons.join("\n").lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_run_with_unproven_findings_is_degraded_and_requires_approval() {
        let mut run = run(unproven(&[("eu-west-1", "ec2", "partial_scan", 3)]));
        (run.counts.read, run.counts.unchanged) = (1, 1);
        run.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!(run.status, crate::report::RunStatus::Degraded);
        let waits = |pending, unproven| run.accounts_to_approve(Approval { pending, unproven }).count();
        assert_eq!((waits(true, false), waits(false, true), waits(true, true)), (0, 1, 1));
        assert_eq!(
            run.approve_command(Approval { pending: true, unproven: true }),
            "hubctl run approve r1 --pending --unproven"
        );
    }
}

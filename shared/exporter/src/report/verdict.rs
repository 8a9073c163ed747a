//! The status of a run, and what a user must know about the run.

use asff::AccountId;
use jiff::Timestamp;

use super::reasons::filtered::{NOT_AUTHORIZED_SOURCE, SUPERSEDED};
use super::{
    AccountReport, ArchiveSkipped, Counts, ReadStatus, RegionReport, RunKind, RunReport, RunStatus, undelivered,
};
use crate::model::problem::Problem;
use crate::model::upload::UploadInfo;
use crate::selection::filter::FilterReason;

/// The reason for a file that was read to its end and contains no findings.
pub const NO_FINDINGS: &str = "the file contains no findings";

/// The reason for a file that was read to its end and contains only findings that are never sent.
const NO_AWS_FINDINGS: &str = "the file contains no findings of Prowler about AWS";
/// The reasons for which findings of other clouds and products are filtered.
const OTHERS: [&str; 2] = ["not_aws", "other_product"];

impl RunReport {
    /// Determines the status from the outcomes of the findings. `command_options` are the options that the commands in the
    /// reasons need.
    pub(crate) fn conclude(&mut self, now: Timestamp, command_options: &str) {
        self.finished_at = Some(now);
        self.reasons = self.explain(command_options);
        self.status = self.verdict();
    }

    fn verdict(&self) -> RunStatus {
        let counts = &self.counts;
        let regions = self.accounts.values().flat_map(|account| account.regions.values());
        let mut causes: Vec<&str> = regions.filter_map(|region| region.unfinished.as_deref()).collect();
        causes.extend(counts.undelivered.keys().map(String::as_str).filter(|reason| undelivered::is_transient(reason)));
        let out_of_time = causes.contains(&undelivered::DEADLINE_EXCEEDED) || self.read_status == ReadStatus::Stopped;
        let broken = causes.iter().any(|cause| *cause != undelivered::DEADLINE_EXCEEDED)
            || (counts.archive_undelivered > 0 && !out_of_time);
        match &self.read_status {
            ReadStatus::Unread => RunStatus::Failed,
            _ if broken => RunStatus::Failed,
            _ if out_of_time => RunStatus::Unfinished,
            ReadStatus::Rejected { .. } if counts.read == 0 => RunStatus::Ignored,
            _ if self.is_empty() || self.is_of_others() => RunStatus::Ignored,
            _ if self.is_all_filtered(FilterReason::OtherFormat.as_str()) => RunStatus::Ignored,
            _ if self.is_all_filtered(SUPERSEDED) => RunStatus::Superseded,
            _ if self.reasons.is_empty() => RunStatus::Succeeded,
            _ => RunStatus::Degraded,
        }
    }

    /// Whether the outcomes of one account's findings make a run degraded.
    pub(crate) fn is_degraded_by(account: AccountId, report: &AccountReport) -> bool {
        let of_one = Self {
            read_status: ReadStatus::Complete,
            counts: Counts { read: report.counts.read.max(1), ..report.counts.clone() },
            accounts: [(account, report.clone())].into(),
            ..Self::new(String::new(), UploadInfo::default(), Timestamp::UNIX_EPOCH)
        };
        !of_one.explain("").is_empty() || report.counts.region_unavailable_total() > 0
    }

    /// Whether the upload was read to its end and contains no findings.
    pub fn is_empty(&self) -> bool {
        self.kind == RunKind::Export && self.read_status == ReadStatus::Complete && self.counts.read == 0
    }

    /// Whether the upload was read to its end and has only findings of other clouds and products.
    fn is_of_others(&self) -> bool {
        let filtered = |reason: &&str| self.counts.filtered.get(*reason).copied().unwrap_or_default();
        let others: u64 = OTHERS.iter().map(filtered).sum();
        let manual = filtered(&FilterReason::Manual.as_str());
        let is_read = self.kind == RunKind::Export && self.read_status == ReadStatus::Complete;
        is_read && others > 0 && others + manual == self.counts.read
    }

    /// Whether the scan was filtered as a whole for this reason, such as an outdated scan in every account. Manual checks,
    /// which are never sent, don't count.
    fn is_all_filtered(&self, reason: &str) -> bool {
        let all_filtered = |counts: &Counts| {
            let manual = counts.filtered.get(FilterReason::Manual.as_str()).copied().unwrap_or_default();
            counts.filtered.get(reason) == Some(&(counts.read - manual))
        };
        !self.accounts.is_empty()
            && self.counts.filtered_total() == self.counts.read
            && self.accounts.values().all(|account| all_filtered(&account.counts))
    }

    /// What a user must know, one sentence for each reason, followed by the fix. Empty if there is no problem.
    fn explain(&self, command_options: &str) -> Vec<String> {
        let mut reasons = Vec::new();
        match &self.read_status {
            ReadStatus::Complete if self.is_empty() => reasons.push(NO_FINDINGS.to_owned()),
            ReadStatus::Complete if self.is_of_others() => reasons.push(NO_AWS_FINDINGS.to_owned()),
            ReadStatus::Complete => {}
            ReadStatus::Unread => reasons.push("the file was not read".to_owned()),
            ReadStatus::Stopped => reasons.push("deadline exceeded before the end of the file".to_owned()),
            ReadStatus::Truncated { offset, reason } => {
                reasons.push(format!("the file is truncated at byte {offset}: {reason}"));
            }
            ReadStatus::Rejected { message, .. } => reasons.push(message.clone()),
        }
        reasons.extend(explain_counts(&self.counts));
        for (account, report) in &self.accounts {
            reasons.extend(report.problem.clone());
            if let Some(ArchiveSkipped::Incomplete { why }) = &report.archive {
                reasons.push(format!("account {account}: nothing was archived, since {why}"));
            }
            reasons.extend(self.approval_reasons(*account, command_options));
            for (region, report) in &report.regions {
                let explained = explain_region(report, command_options);
                reasons.extend(explained.into_iter().map(|reason| format!("account {account}, {region}: {reason}")));
            }
        }
        reasons
    }
}

/// What a user must know about the outcomes of the findings.
fn explain_counts(counts: &Counts) -> Vec<String> {
    let mut reasons = Vec::new();
    if counts.malformed > 0 {
        reasons.push(format!("{} entries of the file are malformed", counts.malformed));
    }
    if let Some(findings) = counts.filtered.get(NOT_AUTHORIZED_SOURCE) {
        reasons.push(format!("{findings} findings are not from a source that may send them: {NOT_AUTHORIZED_SOURCE}"));
    }
    for (code, findings) in &counts.quarantined {
        reasons.push(format!("{findings} findings are in quarantine: {code}"));
    }
    for (reason, findings) in &counts.undelivered {
        reasons.push(format!("{findings} findings are undelivered: {reason}"));
    }
    if counts.archive_undelivered > 0 {
        reasons.push(format!("{} findings could not be archived", counts.archive_undelivered));
    }
    for (code, findings) in &counts.archive_rejected {
        reasons.push(format!(
            "{findings} resolved findings stay active, since Security Hub rejects their archiving ({code}); they are \
             quarantined, and each scan retries"
        ));
    }
    if counts.archive_unavailable > 0 {
        let findings = counts.archive_unavailable;
        reasons.push(format!("{findings} resolved findings stay active, since their Regions are unavailable"));
    }
    reasons
}

/// What a user must know about a Region.
fn explain_region(report: &RegionReport, command_options: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(why) = &report.adoption_skipped {
        // The state has the reason in one line, with the command at its end.
        let why = match why.split_once("; to read the rest: ") {
            Some((why, command)) => format!("{why}\n{command}{command_options}"),
            None => why.clone(),
        };
        reasons.push(format!(
            "failed to read the findings in Security Hub, so findings that others sent may stay active: {why}"
        ));
    }
    reasons.extend(report.hub_unverified.clone());
    if let Some(why) = report.drift.as_ref().and_then(|drift| drift.unread.as_ref()) {
        reasons.push(format!("the comparison is incomplete, so nothing was fixed: {why}"));
    }
    if let Some(reason) = &report.unfinished {
        reasons.push(format!("it is unknown which findings are resolved: {reason}"));
    }
    if let Some(unavailable) = &report.unavailable {
        let named = Problem { message: unavailable.reason.clone(), ..unavailable.clone() };
        reasons.push(named.to_string());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Fate;

    /// A run with two findings of an account, and one that belongs to none.
    fn run(fate: &Fate) -> RunReport {
        let mut run = RunReport::new(String::new(), UploadInfo::default(), Timestamp::UNIX_EPOCH);
        run.read_status = ReadStatus::Complete;
        let mut account = AccountReport { problem: Some("older".to_owned()), ..AccountReport::default() };
        account.counts.read = 2;
        account.counts.add(fate.clone(), 2);
        run.counts.read = 3;
        run.counts.add(fate.clone(), 2);
        run.counts.add(Fate::Filtered("manual".to_owned()), 1);
        run.accounts.insert("123456789012".parse().unwrap(), account);
        run
    }

    #[test]
    fn a_file_without_findings_is_ignored_with_that_reason() {
        let mut empty = run(&Fate::Sent);
        (empty.counts, empty.accounts) = Default::default();
        empty.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!((empty.status, empty.reasons.as_slice()), (RunStatus::Ignored, &[NO_FINDINGS.to_owned()][..]));
        let mut job = RunReport { kind: RunKind::Redrive, ..empty };
        job.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!((job.status, job.reasons.len()), (RunStatus::Succeeded, 0));
    }

    #[test]
    fn a_pending_approval_degrades_each_run_of_the_upload() {
        let account = "123456789012".parse().unwrap();
        let mut report = AccountReport::default();
        (report.counts.read, report.counts.sent) = (2, 2);
        assert!(!RunReport::is_degraded_by(account, &report));
        report.archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 21, active: 22 });
        assert!(RunReport::is_degraded_by(account, &report));
    }

    #[test]
    fn a_scan_in_another_format_is_ignored() {
        let mut other = run(&Fate::Filtered(FilterReason::OtherFormat.as_str().to_owned()));
        other.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!(other.status, RunStatus::Ignored);
    }

    #[test]
    fn a_scan_is_superseded_despite_findings_without_an_account() {
        let mut superseded = run(&Fate::Filtered(SUPERSEDED.to_owned()));
        superseded.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!(superseded.status, RunStatus::Superseded);
        let mut filtered = run(&Fate::Filtered("passed".to_owned()));
        filtered.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!(filtered.status, RunStatus::Degraded);
    }
}

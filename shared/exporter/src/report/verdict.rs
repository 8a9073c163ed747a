//! How a run ended, and what somebody should know about it.

use jiff::Timestamp;

use super::{ArchiveSkipped, Counts, FileEnd, RunReport, RunStatus, undelivered};
use crate::account::SUPERSEDED;
use crate::filter::Kept;

impl RunReport {
    /// Decides how the run ended, from what became of its findings. `command_options` are the options that its commands need.
    pub(crate) fn conclude(&mut self, now: Timestamp, command_options: &str) {
        self.finished_at = Some(now);
        self.reasons = self.explain(command_options);
        self.status = self.verdict();
    }

    fn verdict(&self) -> RunStatus {
        let counts = &self.counts;
        let regions = self.accounts.values().flat_map(|account| account.regions.values());
        let mut causes: Vec<&str> = regions.filter_map(|region| region.unfinished.as_deref()).collect();
        causes.extend(counts.undelivered.keys().map(String::as_str).filter(|reason| undelivered::passes(reason)));
        let out_of_time = causes.contains(&undelivered::OUT_OF_TIME) || self.file_end == FileEnd::Stopped;
        let broken = causes.iter().any(|cause| *cause != undelivered::OUT_OF_TIME)
            || (counts.archive_undelivered > 0 && !out_of_time);
        match &self.file_end {
            FileEnd::Unread => RunStatus::Failed,
            _ if broken => RunStatus::Failed,
            _ if out_of_time => RunStatus::Unfinished,
            FileEnd::Refused { .. } if counts.read == 0 => RunStatus::Ignored,
            _ if self.is_superseded() => RunStatus::Superseded,
            _ if self.reasons.is_empty() => RunStatus::Succeeded,
            _ => RunStatus::Degraded,
        }
    }

    /// Whether the scan is an older one of every account in it. What is never sent, such as what a person must look at by
    /// hand, changes nothing about that.
    fn is_superseded(&self) -> bool {
        let superseded = |counts: &Counts| {
            let manual = counts.filtered.get(Kept::Manual.as_str()).copied().unwrap_or_default();
            counts.filtered.get(SUPERSEDED) == Some(&(counts.read - manual))
        };
        !self.accounts.is_empty()
            && self.counts.filtered_total() == self.counts.read
            && self.accounts.values().all(|account| superseded(&account.counts))
    }

    /// What somebody should know, a sentence each, and below it what mends it. Empty where all is well.
    fn explain(&self, command_options: &str) -> Vec<String> {
        let mut reasons = Vec::new();
        match &self.file_end {
            FileEnd::Complete => {}
            FileEnd::Unread => reasons.push("the file was not read".to_owned()),
            FileEnd::Stopped => reasons.push("the time was over before the end of the file".to_owned()),
            FileEnd::Truncated { offset, reason } => {
                reasons.push(format!("the file is truncated at byte {offset}: {reason}"));
            }
            FileEnd::Refused { message, .. } => reasons.push(message.clone()),
        }
        if self.counts.unreadable > 0 {
            reasons.push(format!("{} entries of the file are unreadable", self.counts.unreadable));
        }
        for (code, findings) in &self.counts.quarantined {
            reasons.push(format!("{findings} findings are in quarantine: {code}"));
        }
        for (reason, findings) in &self.counts.undelivered {
            reasons.push(format!("{findings} findings are undelivered: {reason}"));
        }
        if self.counts.archive_undelivered > 0 {
            reasons.push(format!("{} findings could not be archived", self.counts.archive_undelivered));
        }
        for (account, report) in &self.accounts {
            reasons.extend(report.problem.clone());
            if let Some(ArchiveSkipped::Incomplete { why }) = &report.archive {
                reasons.push(format!("account {account}: nothing was archived, since {why}"));
            }
            reasons.extend(self.approval_reasons(*account, command_options));
            for (region, report) in &report.regions {
                if let Some(why) = &report.not_adopted {
                    // The state keeps the reason in one line, the command at its end.
                    let why = match why.split_once("; read the rest with: ") {
                        Some((why, command)) => format!("{why}\n{command}{command_options}"),
                        None => why.clone(),
                    };
                    reasons.push(format!(
                        "account {account}, {region}: what Security Hub holds could not be read, so findings that others \
                         sent may stay active: {why}"
                    ));
                }
                if let Some(why) = report.drift.as_ref().and_then(|drift| drift.unread.as_ref()) {
                    reasons.push(format!("account {account}, {region}: not compared to the end, so not mended: {why}"));
                }
                if let Some(reason) = &report.unfinished {
                    reasons.push(format!("account {account}, {region}: {reason} before its end"));
                }
                if let Some(unavailable) = &report.unavailable {
                    let (reason, mend) = (&unavailable.reason, &unavailable.mend);
                    reasons.push(format!("account {account}, {region}: {reason}\n{mend}"));
                }
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{AccountReport, Fate};
    use crate::upload::UploadInfo;

    /// A run over two findings of an account, and one that belongs to none.
    fn run(fate: &Fate) -> RunReport {
        let upload = UploadInfo { source: String::new(), etag: String::new(), bytes: 0, modified_at: None };
        let mut run = RunReport::begin(String::new(), upload, Timestamp::UNIX_EPOCH);
        run.file_end = FileEnd::Complete;
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
    fn a_scan_is_superseded_whatever_belongs_to_no_account() {
        let mut superseded = run(&Fate::Filtered(SUPERSEDED.to_owned()));
        superseded.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!(superseded.status, RunStatus::Superseded);
        let mut filtered = run(&Fate::Filtered("passed".to_owned()));
        filtered.conclude(Timestamp::UNIX_EPOCH, "");
        assert_eq!(filtered.status, RunStatus::Degraded);
    }
}

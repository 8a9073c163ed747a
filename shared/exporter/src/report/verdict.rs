//! How a run ended, and what somebody should know about it.

use jiff::Timestamp;

use super::{ArchiveSkipped, FileEnd, RunReport, RunStatus, undelivered};
use crate::account::SUPERSEDED;

impl RunReport {
    /// Decides how the run ended, from what became of its findings.
    pub(crate) fn conclude(&mut self, now: Timestamp) {
        self.finished_at = Some(now);
        self.reasons = self.explain();
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
            _ if counts.read > 0 && counts.filtered.get(SUPERSEDED) == Some(&counts.read) => RunStatus::Superseded,
            _ if self.reasons.is_empty() => RunStatus::Succeeded,
            _ => RunStatus::Degraded,
        }
    }

    /// What somebody should know, a sentence each. Empty where all is well.
    fn explain(&self) -> Vec<String> {
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
            match &report.archive {
                None => {}
                Some(ArchiveSkipped::Incomplete { why }) => {
                    reasons.push(format!("account {account}: nothing was archived, since {why}"));
                }
                Some(ArchiveSkipped::ArchiveHeld { over, live }) => reasons.push(format!(
                    "account {account}: archive_held: {over} of {live} live findings are over; let them go with: hubctl \
                     run approve {}",
                    self.run_id
                )),
            }
            for (region, report) in &report.regions {
                if let Some(reason) = &report.unfinished {
                    reasons.push(format!("account {account}, {region}: {reason} before its end"));
                }
                if let Some(unavailable) = &report.unavailable {
                    let (reason, mend) = (&unavailable.reason, &unavailable.mend);
                    reasons.push(format!("account {account}, {region}: {reason}. {mend}"));
                }
            }
        }
        reasons
    }
}

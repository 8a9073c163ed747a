//! How a run ended, and what somebody should know about it.

use jiff::Timestamp;

use super::{FileEnd, RunReport, RunStatus, undelivered};

impl RunReport {
    /// Decides how the run ended, from what became of its findings.
    pub(crate) fn conclude(&mut self, now: Timestamp) {
        self.finished_at = Some(now);
        self.reasons = self.explain();
        let retry = self.counts.undelivered.keys().any(|reason| undelivered::passes(reason));
        self.status = match &self.file_end {
            _ if retry => RunStatus::Failed,
            FileEnd::Stopped | FileEnd::Unread => RunStatus::Failed,
            FileEnd::Refused { .. } if self.counts.read == 0 => RunStatus::Ignored,
            _ if self.reasons.is_empty() => RunStatus::Succeeded,
            _ => RunStatus::Degraded,
        };
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
        for (account, report) in &self.accounts {
            reasons.extend(report.problem.clone());
            for (region, report) in &report.regions {
                if let Some(unavailable) = &report.unavailable {
                    let (reason, mend) = (&unavailable.reason, &unavailable.mend);
                    reasons.push(format!("account {account}, {region}: {reason}. {mend}"));
                }
            }
        }
        reasons
    }
}

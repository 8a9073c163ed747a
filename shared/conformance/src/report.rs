//! The report of a run, with one line per assumption. It can be attached to an issue.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::check::{Reason, Verdict};
use crate::clean_up::CleanUp;
use crate::redact::redacted;
use crate::session::Session;

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    /// Name of the check.
    pub id: &'static str,
    /// The assumption of the exporter.
    pub assumed: String,
    /// The behavior of the exporter that depends on the assumption.
    pub used_by: &'static str,
    /// The behavior of the service, or why the check was not made.
    pub observed: String,
    /// The conclusion.
    pub verdict: Verdict,
    /// Why the check was not made. `None` if it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How a user can make the check possible. `None` if it was made, or if no user action can make it possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

/// Number of checks by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Assumptions that hold.
    pub holds: usize,
    /// Assumptions from which the service deviates.
    pub deviates: usize,
    /// Assumptions that were not checked.
    pub not_checked: usize,
}

/// The report of a run. Its field names are part of the public interface.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The ID of the run, which is in the Ids of its findings.
    pub run: String,
    /// Version of this program.
    pub version: &'static str,
    /// The account ID, or `ACCOUNT` if the report is redacted.
    pub account: String,
    /// The partition.
    pub partition: String,
    /// The Region.
    pub region: String,
    /// Start of the run.
    pub started_at: Timestamp,
    /// End of the run, without the clean-up.
    pub finished_at: Timestamp,
    /// Longest time in seconds until `GetFindings` returned an import.
    pub lag_seconds_max: f64,
    /// Number of findings that were sent, including those that were rejected or ignored.
    pub findings_sent: u64,
    /// Number of checks by verdict.
    pub counts: Counts,
    /// The results of the checks.
    pub checks: Vec<CheckResult>,
    /// The result of the clean-up.
    pub clean_up: CleanUp,
}

impl Report {
    pub(crate) fn new(session: &Session<'_>, started_at: Timestamp, checks: Vec<CheckResult>) -> Self {
        let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
        Self {
            run: session.run.clone(),
            version: env!("CARGO_PKG_VERSION"),
            account: session.target.account.to_string(),
            partition: session.target.partition.to_string(),
            region: session.target.region.to_string(),
            started_at,
            finished_at: Timestamp::now(),
            lag_seconds_max: session.lag_max().as_secs_f64(),
            findings_sent: session.ledger().imports,
            counts: Counts {
                holds: count(Verdict::Holds),
                deviates: count(Verdict::Deviates),
                not_checked: count(Verdict::NotChecked),
            },
            checks,
            clean_up: CleanUp::default(),
        }
    }

    /// The report without the account ID and without ARNs of principals.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        let account = self.account.clone();
        let redact = |text: &mut String| *text = redacted(text, &account);
        for check in &mut self.checks {
            redact(&mut check.observed);
            check.remediation.iter_mut().for_each(redact);
        }
        self.clean_up.problem.iter_mut().for_each(redact);
        redact(&mut self.account);
        self
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from("# Conformance of Security Hub CSPM\n\n");
        let Counts { holds, deviates, not_checked } = self.counts;
        let mut line = |line: String| writeln!(text, "{line}").unwrap_or_default();
        line(format!("Holds: {holds}. Deviates: {deviates}. Not checked: {not_checked}.\n"));
        line(format!("* Region: {} ({})", self.region, self.partition));
        line(format!("* Account: {}", self.account));
        line(format!("* Run: `{}`, {:.0} to {:.0}", self.run, self.started_at, self.finished_at));
        line(format!("* Program: securityhub-exporter {}", self.version));
        line(format!("* Findings sent: {}", self.findings_sent));
        line(format!("* Longest time until GetFindings returned an import: {:.1} s", self.lag_seconds_max));
        line(format!("* Clean-up: {}\n", self.clean_up_text()));
        line("| check | assumed | observed | verdict |".to_owned());
        line("| --- | --- | --- | --- |".to_owned());
        for check in &self.checks {
            let observed = match (&check.remediation, check.verdict) {
                (Some(fix), _) => format!("{}; {fix}", check.observed),
                (None, _) => check.observed.clone(),
            };
            let verdict = match check.verdict {
                Verdict::Deviates => "**deviates**",
                Verdict::NotChecked => "not checked because",
                Verdict::Holds => "holds",
            };
            line(format!("| {} | {} | {} | {verdict} |", check.id, cell(&check.assumed), cell(&observed)));
        }
        let used: Vec<&CheckResult> = self.checks.iter().filter(|check| check.verdict == Verdict::Deviates).collect();
        if !used.is_empty() {
            line("\nWhat depends on the assumptions that don't hold:\n".to_owned());
            used.iter().for_each(|check| line(format!("* {}: {}", check.id, check.used_by)));
        }
        text
    }

    fn clean_up_text(&self) -> String {
        let CleanUp { archived, left_active, problem } = &self.clean_up;
        if self.clean_up.is_complete() {
            return format!(
                "{archived} active findings were archived; none is active. Findings can't be deleted: Security Hub deletes \
                 archived ones after 30 days"
            );
        }
        let problem = problem.as_ref().map_or(String::new(), |problem| format!(" ({})", cell(problem)));
        format!("**incomplete**{problem}: {} findings are still active", left_active.len())
    }
}

/// Formats a text as a cell of a Markdown table: on one line, and with special characters escaped.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '<' | '*' | '`' | '[' | '\\' => {
                cell.push('\\');
                cell.push(letter);
            }
            letter if letter.is_control() => cell.push(' '),
            letter => cell.push(letter),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_service_cannot_break_the_table() {
        assert_eq!(cell("a | b\n<img src=x> `c` *d*"), "a \\| b \\<img src=x> \\`c\\` \\*d\\*");
    }
}

//! What a run did with one finding, as text. Reports have counts and not findings. The run that last sent a finding is
//! derived from the time in the Region state, since an account's runs never overlap.

use asff::{AccountId, RegionName};
use jiff::{SignedDuration, Timestamp};

use super::ExportedState;
use crate::report::reasons::filtered::SUPERSEDED;
use crate::report::{Counts, RunKind, RunReport, RunStatus};

/// Maximum difference between the clocks of machines that ran one export after the other.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(2);

/// The last time a finding was sent: the run, the time, and the record state.
pub(super) struct Sent<'a> {
    by: Option<&'a str>,
    at: Timestamp,
    archived_as: Option<&'a str>,
}

impl<'a> From<&'a ExportedState> for Sent<'a> {
    fn from(exported: &'a ExportedState) -> Self {
        Self { by: exported.sent_by.as_deref(), at: exported.last_sent, archived_as: exported.archived_as.as_deref() }
    }
}

/// The run that sent a finding at this time: the run that was active then, or nearly so if the clocks differ.
pub(super) fn sender(runs: &[RunReport], account: AccountId, at: Timestamp) -> Option<&RunReport> {
    let apart = |run: &RunReport| {
        let early = run.started_at.duration_since(at);
        let late = run.finished_at.map_or(SignedDuration::ZERO, |finished| at.duration_since(finished));
        early.max(late).max(SignedDuration::ZERO)
    };
    let of_account = runs.iter().filter(|run| run.accounts.contains_key(&account));
    of_account.filter(|run| apart(run) <= CLOCKS_APART).min_by_key(|run| apart(run))
}

/// Describes what a run did with a finding of this account and Region.
pub(super) fn describe_run(
    run: &RunReport,
    account: AccountId,
    region: RegionName,
    sent: &[Sent<'_>],
    is_quarantined: bool,
) -> String {
    if is_quarantined {
        return "quarantined it".to_owned();
    }
    if let Some(sent) = sent.iter().find(|sent| sent.by == Some(run.run_id.as_str())) {
        return match (run.kind, sent.archived_as) {
            (_, Some("absent")) if run.kind == RunKind::Export => "archived it: it was absent from the scan".to_owned(),
            (_, Some("passed")) => "archived it: it passed".to_owned(),
            (_, Some("muted")) => "archived it: it was muted".to_owned(),
            (_, Some(_)) => "archived it".to_owned(),
            (RunKind::UndoArchive, None) => "reactivated it".to_owned(),
            (RunKind::Reconcile, None) => "sent it again, or adopted it from Security Hub".to_owned(),
            (RunKind::Export | RunKind::Redrive | RunKind::ArchiveAll, None) => "sent it".to_owned(),
        };
    }
    let Some(report) = run.accounts.get(&account) else { return "did not process its account".to_owned() };
    let counts = &report.counts;
    if let Some(problem) = &report.problem {
        return format!("sent nothing for the account: {problem}");
    }
    if let Some(reasons) = counts.region_unavailable.get(region.as_str()) {
        let reasons: Vec<&str> = reasons.keys().map(String::as_str).collect();
        return format!("{region} was unavailable: {}", reasons.join(", "));
    }
    if run.status == RunStatus::Superseded || counts.filtered.contains_key(SUPERSEDED) {
        return "did not send it: a newer scan had been exported".to_owned();
    }
    let later = sent.iter().any(|sent| sent.at > run.started_at);
    match run.kind {
        _ if later => "ran before the finding was last sent, so its outcome is not recorded".to_owned(),
        RunKind::Export if !sent.is_empty() => {
            format!("did not send it: it was unchanged{}, or absent from the scan", withheld(counts))
        }
        RunKind::Export => format!("did not send it: it was absent from the scan{}", withheld(counts)),
        RunKind::UndoArchive | RunKind::Redrive | RunKind::Reconcile | RunKind::ArchiveAll => {
            "did not change it".to_owned()
        }
    }
}

/// The reasons for which the run may have withheld the finding, with their counts. Empty if it withheld none.
fn withheld(counts: &Counts) -> String {
    let left = counts.filtered.iter().chain(&counts.undelivered);
    let left: Vec<String> = left.map(|(reason, findings)| format!("{findings} {reason}")).collect();
    if left.is_empty() { String::new() } else { format!(", or was filtered or undelivered ({})", left.join(", ")) }
}

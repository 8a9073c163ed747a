//! Runs: their states, their counts, and what of them needs attention.

use exporter::report::{Counts, RunKind, RunReport, RunStatus};

use super::parts::State;

/// Findings that were neither sent nor deliberately left out, and that a replay alone may not fix.
pub(crate) fn errors(counts: &Counts) -> u64 {
    counts.quarantined_total() + counts.unreadable + counts.undelivered_total()
}

/// The state of a run.
pub(crate) fn state(status: RunStatus) -> State {
    let tone = match status {
        RunStatus::Running | RunStatus::Unfinished => "busy",
        RunStatus::Succeeded => "good",
        RunStatus::Degraded => "warn",
        RunStatus::Failed => "bad",
        RunStatus::Ignored | RunStatus::Duplicate | RunStatus::Superseded => "plain",
    };
    State::new(tone, status.as_str())
}

/// The kind of a run.
pub(crate) fn kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Export => "Export",
        RunKind::UndoArchive => "Undo archive",
        RunKind::Redrive => "Redrive",
        RunKind::Reconcile => "Reconcile",
        RunKind::ArchiveAll => "Archive all",
    }
}

/// The newest run of an account among runs that are sorted, newest first.
pub(crate) fn newest_of<'a>(runs: &'a [RunReport], account: &str) -> Option<&'a RunReport> {
    runs.iter().find(|run| {
        run.kind == RunKind::Export
            && !matches!(run.status, RunStatus::Duplicate | RunStatus::Ignored)
            && run.accounts.keys().any(|id| id.as_str() == account)
    })
}

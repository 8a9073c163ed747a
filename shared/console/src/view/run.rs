//! Runs: their state, their kind, and their errors.

use exporter::report::{Counts, RunKind, RunStatus, RunTrigger};

use super::parts::State;

/// Number of findings that were neither sent nor intentionally omitted, and that a replay alone may not fix.
pub(crate) fn errors(counts: &Counts) -> u64 {
    counts.errors()
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

/// The label of a trigger.
pub(crate) fn trigger(trigger: RunTrigger) -> &'static str {
    match trigger {
        RunTrigger::Upload => "Upload",
        RunTrigger::Replay => "Replay",
        RunTrigger::Approval => "Approval",
        RunTrigger::Job => "Job",
        RunTrigger::Command => "hubctl export",
    }
}

/// A reason without the prefixes that name the account and the code.
pub(crate) fn reason(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let is_mark =
        |part: &str| part.starts_with("account ") || part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut rest = line;
    while let Some((_, after)) = rest.split_once(": ").filter(|(mark, _)| is_mark(mark)) {
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_shown_without_account_and_code() {
        assert_eq!(
            reason("account 123456789012: archive_requires_approval: the scan shows 2: all\nhubctl"),
            "the scan shows 2: all"
        );
        assert_eq!(reason("2 Regions are unavailable"), "2 Regions are unavailable");
    }
}

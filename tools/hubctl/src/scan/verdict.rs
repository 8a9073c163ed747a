//! The exit code and the warnings for a scan file.

use std::io;

use exporter::report::{NO_FINDINGS, ReadStatus};

use super::summary::ScanSummary;
use crate::exit::{Exit, Failure};
use crate::render::{Output, text};

/// The exit code for a file.
pub(crate) fn exit(summary: &ScanSummary) -> Exit {
    let lost = summary.malformed > 0 || summary.quarantined_total() > 0;
    match summary.read_status {
        ReadStatus::Rejected { .. } | ReadStatus::Unread => Exit::Error,
        ReadStatus::Truncated { .. } => Exit::Findings,
        ReadStatus::Complete if summary.read == 0 => Exit::Findings,
        ReadStatus::Complete | ReadStatus::Stopped if lost => Exit::Findings,
        ReadStatus::Complete | ReadStatus::Stopped => Exit::Success,
    }
}

/// The error for a file that is not exportable.
pub(crate) fn rejection(summary: &ScanSummary) -> Option<Failure> {
    let ReadStatus::Rejected { message } = &summary.read_status else { return None };
    let message = text::harmless(message);
    Some(Failure::new(Exit::Error, format!("{} can't be exported: {message}", summary.source)))
}

/// Writes warnings about the file to standard error.
pub(crate) fn warn(summary: &ScanSummary, output: &mut Output) -> io::Result<()> {
    if let ReadStatus::Truncated { offset, reason } = &summary.read_status {
        let (source, offset, reason) = (&summary.source, text::count(*offset), text::harmless(reason));
        let hint = "upload the complete file; until then its findings are sent, and no findings are archived";
        output.warning(format!("{source} is truncated at byte {offset}: {reason}"), Some(hint))?;
    }
    if summary.read_status == ReadStatus::Complete && summary.read == 0 {
        output.warning(format!("{}: {NO_FINDINGS}", summary.source), None)?;
    }
    for problem in &summary.problems {
        let entries = text::counted(problem.entries, "entry", "entries");
        let example = problem.examples.first().map_or_else(String::new, |example| {
            format!(", the first at byte {}: {}", text::count(example.offset), text::harmless(&example.message))
        });
        let cannot = if problem.code == "malformed" { "are malformed" } else { "would be quarantined" };
        output.warning(format!("{entries} {cannot} ({}){example}", problem.code), None)?;
    }
    Ok(())
}

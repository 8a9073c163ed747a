//! What a survey means for the exit code, and what a user should know of it.

use std::io;

use exporter::report::{NO_FINDINGS, ReadStatus};

use super::survey::Survey;
use crate::exit::{Exit, Failure};
use crate::render::{Output, text};

/// The exit code that tells a script how the file is.
pub(crate) fn exit(survey: &Survey) -> Exit {
    let lost = survey.malformed > 0 || survey.quarantined_total() > 0;
    match survey.read_status {
        ReadStatus::Refused { .. } | ReadStatus::Unread => Exit::Error,
        ReadStatus::Truncated { .. } => Exit::Findings,
        ReadStatus::Complete if survey.read == 0 => Exit::Findings,
        ReadStatus::Complete | ReadStatus::Stopped if lost => Exit::Findings,
        ReadStatus::Complete | ReadStatus::Stopped => Exit::Success,
    }
}

/// The error of a file that is no scan we take.
pub(crate) fn refusal(survey: &Survey) -> Option<Failure> {
    let ReadStatus::Refused { message } = &survey.read_status else { return None };
    let message = text::harmless(message);
    Some(Failure::new(Exit::Error, format!("{} cannot be exported: {message}", survey.source)))
}

/// Says what is wrong with the file, on standard error.
pub(crate) fn warn(survey: &Survey, output: &mut Output) -> io::Result<()> {
    if let ReadStatus::Truncated { offset, reason } = &survey.read_status {
        let (source, offset, reason) = (&survey.source, text::count(*offset), text::harmless(reason));
        let hint = "upload it again; until then what it holds is sent, and nothing is archived by it";
        output.warning(format!("{source} is truncated at byte {offset}: {reason}"), Some(hint))?;
    }
    if survey.read_status == ReadStatus::Complete && survey.read == 0 {
        output.warning(format!("{}: {NO_FINDINGS}", survey.source), None)?;
    }
    for problem in &survey.problems {
        let entries = text::counted(problem.entries, "entry", "entries");
        let example = problem.examples.first().map_or_else(String::new, |example| {
            format!(", the first at byte {}: {}", text::count(example.offset), text::harmless(&example.message))
        });
        let cannot = if problem.code == "malformed" { "cannot be read" } else { "would go into quarantine" };
        output.warning(format!("{entries} {cannot} ({}){example}", problem.code), None)?;
    }
    Ok(())
}

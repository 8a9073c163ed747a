//! Writes the report, and derives the exit code.

use anyhow::{Context, Result};
use conformance::{CleanUp, Counts, Reason, Report};

use super::{Args, ReportFormat};
use crate::config::Format;
use crate::exit::Exit;
use crate::render::{Output, text};

/// Writes the report.
pub(super) fn report(report: &Report, args: &Args, output: &mut Output) -> Result<Exit> {
    let redacted = if args.include_account_id { report.clone() } else { report.clone().redacted() };
    if let Some(path) = &args.report {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let content = if is_json { serde_json::to_string_pretty(&redacted)? } else { redacted.markdown() };
        std::fs::write(path, content).with_context(|| format!("failed to write {}", path.display()))?;
    }
    if output.format == Format::Json || args.format == ReportFormat::Json {
        output.json(&redacted)?;
    } else {
        output.text(redacted.markdown())?;
    }
    let Counts { holds, deviates, not_checked } = report.counts;
    output.note(format!("Holds: {holds}. Deviates: {deviates}. Not checked: {not_checked}."))?;
    if deviates > 0 {
        output.warning(
            "Security Hub deviates from what the exporter assumes",
            Some("attach the report to an issue of securityhub-exporter"),
        )?;
    }
    Ok(exit(report))
}

/// Writes the result of `--clean-up`.
pub(super) fn cleaned(done: &CleanUp, args: &Args, output: &mut Output) -> Result<Exit> {
    if output.format == Format::Json || args.format == ReportFormat::Json {
        output.json(done)?;
    } else {
        output.line(format!("Archived {}.", text::counted(done.archived, "finding", "findings")))?;
        done.left_active.iter().try_for_each(|id| output.line(format!("Still active: {}", text::harmless(id))))?;
    }
    if let Some(problem) = &done.problem {
        output.warning(text::harmless(problem), None)?;
    }
    Ok(if done.is_complete() { Exit::Success } else { Exit::Findings })
}

/// The exit code of a report.
fn exit(report: &Report) -> Exit {
    let has = |reason| report.checks.iter().any(|check| check.reason == Some(reason));
    let exits = [
        (report.counts.deviates > 0, Exit::Differs),
        (has(Reason::Denied), Exit::Credentials),
        (has(Reason::Failed), Exit::Error),
        (!report.clean_up.is_complete(), Exit::Findings),
    ];
    // A deviation has precedence over all other problems, since the run looks for deviations.
    exits.into_iter().find_map(|(is_so, exit)| is_so.then_some(exit)).unwrap_or(Exit::Success)
}

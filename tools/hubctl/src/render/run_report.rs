//! A run's report as text, and its exit code. They are the same after an export and when a stored run is shown.

use std::collections::BTreeSet;
use std::io;

use asff::RegionName;
use exporter::report::reasons::unavailable::REGION_NOT_SELECTED;
use exporter::report::{Counts, ReadStatus, RegionReport, RunKind, RunReport, RunStatus};

use super::{outcomes, pending_archive, unproven};
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::{Column, Details, Output, Table, TextStyle, text};

/// Reasons of undelivered findings that concern the integration's credentials.
pub(crate) const CREDENTIAL_REASONS: [&str; 5] =
    ["assume_role_denied", "credentials_invalid", "credentials_unavailable", "secret_missing", "wrong_account"];

/// The exit code of a run.
pub(crate) fn exit(report: &RunReport) -> Exit {
    let counts = &report.counts;
    let truncated = matches!(report.read_status, ReadStatus::Truncated { .. } | ReadStatus::Stopped);
    let left = counts.undelivered_total() + counts.archive_undelivered;
    let lost = counts.quarantined_total() + counts.malformed + counts.archive_rejected_total() + left > 0;
    if counts.undelivered.keys().any(|reason| CREDENTIAL_REASONS.contains(&reason.as_str())) {
        return Exit::Credentials;
    }
    match report.status {
        RunStatus::Ignored if report.is_empty() => Exit::Findings,
        RunStatus::Ignored => Exit::Error,
        _ if lost || truncated || counts.has_unauthorized() || report.needs_approval() => Exit::Findings,
        RunStatus::Failed => Exit::Error,
        _ if is_region_missing(counts) => Exit::Degraded,
        RunStatus::Unfinished => Exit::Findings,
        RunStatus::Running
        | RunStatus::Succeeded
        | RunStatus::Degraded
        | RunStatus::Duplicate
        | RunStatus::Superseded => Exit::Success,
    }
}

/// Whether a Region that the integration selects is unavailable.
fn is_region_missing(counts: &Counts) -> bool {
    counts.archive_unavailable > 0
        || counts
            .region_unavailable
            .values()
            .flat_map(|reasons| reasons.keys())
            .any(|reason| reason != REGION_NOT_SELECTED)
}

/// Style of a status.
pub(crate) fn text_style(status: RunStatus) -> TextStyle {
    match status {
        RunStatus::Succeeded => TextStyle::Good,
        RunStatus::Running | RunStatus::Duplicate | RunStatus::Superseded => TextStyle::Plain,
        RunStatus::Degraded | RunStatus::Ignored | RunStatus::Unfinished => TextStyle::Warning,
        RunStatus::Failed => TextStyle::Bad,
    }
}

/// Writes a run's report. `origin`: the options of the commands in it.
pub(crate) fn write(report: &RunReport, origin: &Origin, output: &mut Output) -> io::Result<()> {
    let report = &origin.complete(report);
    output.details(&head(report, origin))?;
    if report.counts.read > 0 {
        output.line("")?;
        output.table(&outcomes::table("sent", &report.counts))?;
    }
    let regions = regions(report);
    if !regions.is_empty() {
        output.line("")?;
        output.table(&regions)?;
    }
    pending_archive::write(report, output)?;
    let unproven = unproven::rows(report);
    if !unproven.is_empty() {
        output.line("")?;
        output.table(&unproven::table(&unproven))?;
    }
    for (title, lines) in [("Notes", remarks(report)), ("See also", report.reasons.clone())] {
        if lines.is_empty() {
            continue;
        }
        output.line("")?;
        output.line(title)?;
        for line in lines {
            // Not wrapped, so that a command can be copied; it is below the problem that it fixes.
            for (index, line) in text::harmless_lines(&line).lines().enumerate() {
                output.line(if index == 0 { format!("* {line}") } else { format!("    {line}") })?;
            }
        }
    }
    if is_replay_due(report) {
        output.line("")?;
        output.line("After you fix it, export the upload again:")?;
        let replay = origin.command(&format!("hubctl run replay {}", report.run_id));
        output.line(format!("    {}", text::harmless(&replay)))?;
    }
    Ok(())
}

/// Whether undelivered findings of an upload require a fix and a replay.
fn is_replay_due(report: &RunReport) -> bool {
    let fixed = |reason: &String| reason == "no_integration" || CREDENTIAL_REASONS.contains(&reason.as_str());
    report.kind == RunKind::Export && (report.counts.undelivered.keys().any(fixed) || is_region_missing(&report.counts))
}

/// The details of a run.
fn head(report: &RunReport, origin: &Origin) -> Details {
    let mut details = Details::new();
    details.add(TextStyle::Strong, "Run", &report.run_id);
    details.add(text_style(report.status), "Status", report.status.as_str());
    if report.kind == RunKind::Export {
        let size = text::bytes(report.upload.bytes);
        details.add(TextStyle::Plain, "Upload", format!("{} ({size})", report.upload.source));
    } else {
        details.add(TextStyle::Plain, "Kind", report.kind.as_str());
        details.add(TextStyle::Plain, "Target", &report.upload.source);
    }
    if let Some(format) = report.format {
        details.add(TextStyle::Plain, "Format", format.as_str());
    }
    if let Some(at) = report.scanned_at {
        details.add(TextStyle::Plain, "Scanned at", text::time(at));
    }
    for (account, part) in report.accounts.iter().filter(|(_, part)| !part.scan_times.is_empty()) {
        let times: Vec<_> = part.scan_times.iter().map(|at| text::time(*at)).collect();
        let of = if report.accounts.len() > 1 { format!(" (account {account})") } else { String::new() };
        details.add(TextStyle::Warning, "Scan times", format!("{}{of}", times.join(", ")));
    }
    if let Some(trigger) = report.trigger {
        details.add(TextStyle::Plain, "Trigger", trigger.as_str());
    }
    details.add(TextStyle::Plain, "Started", text::time(report.started_at));
    if let Some(end) = report.finished_at {
        let took = end.duration_since(report.started_at);
        details.add(TextStyle::Plain, "Duration", format!("{:.1} s", took.as_secs_f64()));
        if let Some(state) = &origin.state {
            details.add(TextStyle::Plain, "Report", format!("{state}/{}", RunReport::key(&report.run_id)));
        }
        if let Some(key) = &report.quarantine {
            let list = || origin.command(&format!("hubctl quarantine list {}", report.run_id));
            let place = origin.state.as_ref().map_or_else(list, |state| format!("{state}/{key}"));
            details.add(TextStyle::Bad, "Quarantine", place);
        }
    }
    details
}

/// The counts of each account and Region.
fn regions(report: &RunReport) -> Table {
    let mut table = Table::new([
        Column::Text("Account"),
        Column::Text("Region"),
        Column::Number("Sent"),
        Column::Number("Unchanged"),
        Column::Number("Archived"),
        Column::Number("Active"),
        Column::Number("Unavailable"),
        Column::Number("Calls"),
    ]);
    for (account, part) in &report.accounts {
        let names: BTreeSet<String> = part
            .regions
            .keys()
            .map(ToString::to_string)
            .chain(part.counts.region_unavailable.keys().cloned())
            .collect();
        for name in names {
            let not_taken: u64 = part.counts.region_unavailable.get(&name).map_or(0, |left| left.values().sum());
            let region = name.parse().ok().and_then(|name: RegionName| part.regions.get(&name));
            let number = |of: fn(&RegionReport) -> u64| text::count(region.map_or(0, of));
            let numbers = [
                number(|region| region.sent),
                number(|region| region.unchanged),
                number(|region| region.archived),
                region.and_then(|region| region.active).map_or_else(String::new, text::count),
                text::count(not_taken),
                number(|region| region.calls),
            ];
            let text_style = if not_taken > 0 { TextStyle::Warning } else { TextStyle::Plain };
            table.row(text_style, [account.to_string(), name].into_iter().chain(numbers));
        }
    }
    table
}

/// Notes about accounts and Regions, one sentence each.
fn remarks(report: &RunReport) -> Vec<String> {
    let mut remarks = Vec::new();
    for (account, part) in &report.accounts {
        if !part.scan_times.is_empty() {
            let scans = text::count(part.scan_times.len() as u64);
            remarks.push(format!(
                "account {account}: the file contains {scans} scans of it; the newest entry of each finding counts, and nothing is \
                 archived for being absent"
            ));
        }
        for (region, report) in &part.regions {
            let at = format!("account {account}, {region}");
            if report.adopted > 0 {
                let findings = text::counted(report.adopted, "finding", "findings");
                remarks.push(format!("{at}: adopted {findings} from Security Hub"));
            }
            if let Some(why) = &report.adoption_skipped {
                remarks.push(format!("{at}: adoption skipped: {why}"));
            }
        }
    }
    remarks
}

//! The tables of `hubctl validate`.

use std::io;

use asff::SeverityLabel;
use exporter::report::{NO_FINDINGS, ReadStatus};

use super::plan::Plan;
use crate::args::filters;
use crate::render::outcomes;
use crate::render::{Column, Details, Output, Table, TextStyle, text};
use crate::scan::summary::ScanSummary;

/// Writes the details of the file.
pub(super) fn write(summary: &ScanSummary, plan: &Plan, output: &mut Output) -> io::Result<()> {
    output.details(&file(summary, plan))?;
    if summary.read == 0 {
        return Ok(());
    }
    let tables = [outcomes::table("would be sent", &plan.counts), sent(plan), repairs(summary), problems(summary)];
    for table in tables.iter().filter(|table| !table.is_empty()) {
        output.line("")?;
        output.table(table)?;
    }
    Ok(())
}

/// Details of the file.
fn file(summary: &ScanSummary, plan: &Plan) -> Details {
    let mut details = Details::new();
    let size = summary.bytes.map_or_else(String::new, |bytes| format!(" ({})", text::bytes(bytes)));
    details.add(TextStyle::Plain, "File", format!("{}{size}", summary.source));
    if let Some(format) = summary.format {
        let versions = summary.prowler_versions.join(", ");
        let prowler = if versions.is_empty() { String::new() } else { format!(", Prowler {versions}") };
        details.add(TextStyle::Plain, "Format", format!("{format}{prowler}"));
    }
    let (text_style, end) = end(summary);
    details.add(text_style, "State", &end);
    if let Some([first, last]) = summary.scanned_at {
        let until = if first == last { String::new() } else { format!(" to {}", text::time(last)) };
        details.add(TextStyle::Plain, "Scanned at", format!("{}{until}", text::time(first)));
    }
    if summary.mapped > 0 {
        details.add(TextStyle::Plain, "Accounts", text::names(summary.accounts.keys(), "accounts"));
        details.add(TextStyle::Plain, "Regions", text::names(summary.regions.keys(), "Regions"));
        details.add(TextStyle::Plain, "Filters", filters::filter_words(&plan.filters));
    }
    details
}

fn end(summary: &ScanSummary) -> (TextStyle, String) {
    match &summary.read_status {
        ReadStatus::Complete if summary.read == 0 => (TextStyle::Bad, NO_FINDINGS.to_owned()),
        ReadStatus::Complete => (TextStyle::Good, "complete".to_owned()),
        ReadStatus::Truncated { offset, reason } => {
            (TextStyle::Bad, format!("truncated at byte {}: {reason}", text::count(*offset)))
        }
        ReadStatus::Rejected { .. } => (TextStyle::Bad, "not exportable".to_owned()),
        ReadStatus::Stopped | ReadStatus::Unread => (TextStyle::Warning, "not fully read".to_owned()),
    }
}

/// Findings to send, by Region and severity.
fn sent(plan: &Plan) -> Table {
    let mut table = Table::new([
        Column::Text("Would be sent to"),
        Column::Number("Critical"),
        Column::Number("High"),
        Column::Number("Medium"),
        Column::Number("Low"),
        Column::Number("Info"),
        Column::Number("Total"),
    ]);
    for (region, by_severity) in &plan.sent {
        let of = |label| by_severity.get(label).copied().unwrap_or_default();
        let mut row = vec![region.to_string()];
        row.extend(SeverityLabel::ALL.iter().rev().map(|label| text::count(of(label))));
        row.push(text::count(by_severity.values().sum()));
        table.row(TextStyle::Plain, row);
    }
    table
}

fn repairs(summary: &ScanSummary) -> Table {
    let columns = [Column::Text("Repaired"), Column::Text("How"), Column::Number("Findings"), Column::Text("Example")];
    let mut table = Table::new(columns);
    for repair in &summary.repairs {
        let example = repair.examples.first().map(String::as_str).unwrap_or_default();
        table.row(TextStyle::Plain, [repair.field, &repair.what, &text::count(repair.findings), example]);
    }
    table
}

fn problems(summary: &ScanSummary) -> Table {
    let columns =
        [Column::Text("Not exportable"), Column::Number("Entries"), Column::Number("At byte"), Column::Text("Message")];
    let mut table = Table::new(columns);
    for problem in &summary.problems {
        for (index, example) in problem.examples.iter().enumerate() {
            let check = example.check.as_ref().map_or_else(String::new, |check| format!(" ({check})"));
            let (code, entries) =
                if index == 0 { (problem.code, text::count(problem.entries)) } else { ("", String::new()) };
            let why = format!("{}{check}", example.message);
            table.row(TextStyle::Bad, [code, &entries, &text::count(example.offset), &why]);
        }
    }
    table
}

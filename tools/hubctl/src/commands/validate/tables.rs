//! The tables of `hubctl validate`.

use std::io;

use asff::SeverityLabel;
use exporter::report::{NO_FINDINGS, ReadStatus};

use super::plan::Plan;
use crate::args::filters;
use crate::render::outcomes;
use crate::render::{Column, Details, Output, Table, Tone, text};
use crate::scan::survey::Survey;

/// Writes all that is worth knowing of the file.
pub(super) fn write(survey: &Survey, plan: &Plan, output: &mut Output) -> io::Result<()> {
    output.facts(&file(survey, plan))?;
    if survey.read == 0 {
        return Ok(());
    }
    let tables = [outcomes::table("would be sent", &plan.counts), sent(plan), repairs(survey), problems(survey)];
    for table in tables.iter().filter(|table| !table.is_empty()) {
        output.line("")?;
        output.table(table)?;
    }
    Ok(())
}

/// What the file is.
fn file(survey: &Survey, plan: &Plan) -> Details {
    let mut facts = Details::new();
    let size = survey.bytes.map_or_else(String::new, |bytes| format!(" ({})", text::bytes(bytes)));
    facts.add(Tone::Plain, "File", format!("{}{size}", survey.source));
    if let Some(format) = survey.format {
        let versions = survey.prowler_versions.join(", ");
        let prowler = if versions.is_empty() { String::new() } else { format!(", Prowler {versions}") };
        facts.add(Tone::Plain, "Format", format!("{format}{prowler}"));
    }
    let (tone, end) = end(survey);
    facts.add(tone, "State", &end);
    if let Some([first, last]) = survey.scanned_at {
        let until = if first == last { String::new() } else { format!(" to {}", text::time(last)) };
        facts.add(Tone::Plain, "Scanned at", format!("{}{until}", text::time(first)));
    }
    if survey.mapped > 0 {
        facts.add(Tone::Plain, "Accounts", text::names(survey.accounts.keys(), "accounts"));
        facts.add(Tone::Plain, "Regions", text::names(survey.regions.keys(), "Regions"));
        facts.add(Tone::Plain, "Filters", filters::filter_words(&plan.filters));
    }
    facts
}

fn end(survey: &Survey) -> (Tone, String) {
    match &survey.read_status {
        ReadStatus::Complete if survey.read == 0 => (Tone::Bad, NO_FINDINGS.to_owned()),
        ReadStatus::Complete => (Tone::Good, "complete".to_owned()),
        ReadStatus::Truncated { offset, reason } => {
            (Tone::Bad, format!("truncated at byte {}: {reason}", text::count(*offset)))
        }
        ReadStatus::Refused { .. } => (Tone::Bad, "no scan that can be exported".to_owned()),
        ReadStatus::Stopped | ReadStatus::Unread => (Tone::Warning, "not read to its end".to_owned()),
    }
}

/// What would be sent, by Region and severity.
fn sent(plan: &Plan) -> Table {
    let mut table = Table::new([
        Column::Text("Would be sent to"),
        Column::Number("Critical"),
        Column::Number("High"),
        Column::Number("Medium"),
        Column::Number("Low"),
        Column::Number("Info"),
        Column::Number("All"),
    ]);
    for (region, by_severity) in &plan.sent {
        let of = |label| by_severity.get(label).copied().unwrap_or_default();
        let mut row = vec![region.to_string()];
        row.extend(SeverityLabel::ALL.iter().rev().map(|label| text::count(of(label))));
        row.push(text::count(by_severity.values().sum()));
        table.row(Tone::Plain, row);
    }
    table
}

fn repairs(survey: &Survey) -> Table {
    let columns = [Column::Text("Repaired"), Column::Text("How"), Column::Number("Findings"), Column::Text("Example")];
    let mut table = Table::new(columns);
    for repair in &survey.repairs {
        let example = repair.examples.first().map(String::as_str).unwrap_or_default();
        table.row(Tone::Plain, [repair.field, &repair.what, &text::count(repair.findings), example]);
    }
    table
}

fn problems(survey: &Survey) -> Table {
    let columns =
        [Column::Text("Not sendable"), Column::Number("Entries"), Column::Number("At byte"), Column::Text("Why")];
    let mut table = Table::new(columns);
    for problem in &survey.problems {
        for (index, example) in problem.examples.iter().enumerate() {
            let check = example.check.as_ref().map_or_else(String::new, |check| format!(" ({check})"));
            let (code, entries) =
                if index == 0 { (problem.code, text::count(problem.entries)) } else { ("", String::new()) };
            let why = format!("{}{check}", example.message);
            table.row(Tone::Bad, [code, &entries, &text::count(example.offset), &why]);
        }
    }
    table
}

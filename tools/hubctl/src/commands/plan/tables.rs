//! The tables of `hubctl plan`.

use std::io;

use exporter::export::cost::Cost;

use super::price::Plan;
use crate::render::run_report::text_style;
use crate::render::{Column, Details, Output, Table, TextStyle, text};
use crate::render::{outcomes, unproven};

/// Writes a plan.
pub(super) fn write(plan: &Plan<'_>, output: &mut Output) -> io::Result<()> {
    let mut details = Details::new();
    details.add(text_style(plan.status), "Expected status", plan.status.as_str());
    if let Some(at) = plan.scanned_at {
        details.add(TextStyle::Plain, "Scanned at", text::time(at));
    }
    let Cost { events, dollars, all_events, all_dollars } = plan.cost;
    details.add(TextStyle::Strong, "Costs", cost(events, dollars));
    details.add(TextStyle::Plain, "Sending all", cost(all_events, all_dollars));
    output.details(&details)?;
    if plan.counts.read > 0 {
        output.line("")?;
        output.table(&outcomes::table("would be sent", plan.counts))?;
    }
    let mut accounts: Vec<_> = plan.regions.iter().map(|region| region.account).collect();
    accounts.dedup();
    for account in accounts {
        output.line("")?;
        output.line(format!("Account {account}"))?;
        let mut table = Table::new([
            Column::Text("Region"),
            Column::Number("New"),
            Column::Number("Changed"),
            Column::Number("Reactivated"),
            Column::Number("Due"),
            Column::Number("Same"),
            Column::Number("To archive"),
            Column::Number("Filtered"),
            Column::Number("Events"),
        ]);
        for region in plan.regions.iter().filter(|region| region.account == account) {
            let numbers = [
                region.new,
                region.changed,
                region.reactivated,
                region.refresh_due,
                region.same,
                region.to_archive,
                region.filtered,
                region.cost.events,
            ];
            let numbers = numbers.into_iter().map(text::count);
            table.row(TextStyle::Plain, [region.region.to_string()].into_iter().chain(numbers));
        }
        output.table(&table)?;
    }
    if !plan.unproven.is_empty() {
        output.line("")?;
        output.table(&unproven::table(&plan.unproven))?;
    }
    if !plan.reasons.is_empty() {
        output.line("")?;
        output.line("See also")?;
        for reason in &plan.reasons {
            // Not wrapped, so that commands can be copied.
            for (index, line) in text::harmless_lines(reason).lines().enumerate() {
                output.line(if index == 0 { format!("* {line}") } else { format!("    {line}") })?;
            }
        }
    }
    Ok(())
}

fn cost(events: u64, dollars: f64) -> String {
    format!("{}, ${dollars:.2}", text::counted(events, "ingestion event", "ingestion events"))
}

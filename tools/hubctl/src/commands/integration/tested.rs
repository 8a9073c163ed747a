//! The result of a connection test, by Region, with remediations.

use std::collections::BTreeMap;

use anyhow::Result;
use asff::RegionName;
use exporter::connection::{Connection, ConnectionStatus, Problem, RegionConnection, RegionStatus};
use management::wire::Test;
use management::wire::TestOutcome;

use crate::commands::doctor::are_credentials_refused;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, TextStyle, text};

/// Maximum number of accounts whose Regions are listed; for more accounts, only problems are listed.
const ACCOUNTS_IN_FULL_MAX: usize = 3;

/// Maximum number of unavailable Regions to list for one reason; if there are more, only the first is listed.
const REGIONS_ALIKE_MAX: usize = 4;

/// Shows a test.
pub(in crate::commands) fn write(test: &Test, output: &mut Output) -> Result<()> {
    let lost = lost(test);
    let (text_style, word) = match test.outcome {
        TestOutcome::Partial => (TextStyle::Warning, "Partially connected"),
        TestOutcome::Passed => (TextStyle::Good, "Test passed"),
        TestOutcome::Failed => (TextStyle::Bad, "Test failed"),
        TestOutcome::NotRun => (TextStyle::Warning, "Not tested"),
    };
    let word = text::styled(text_style, word, output.out_style.color);
    // The problem of a single account is shown below.
    let is_told_below = test.outcome == TestOutcome::Failed && test.connections.len() == 1 && test.accounts.total < 2;
    output.line(if is_told_below { word } else { format!("{word}: {}", text::harmless_lines(&test.message)) })?;
    if lost > 0 {
        output.line(format!("{} no longer available", text::counted(lost, "Region", "Regions")))?;
    }
    let in_full = test.connections.len() <= ACCOUNTS_IN_FULL_MAX;
    let is_shown = |connection: &Connection| {
        in_full || connection.status != ConnectionStatus::Connected || connection.is_unanswered()
    };
    for connection in test.connections.iter().filter(|connection| is_shown(connection)) {
        write_account(connection, test.connections.len() > 1, output)?;
    }
    let not_shown = test.accounts.total.saturating_sub(test.accounts.unchecked + test.connections.len() as u64);
    if not_shown > 0 {
        let others = text::counted(not_shown, "other account was", "other accounts were");
        output.line(format!("\n{others} checked. To see all: hubctl doctor"))?;
    }
    Ok(())
}

fn write_account(connection: &Connection, of_many: bool, output: &mut Output) -> Result<()> {
    output.line("")?;
    if of_many {
        output.line(format!("Account {}:", connection.account))?;
    }
    if let Some(problem) = &connection.problem {
        write_problem("", problem, output)?;
    }
    for risk in &connection.risks {
        write_problem("risk: ", risk, output)?;
    }
    if connection.regions.is_empty() {
        return Ok(());
    }
    let mut off = 0;
    let mut by_status: BTreeMap<RegionStatus, Vec<(&RegionName, &RegionConnection)>> = BTreeMap::new();
    for (name, region) in &connection.regions {
        // A Region that is not enabled is not a problem, unless it was enabled before or no Region is available.
        let is_off = region.status == RegionStatus::RegionNotOptedIn && region.unavailable_since.is_none();
        if is_off && connection.status != ConnectionStatus::Disconnected {
            off += 1;
        } else {
            by_status.entry(region.status).or_default().push((name, region));
        }
    }
    let mut table = Table::new([Column::Text("Region"), Column::Text("Status"), Column::Text("Since (UTC)")]);
    let mut first: BTreeMap<RegionStatus, (&Problem, usize)> = BTreeMap::new();
    for (status, regions) in by_status {
        let takes_findings = status == RegionStatus::Enabled;
        let text_style = if takes_findings { TextStyle::Good } else { TextStyle::Plain };
        let shown = if takes_findings || regions.len() <= REGIONS_ALIKE_MAX { regions.len() } else { 1 };
        for (name, region) in &regions[..shown] {
            let others = regions.len() - shown;
            let name = if others == 0 { name.to_string() } else { format!("{name} and {others} others") };
            let since = region.since.strftime("%Y-%m-%d %H:%M").to_string();
            let since_when = region.stale_since.or(connection.stale_since);
            let word = status_word(status);
            let word =
                since_when.map_or(word.to_owned(), |at| format!("unreachable; last known: {word}, {}", text::time(at)));
            table.row(
                if since_when.is_some() { TextStyle::Warning } else { text_style },
                [name.as_str(), &word, &since],
            );
        }
        for problem in regions.iter().filter_map(|(_, region)| region.problem.as_ref()) {
            first.entry(status).or_insert((problem, 0)).1 += 1;
        }
    }
    output.table(&table)?;
    if off > 0 {
        let others = text::counted(off, "other Region is", "other Regions are");
        output.line(format!("{others} not enabled for this account"))?;
    }
    for (problem, regions) in first.values() {
        let others = regions - 1;
        let also = match others {
            0 => String::new(),
            _ => format!(" (also in {})", text::counted(others as u64, "other Region", "other Regions")),
        };
        let problem = Problem { message: format!("{}{also}", problem.message), ..(*problem).clone() };
        write_problem("", &problem, output)?;
    }
    Ok(())
}

/// The problem, and below it the remediation on a separate line, so that it can be copied.
fn write_problem(kind: &str, problem: &Problem, output: &mut Output) -> Result<()> {
    output.line(format!("{kind}{}: {}", problem.reason, text::harmless(&problem.message)))?;
    if let Some(remediation) = &problem.remediation {
        for line in text::harmless_lines(remediation).lines() {
            output.line(format!("    {line}"))?;
        }
    }
    Ok(())
}

fn status_word(status: RegionStatus) -> &'static str {
    match status {
        RegionStatus::Enabled => "enabled",
        RegionStatus::HubNotEnabled => "hub_not_enabled",
        RegionStatus::ProductNotAccepted => "product_not_accepted",
        RegionStatus::RegionNotOptedIn => "region_not_opted_in",
        RegionStatus::AccessDenied => "access_denied",
        RegionStatus::Unreachable => "unreachable",
    }
}

/// Number of Regions that are no longer available.
fn lost(test: &Test) -> u64 {
    let regions = test.connections.iter().flat_map(|connection| connection.regions.values());
    regions.filter(|region| region.unavailable_since.is_some()).count() as u64
}

/// Exit code of a connection test. Only a passed test is a success; a test without a response is not.
pub(in crate::commands) fn exit(test: &Test) -> Exit {
    match test.outcome {
        TestOutcome::Passed => Exit::Success,
        TestOutcome::Partial | TestOutcome::Failed if are_credentials_refused(&test.connections) => Exit::Credentials,
        TestOutcome::Partial | TestOutcome::Failed => Exit::Degraded,
        TestOutcome::NotRun => Exit::Error,
    }
}

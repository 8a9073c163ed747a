//! The diagnosis as text: tables of the checks, and below them the remediations, not wrapped, so that they can be copied.

use std::collections::BTreeMap;
use std::io;

use asff::RegionName;
use exporter::connection::{Connection, ConnectionStatus, Problem, RegionConnection, RegionStatus};

use super::Diagnosis;
use super::deployment::Health;
use crate::render::{Column, Output, Table, TextStyle, text};

/// Writes the diagnosis.
pub(super) fn write(diagnosis: &Diagnosis, all_regions: bool, output: &mut Output) -> io::Result<()> {
    if !diagnosis.deployment.is_empty() {
        output.table(&deployment(diagnosis))?;
        output.line("")?;
    }
    if diagnosis.connections.is_empty() && !diagnosis.problems.is_empty() {
        output.line("No accounts were checked.")?;
    } else if diagnosis.connections.is_empty() {
        output.line("No integrations to check. To create one: hubctl integration create --provider 123456789012")?;
    } else {
        output.table(&regions(diagnosis, all_regions))?;
    }
    let remediations = remediations(diagnosis, all_regions);
    if remediations.is_empty() {
        output.line("\nNo problems found.")?;
        let off = |region: &RegionConnection| region.status != RegionStatus::Enabled;
        if !all_regions && diagnosis.connections.iter().flat_map(|connection| connection.regions.values()).any(off) {
            output.line("To see how to enable the other Regions: hubctl doctor --all-regions")?;
        }
        return Ok(());
    }
    output.line("\nAction needed:")?;
    for (what, how) in remediations {
        output.line(format!("\n* {}", text::harmless(&what)))?;
        if let Some(how) = how {
            for line in text::harmless_lines(&how).lines() {
                output.line(format!("  {line}"))?;
            }
        }
    }
    Ok(())
}

fn deployment(diagnosis: &Diagnosis) -> Table {
    let mut table = Table::new(["Deployment", "Health", "Result"].map(Column::Text));
    for finding in &diagnosis.deployment {
        let (text_style, state) = match finding.status {
            Health::Ok => (TextStyle::Good, "OK"),
            Health::Unknown => (TextStyle::Warning, "unknown"),
            Health::Bad => (TextStyle::Bad, "action needed"),
        };
        table.row(text_style, [finding.check, state, &finding.message]);
    }
    table
}

/// A row for each Region that is or was available. The other Regions of an account share one row for each reason.
fn regions(diagnosis: &Diagnosis, all_regions: bool) -> Table {
    let columns = ["Account", "Region", "Hub", "Product", "Findings", "Since (UTC)"].map(Column::Text);
    let mut table = Table::new(columns);
    for connection in &diagnosis.connections {
        let account = connection.account.as_str();
        if connection.regions.is_empty() {
            table.row(TextStyle::Bad, [account, "-", "-", "-", "unreachable", ""]);
        }
        let mut others: BTreeMap<RegionStatus, Vec<RegionName>> = BTreeMap::new();
        for (name, region) in &connection.regions {
            let shown = all_regions || region.status == RegionStatus::Enabled || is_gap(diagnosis, connection, *name);
            if !shown {
                others.entry(region.status).or_default().push(*name);
                continue;
            }
            let [hub, product, findings] = check_results(region.status);
            let since = region.since.strftime("%Y-%m-%d %H:%M").to_string();
            let is_stale = region.stale_since.or(connection.stale_since).is_some();
            let stale = if is_stale { " (last known: no response)" } else { "" };
            table.row(
                if is_stale && region.status == RegionStatus::Enabled {
                    TextStyle::Warning
                } else {
                    text_style(connection, region)
                },
                [account, name.as_ref(), hub, product, &format!("{findings}{stale}"), &since],
            );
        }
        for (status, names) in others {
            let [hub, product, findings] = check_results(status);
            let which = match names.as_slice() {
                [name] => name.to_string(),
                _ => format!("{} others", names.len()),
            };
            table.row(TextStyle::Plain, [account, &which, hub, product, findings, ""]);
        }
    }
    table
}

/// Whether an unavailable Region should accept findings: it did so before, or the integration selects it.
fn is_gap(diagnosis: &Diagnosis, connection: &Connection, name: RegionName) -> bool {
    let is_lost = connection.regions.get(&name).is_some_and(|region| region.unavailable_since.is_some());
    is_lost || diagnosis.gaps.get(&connection.account).is_some_and(|gaps| gaps.contains(&name))
}

/// Result of each check of a Region: whether the hub is enabled, the product is accepted, and findings can be imported.
const fn check_results(status: RegionStatus) -> [&'static str; 3] {
    match status {
        RegionStatus::Enabled => ["enabled", "accepted", "accepted"],
        RegionStatus::HubNotEnabled => ["not enabled", "-", "-"],
        RegionStatus::ProductNotAccepted => ["enabled", "missing", "-"],
        RegionStatus::RegionNotOptedIn => ["-", "-", "not opted in"],
        RegionStatus::AccessDenied => ["?", "?", "denied"],
        RegionStatus::Unreachable => ["?", "?", "unreachable"],
    }
}

fn text_style(connection: &Connection, region: &RegionConnection) -> TextStyle {
    match region.status {
        _ if connection.status == ConnectionStatus::Disconnected => TextStyle::Bad,
        RegionStatus::Enabled if region.problem.is_none() && region.stale_since.is_none() => TextStyle::Good,
        RegionStatus::Enabled => TextStyle::Warning,
        _ if region.unavailable_since.is_some() => TextStyle::Bad,
        _ => TextStyle::Plain,
    }
}

/// Problems with remediations, the most severe first.
fn remediations(diagnosis: &Diagnosis, all_regions: bool) -> Vec<(String, Option<String>)> {
    let mut remediations: Vec<(String, Option<String>)> = Vec::new();
    for connection in &diagnosis.connections {
        let account = connection.account;
        let of_account = |problem: &Problem| (format!("{account}: {}", problem.message), problem.remediation.clone());
        remediations.extend(connection.problem.as_ref().map(of_account));
        for (name, region) in &connection.regions {
            let Some(problem) = &region.problem else { continue };
            if all_regions || is_gap(diagnosis, connection, *name) || region.status == RegionStatus::Enabled {
                remediations.push((format!("{account} in {name}: {}", problem.message), problem.remediation.clone()));
            }
        }
        if connection.status == ConnectionStatus::Disconnected && connection.problem.is_none() && !all_regions {
            remediations.extend(never_accepted(connection));
        }
    }
    for finding in &diagnosis.deployment {
        if finding.status != Health::Ok {
            remediations.push((format!("{}: {}", finding.check, finding.message), finding.remediation.clone()));
        }
    }
    remediations.extend(diagnosis.problems.iter().map(|problem| (problem.clone(), None)));
    for connection in &diagnosis.connections {
        remediations.extend(
            connection
                .risks
                .iter()
                .map(|risk| (format!("{}: {}", connection.account, risk.message), risk.remediation.clone())),
        );
    }
    remediations
}

/// If no Region is available: one Region for each reason, with its command.
fn never_accepted(connection: &Connection) -> Vec<(String, Option<String>)> {
    let mut seen = Vec::new();
    let mut remediations = Vec::new();
    for (name, region) in &connection.regions {
        if let Some(problem) = region.problem.as_ref().filter(|_| !seen.contains(&region.status)) {
            seen.push(region.status);
            let more = connection.regions.values().filter(|other| other.status == region.status).count() - 1;
            let others = if more > 0 { format!(" (and {more} more Regions)") } else { String::new() };
            remediations.push((
                format!("{} in {name}{others}: {}", connection.account, problem.message),
                problem.remediation.clone(),
            ));
        }
    }
    remediations
}

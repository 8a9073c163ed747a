//! What the function says about itself: a log line for each account that was checked, and metrics for each integration.

use std::collections::BTreeMap;

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionStatus};
use exporter::provider::ProviderId;
use runtime::metrics::{Metric, Unit, write};

use crate::round::{Failed, Report};

/// The dimension that tells integrations apart.
const INTEGRATION: &str = "Integration";
/// The dimension that tells deployments apart.
const FUNCTION: &str = "FunctionName";

/// Regions of a connection that take findings.
fn enabled(connection: &Connection) -> usize {
    connection.regions.values().filter(|region| region.status == RegionStatus::Enabled).count()
}

/// Regions that were lost lately and did not come back.
fn lost(connection: &Connection) -> usize {
    let is_lost = |status: RegionStatus, lost: bool| lost && status != RegionStatus::Enabled;
    connection.regions.values().filter(|region| is_lost(region.status, region.unavailable_since.is_some())).count()
}

/// What is to be fixed: the account's problem, otherwise that of the first Region that was lost.
fn problem(connection: &Connection) -> Option<&Problem> {
    let lost = connection.regions.values().filter(|region| region.unavailable_since.is_some());
    connection.problem.as_ref().or_else(|| lost.filter_map(|region| region.problem.as_ref()).next())
}

/// Writes the one line of an account's check.
pub fn log_check(report: &Report) {
    let connection = &report.connection;
    let problem = problem(connection);
    let told: Vec<&str> = report.events.iter().map(|event| event.kind.as_str()).collect();
    /// The same fields at each level; `tracing` fixes a line's level where it is written.
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                integration.id = connection.provider.as_str(),
                account = connection.account.as_str(),
                connection.status = status(connection.status),
                connection.stale = connection.stale_since.is_some(),
                regions.enabled = enabled(connection),
                regions.lost = lost(connection),
                regions.checked = connection.regions.len(),
                problem.reason = problem.map(|problem| problem.reason.as_str()),
                problem.message = problem.map(|problem| problem.message.as_str()),
                problem.remediation = problem.and_then(|problem| problem.remediation.as_deref()),
                risks = connection.risks.len(),
                told = told.join(", "),
                duration_ms = report.took_ms,
                $message
            )
        };
    }
    match connection.status {
        ConnectionStatus::Connected => line!(info, "connection checked"),
        ConnectionStatus::Degraded => line!(warn, "connection checked: a Region takes no more findings"),
        ConnectionStatus::Disconnected => line!(error, "connection checked: no Region takes findings"),
    }
}

const fn status(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::Degraded => "degraded",
        ConnectionStatus::Disconnected => "disconnected",
    }
}

/// Writes the one line of an account whose check ended without a result.
pub fn log_failure(failed: &Failed) {
    tracing::error!(
        integration.id = failed.provider.as_str(),
        account = failed.account.as_str(),
        reason = failed.reason,
        "account not checked: its check ended without a result; the next schedule checks it again"
    );
}

/// Writes how many accounts nobody checks before the next schedule. An alarm reads it.
pub fn write_not_checked(function: &str, accounts: usize) {
    write(&[(FUNCTION, function)], &[&[FUNCTION]], &[not_checked(accounts)]);
}

/// Writes how many organizations could not be listed. An alarm reads it.
pub fn write_not_listed(function: &str, organizations: usize) {
    write(&[(FUNCTION, function)], &[&[FUNCTION]], &[not_listed(organizations)]);
}

fn not_listed(organizations: usize) -> Metric {
    Metric { name: "OrganizationsNotListed", unit: Unit::Count, values: vec![count(organizations)] }
}

fn not_checked(accounts: usize) -> Metric {
    Metric { name: "AccountsNotChecked", unit: Unit::Count, values: vec![count(accounts)] }
}

fn count(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// Writes the metrics of a round: over all integrations, and for each where that is asked for.
pub fn write_metrics<'a>(reports: impl Iterator<Item = &'a Report>, each_integration: bool) {
    let dimensions: &[&[&str]] = if each_integration { &[&[], &[INTEGRATION]] } else { &[&[]] };
    for (integration, metrics) in metrics(reports) {
        write(&[(INTEGRATION, integration.as_str())], dimensions, &metrics);
    }
}

/// The metrics of each integration; of an organization's, a value for each account.
fn metrics<'a>(reports: impl Iterator<Item = &'a Report>) -> BTreeMap<ProviderId, [Metric; 4]> {
    let mut all: BTreeMap<ProviderId, [Metric; 4]> = BTreeMap::new();
    let empty = |name, unit| Metric { name, unit, values: Vec::new() };
    for report in reports {
        let connection = &report.connection;
        let connected = connection.status != ConnectionStatus::Disconnected;
        let metrics = all.entry(connection.provider.clone()).or_insert_with(|| {
            [
                empty("Connected", Unit::Count),
                empty("RegionsAvailable", Unit::Count),
                empty("RegionsUnavailable", Unit::Count),
                empty("CheckDuration", Unit::Milliseconds),
            ]
        });
        let values = [
            f64::from(u8::from(connected)),
            count(enabled(connection)),
            count(lost(connection)),
            u32::try_from(report.took_ms).map_or(f64::MAX, f64::from),
        ];
        for (metric, value) in metrics.iter_mut().zip(values) {
            metric.values.push(value);
        }
    }
    all
}

#[cfg(test)]
mod tests;

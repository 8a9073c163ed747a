//! Telemetry: one log line per checked account, and the metrics of each integration.

use std::collections::BTreeMap;

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionStatus};
use exporter::model::provider::ProviderId;
use runtime::metrics::{Metric, Sample, Unit};

use crate::batch::{Failed, Report};

/// The dimension that distinguishes integrations.
const INTEGRATION: &str = "Integration";
/// The dimension that distinguishes deployments.
const FUNCTION: &str = "FunctionName";
/// Number of metrics per integration.
const METRICS: usize = 5;

/// Number of Regions that accept findings.
fn enabled(connection: &Connection) -> usize {
    connection.regions.values().filter(|region| region.status == RegionStatus::Enabled).count()
}

/// Number of Regions that became unavailable and have not recovered since.
fn lost(connection: &Connection) -> usize {
    let is_lost = |status: RegionStatus, lost: bool| lost && status != RegionStatus::Enabled;
    connection.regions.values().filter(|region| is_lost(region.status, region.unavailable_since.is_some())).count()
}

/// The problem of the account, or else the problem of the first unavailable Region.
fn problem(connection: &Connection) -> Option<&Problem> {
    let lost = connection.regions.values().filter(|region| region.unavailable_since.is_some());
    connection.problem.as_ref().or_else(|| lost.filter_map(|region| region.problem.as_ref()).next())
}

/// Logs the check of an account.
pub fn log_check(report: &Report) {
    let connection = &report.connection;
    let problem = problem(connection);
    let notified: Vec<&str> = report.events.iter().map(|event| event.kind.as_str()).collect();
    /// Logs the same fields at each level: `tracing` requires the level of a line at compile time.
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
                export.due_at = report.export_due_at.map(|due| due.to_string()),
                problem.reason = problem.map(|problem| problem.reason.as_str()),
                problem.message = problem.map(|problem| problem.message.as_str()),
                problem.remediation = problem.and_then(|problem| problem.remediation.as_deref()),
                risks = connection.risks.len(),
                notified = notified.join(", "),
                duration_ms = report.took_ms,
                $message
            )
        };
    }
    match connection.status {
        ConnectionStatus::Connected => line!(info, "connection checked"),
        ConnectionStatus::Degraded => line!(warn, "connection checked: a Region is no longer available"),
        ConnectionStatus::Disconnected => line!(error, "connection checked: no Region is available"),
    }
}

const fn status(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::Degraded => "degraded",
        ConnectionStatus::Disconnected => "disconnected",
    }
}

/// Logs a check that ended without a result.
pub fn log_failure(failed: &Failed) {
    tracing::error!(
        integration.id = failed.provider.as_str(),
        account = failed.account.as_str(),
        reason = failed.reason,
        "account not checked: its check ended without a result; the next scheduled check includes it"
    );
}

/// Metric of the number of accounts that are not checked before the next scheduled check. An alarm monitors it.
pub fn not_checked(function: &str, accounts: usize) -> Sample {
    of_function(function, "AccountsNotChecked", accounts)
}

/// Metric of the number of organizations whose accounts could not be listed. An alarm monitors it.
pub fn not_listed(function: &str, organizations: usize) -> Sample {
    of_function(function, "OrganizationsNotListed", organizations)
}

fn of_function(function: &str, name: &'static str, value: usize) -> Sample {
    Sample {
        properties: vec![(FUNCTION, function.to_owned())],
        dimensions: vec![vec![FUNCTION]],
        metrics: vec![Metric { name, unit: Unit::Count, values: vec![count(value)] }],
    }
}

fn count(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// The metrics of a batch: one sample per integration. They are counted for the function and, if requested, for each integration.
pub fn batch_metrics<'a>(
    function: &str,
    reports: impl Iterator<Item = &'a Report>,
    each_integration: bool,
) -> Vec<Sample> {
    let mut dimensions = vec![vec![FUNCTION]];
    if each_integration {
        dimensions.push(vec![FUNCTION, INTEGRATION]);
    }
    let sample = |(integration, metrics): (ProviderId, [Metric; METRICS])| Sample {
        properties: vec![(FUNCTION, function.to_owned()), (INTEGRATION, integration.to_string())],
        dimensions: dimensions.clone(),
        metrics: metrics.into(),
    };
    metrics(reports).into_iter().map(sample).collect()
}

/// The metrics of each integration, with one value per account.
fn metrics<'a>(reports: impl Iterator<Item = &'a Report>) -> BTreeMap<ProviderId, [Metric; METRICS]> {
    let mut all: BTreeMap<ProviderId, [Metric; METRICS]> = BTreeMap::new();
    let empty = |name, unit| Metric { name, unit, values: Vec::new() };
    for report in reports {
        let connection = &report.connection;
        let connected = connection.status != ConnectionStatus::Disconnected;
        let metrics = all.entry(connection.provider.clone()).or_insert_with(|| {
            [
                empty("Connected", Unit::Count),
                empty("RegionsAvailable", Unit::Count),
                empty("RegionsUnavailable", Unit::Count),
                empty("ExportsOverdue", Unit::Count),
                empty("CheckDuration", Unit::Milliseconds),
            ]
        });
        let values = [
            f64::from(u8::from(connected)),
            count(enabled(connection)),
            count(lost(connection)),
            f64::from(u8::from(report.export_due_at.is_some())),
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

//! The metrics of a run in the embedded metric format: one line per run and, if requested, one line per integration.
//!
//! CloudWatch bills each metric per set of dimensions in each hour that has a value. Therefore, the metrics of a run have one
//! set: the function. Values that only Logs Insights needs are properties, which are free.

use std::collections::BTreeMap;

use asff::AccountId;
use exporter::model::provider::ProviderId;
use exporter::report::{AccountReport, Counts, RunKind, RunReport, RunStatus, undelivered};
use runtime::metrics::{Metric, Sample, Unit};

use crate::telemetry::{duration_ms, reasons};

/// The dimension that distinguishes deployments.
const FUNCTION: &str = "FunctionName";
/// The dimension that distinguishes integrations: their provider, an account or an organization.
const INTEGRATION: &str = "Integration";
/// Maximum number of account IDs in a line. A file can have thousands; the report of the run lists all.
const ACCOUNTS_MAX: usize = 100;

/// How the metrics of a deployment are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricSettings {
    /// The name of the function, which distinguishes deployments.
    pub function: String,
    /// Whether each integration has its own metrics, which cost money.
    pub each_integration: bool,
}

/// The metrics of a run.
pub fn run_metrics(function: &str, run: &RunReport) -> Sample {
    let is = |is: bool| u64::from(is);
    let is_export = run.kind == RunKind::Export;
    let is_exported = is_export && matches!(run.status, RunStatus::Succeeded | RunStatus::Degraded);
    let is_ignored = matches!(run.status, RunStatus::Ignored | RunStatus::Duplicate | RunStatus::Superseded);
    let accounts = || run.accounts.values();
    let regions = || accounts().flat_map(|account| account.regions.values());
    let mut metrics = vec![
        Metric::count("UploadsExported", is(is_exported)),
        Metric::count("UploadsIgnored", is(is_export && is_ignored)),
        Metric::count("RunsFailed", is(run.status == RunStatus::Failed)),
        Metric::count("RunsPendingApproval", is(accounts().any(needs_approval))),
    ];
    metrics.extend(findings(&run.counts, run.status, accounts()));
    metrics.extend([
        Metric::count("FindingsFiltered", run.counts.filtered_total()),
        Metric::count("FindingsRegionUnavailable", run.counts.region_unavailable_total()),
        Metric::count("FindingsDeferred", deferred(&run.counts, run.status)),
        Metric::count("ApiCalls", regions().map(|region| region.calls).sum()),
        Metric::count("ThrottledCalls", regions().map(|region| region.throttled).sum()),
        Metric { name: "RunDuration", unit: Unit::Milliseconds, values: vec![duration_ms(run) as f64] },
    ]);
    // A run without a coverage check has no value: the value 0 would end the alarm.
    let uncovered: Vec<_> = accounts().filter_map(|account| account.uncovered.as_ref()).collect();
    if !uncovered.is_empty() {
        let services = uncovered.iter().map(|services| services.len() as u64).sum();
        metrics.push(Metric::count("ServicesUncovered", services));
    }
    Sample { properties: properties(function, run), dimensions: vec![vec![FUNCTION]], metrics }
}

/// The metrics of each integration. `integrations` has the integration of each account, if known.
pub fn integration_metrics(
    function: &str,
    run: &RunReport,
    integrations: &BTreeMap<AccountId, ProviderId>,
) -> Vec<Sample> {
    let mut reports: BTreeMap<&ProviderId, Vec<&AccountReport>> = BTreeMap::new();
    for (account, integration) in integrations {
        if let Some(report) = run.accounts.get(account) {
            reports.entry(integration).or_default().push(report);
        }
    }
    let sample = |(integration, reports): (&ProviderId, Vec<&AccountReport>)| {
        let mut counts = Counts::default();
        reports.iter().for_each(|report| counts.merge(&report.counts));
        let mut properties = properties(function, run);
        properties.push((INTEGRATION, integration.to_string()));
        let metrics = findings(&counts, run.status, reports.into_iter()).into();
        Sample { properties, dimensions: vec![vec![FUNCTION, INTEGRATION]], metrics }
    };
    reports.into_iter().map(sample).collect()
}

/// The metrics that are counted both for a run and for each of its integrations.
fn findings<'a>(counts: &Counts, status: RunStatus, accounts: impl Iterator<Item = &'a AccountReport>) -> [Metric; 8] {
    let undelivered_count: u64 = counts.undelivered_total() + counts.archive_undelivered;
    [
        Metric::count("FindingsRead", counts.read),
        Metric::count("FindingsSent", counts.sent),
        Metric::count("FindingsUnchanged", counts.unchanged),
        Metric::count("FindingsArchived", counts.archived),
        Metric::count("FindingsUnproven", counts.unproven),
        Metric::count("FindingsQuarantined", counts.quarantined_total() + counts.malformed),
        Metric::count("FindingsUndelivered", undelivered_count.saturating_sub(deferred(counts, status))),
        Metric::count("FindingsPendingApproval", accounts.map(AccountReport::pending_findings).sum()),
    ]
}

/// Number of findings that are deferred as intended: to the next invocation, to another run, or until their integration exists
/// and is enabled. All other undelivered findings are failures.
fn deferred(counts: &Counts, status: RunStatus) -> u64 {
    let waits = |reason: &str| {
        use undelivered::{ACCOUNT_LOCKED, DEADLINE_EXCEEDED, INTEGRATION_DISABLED, LEASE_LOST, NO_INTEGRATION};
        [ACCOUNT_LOCKED, DEADLINE_EXCEEDED, INTEGRATION_DISABLED, LEASE_LOST, NO_INTEGRATION].contains(&reason)
    };
    let findings: u64 =
        counts.undelivered.iter().filter(|(reason, _)| waits(reason)).map(|(_, findings)| findings).sum();
    findings + if status == RunStatus::Unfinished { counts.archive_undelivered } else { 0 }
}

/// Whether a user must decide: about an archive above the limit, or about a scan that looks partial.
fn needs_approval(account: &AccountReport) -> bool {
    account.has_pending() || account.partial_scan.is_some()
}

/// Properties for Logs Insights. Their names have no dots, unlike those of other log lines, so that queries need not quote them.
fn properties(function: &str, run: &RunReport) -> Vec<(&'static str, String)> {
    let accounts: Vec<&str> = run.accounts.keys().take(ACCOUNTS_MAX).map(AccountId::as_str).collect();
    vec![
        (FUNCTION, function.to_owned()),
        ("RunId", run.run_id.clone()),
        ("RunKind", run.kind.as_str().to_owned()),
        ("RunStatus", run.status.as_str().to_owned()),
        ("RunReasons", reasons(run)),
        ("UploadSource", run.upload.source.clone()),
        ("AccountIds", accounts.join(" ")),
    ]
}

#[cfg(test)]
mod tests;

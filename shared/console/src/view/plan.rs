//! A plan: what an export would send, archive, and cost.

use exporter::export::cost::Cost;
use exporter::export::plan::PlanReport;
use exporter::report::RunStatus;

use super::outcomes::{Bar, Equation, equation};
use super::parts::State;
use super::run;
use super::text::{count, harmless, sentence};

/// A plan as it is shown.
pub(crate) struct Planned {
    pub(crate) status: State,
    pub(crate) dollars: String,
    pub(crate) all_dollars: String,
    pub(crate) events: String,
    pub(crate) all_events: String,
    pub(crate) sent: String,
    pub(crate) read: String,
    pub(crate) archived: String,
    pub(crate) bar: Bar,
    pub(crate) equation: Equation,
    pub(crate) reasons: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A Region of an account.
pub(crate) struct Row {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) cells: Vec<String>,
    pub(crate) dollars: String,
}

/// Whether the upload can be exported: an export that the plan shows to fail, or to be superseded, isn't offered.
pub(crate) fn is_exportable(plan: &PlanReport) -> bool {
    matches!(plan.run.status, RunStatus::Succeeded | RunStatus::Degraded)
}

/// Ingestion events and dollars of a plan, after so many events of the month.
pub(crate) fn cost(plan: &PlanReport, events_before: u64) -> Cost {
    let mut total = Cost::default();
    let regions = plan.run.accounts.values().flat_map(|account| account.regions.values());
    regions.for_each(|region| total.add(cost_of(region, events_before)));
    total
}

fn cost_of(region: &exporter::report::RegionReport, events_before: u64) -> Cost {
    let events = region.changes.total() + region.archived;
    Cost::new(events, events + region.unchanged, events_before)
}

/// An amount in dollars.
pub(crate) fn money(dollars: f64) -> String {
    format!("${dollars:.2}")
}

/// The sentences about a plan: integrations that are disabled, and the reasons of its status.
fn reasons(plan: &PlanReport) -> Vec<String> {
    let disabled = plan.disabled.iter().map(|(account, integration)| {
        format!(
            "The integration of account {account} is disabled. The plan is made as if it were enabled: hubctl integration enable \
             {integration} --replay"
        )
    });
    let reasons = plan.run.reasons.iter().map(|reason| sentence(&harmless(run::reason(reason))));
    disabled.chain(reasons).collect()
}

/// The plan as it is shown.
pub(crate) fn planned(plan: &PlanReport, events_before: u64) -> Planned {
    let report = &plan.run;
    let mut rows = Vec::new();
    for (account, part) in &report.accounts {
        for (region, report) in &part.regions {
            let changes = report.changes;
            let numbers = [
                changes.new,
                changes.changed,
                changes.reactivated,
                changes.refresh_due,
                report.unchanged,
                report.archived,
                report.filtered,
                changes.total() + report.archived,
            ];
            rows.push(Row {
                account: account.to_string(),
                region: region.to_string(),
                cells: numbers.map(count).into(),
                dollars: format!("${:.3}", cost_of(report, events_before).dollars),
            });
        }
    }
    let total = cost(plan, events_before);
    Planned {
        status: run::state(report.status),
        dollars: money(total.dollars),
        all_dollars: money(total.all_dollars),
        events: count(total.events),
        all_events: count(total.all_events),
        sent: count(report.counts.sent),
        read: count(report.counts.read),
        archived: count(report.counts.archived),
        bar: Bar::wide(&report.counts),
        equation: equation(&report.counts),
        reasons: reasons(plan),
        rows,
    }
}

//! The state of each Region as counts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::lock;
use crate::records::Tally;
use crate::world::World;

/// One Region of one account.
#[derive(Debug, Serialize)]
pub struct RegionSummary {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// Whether the account opted into the Region.
    pub opted_in: bool,
    /// Whether Security Hub is enabled.
    pub hub: bool,
    /// Partner products accepted.
    pub products: Vec<String>,
    /// Number of findings.
    pub findings: usize,
    /// Number of active findings by their top-level severity label.
    pub by_severity: BTreeMap<&'static str, usize>,
    /// Number of findings by record state, ACTIVE or ARCHIVED.
    pub by_record_state: BTreeMap<&'static str, usize>,
    /// Number of findings by compliance status; `NONE` for findings without one.
    pub by_compliance_status: BTreeMap<&'static str, usize>,
    /// Number of findings by workflow status.
    pub by_workflow_status: BTreeMap<&'static str, usize>,
    /// Number of billed ingestion events.
    pub billed_events: u64,
    /// Imports since the start.
    pub imports: Tally,
    /// Calls in the call log, by operation.
    pub calls: BTreeMap<&'static str, usize>,
    /// Calls in the call log with an error response, by error code.
    pub errors: BTreeMap<String, usize>,
}

pub(crate) fn summarize(world: &World, now: Timestamp) -> Vec<RegionSummary> {
    let calls = lock(&world.records).calls();
    let places = world.accounts.iter().flat_map(|(id, account)| account.regions.iter().map(move |place| (id, place)));
    let mut summaries = Vec::new();
    for (account, (name, region)) in places {
        let state = region.state();
        let mut summary = RegionSummary {
            account: account.clone(),
            region: name.clone(),
            opted_in: region.opted_in,
            hub: state.hub.is_some(),
            products: state.subscriptions.iter().cloned().collect(),
            findings: 0,
            by_severity: BTreeMap::new(),
            by_record_state: BTreeMap::new(),
            by_compliance_status: BTreeMap::new(),
            by_workflow_status: BTreeMap::new(),
            billed_events: state.billed_events,
            imports: state.totals,
            calls: BTreeMap::new(),
            errors: BTreeMap::new(),
        };
        for (_, _, stored) in state.findings.iter(None, now) {
            summary.findings += 1;
            if stored.record_state.name() == "ACTIVE" {
                *summary.by_severity.entry(stored.severity.name()).or_default() += 1;
            }
            *summary.by_record_state.entry(stored.record_state.name()).or_default() += 1;
            let compliance = stored.compliance.map_or("NONE", |status| status.name());
            *summary.by_compliance_status.entry(compliance).or_default() += 1;
            *summary.by_workflow_status.entry(stored.workflow.name()).or_default() += 1;
        }
        for call in calls.iter().filter(|call| call.account.as_ref() == Some(account) && call.region == *name) {
            *summary.calls.entry(call.operation.name()).or_default() += 1;
            if let Some(error) = &call.error_type {
                *summary.errors.entry(error.clone()).or_default() += 1;
            }
        }
        summaries.push(summary);
    }
    summaries
}

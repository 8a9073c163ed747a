//! The workflow status of an update (contract 1.6).

use serde_json::json;

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "workflow-kept",
    assumed: "an update by the provider does not change the workflow status",
    used_by: "the exporter never overwrites what analysts decided",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("workflow-kept");
    session.put_and_watch(&first).await?;
    let second = first.clone().updated_at(later(first.at(), 1_000)).set("Workflow", json!({ "Status": "RESOLVED" }));
    let read = session.put_and_watch(&second).await?.finding;
    let status = read["Workflow"]["Status"].as_str().unwrap_or("missing");
    Ok(Observation::holds_if(
        status == "SUPPRESSED",
        format!("imported as SUPPRESSED, updated with RESOLVED, then {status}"),
    ))
}

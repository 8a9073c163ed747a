//! The reset of the workflow status (contract 1.7).

use serde_json::json;

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "workflow-reset",
    assumed: "a change from PASSED to FAILED resets the workflow status RESOLVED to NEW",
    used_by: "a finding that fails again after it was resolved reappears for analysts",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("workflow-reset").set("Workflow", json!({ "Status": "RESOLVED" }));
    let first = first.set("Compliance", json!({ "Status": "PASSED" }));
    session.put_and_watch(&first).await?;
    let second = first.clone().updated_at(later(first.at(), 1_000)).set("Compliance", json!({ "Status": "FAILED" }));
    let read = session.put_and_watch(&second).await?.finding;
    let status = read["Workflow"]["Status"].as_str().unwrap_or("missing");
    Ok(Observation::holds_if(status == "NEW", format!("RESOLVED and PASSED, updated as FAILED, then {status}")))
}

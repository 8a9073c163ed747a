//! Whether an archived finding can be reactivated (contract 1.7).

use serde_json::Value;

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "reactivation",
    assumed: "an import of an archived finding as ACTIVE reactivates it, and its workflow status SUPPRESSED is kept",
    used_by: "a finding that fails again is reactivated; a suppressed one stays suppressed",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("reactivation").archived();
    session.put(&first).await?;
    let second = first.clone().active().updated_at(later(first.at(), 1_000));
    session.put(&second).await?;
    let expected = |finding: &Value| finding["RecordState"] == "ACTIVE";
    let read = session.watch(first.id(), expected).await?.finding;
    let (state, status) = (read["RecordState"].as_str(), read["Workflow"]["Status"].as_str());
    let (state, status) = (state.unwrap_or("missing"), status.unwrap_or("missing"));
    let holds = (state, status) == ("ACTIVE", "SUPPRESSED");
    Ok(Observation::holds_if(holds, format!("RecordState {state}, workflow status {status}")))
}

//! The record state filter of the exporter's reads (contract 3.1).

use serde_json::json;

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, findings};
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "record-state-filter",
    assumed: "with RecordState ACTIVE, GetFindings does not return archived findings",
    used_by: "adoption and reconcile read active findings only",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("record-state-filter").archived();
    session.put(&draft).await?;
    match session.watch(draft.id(), |_| true).await {
        Ok(_) => {}
        // Archived findings are never returned. Another check reports that.
        Err(Stop::NotVisible(_)) => {}
        Err(stop) => return Err(stop),
    }
    let mut filters = session.standard_filters("ACTIVE");
    filters["Id"] = json!([{ "Value": draft.id(), "Comparison": "EQUALS" }]);
    let response = session.page(&json!({ "Filters": filters, "MaxResults": 1 })).await?;
    let is_returned = !findings(&response).is_empty();
    let result = if is_returned { "an archived finding is returned" } else { "an archived finding is not returned" };
    Ok(Observation::holds_if(response.is_ok() && !is_returned, result))
}

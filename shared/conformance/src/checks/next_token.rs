//! The use of a `NextToken` in another request (contract 3.1, observed).

use serde_json::json;

use super::pages::{own_findings, request};
use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "next-token-bound",
    assumed: "a NextToken of a request is rejected in a request with other filters",
    used_by: "the exporter repeats a request and changes only its token",
    events_max: 5,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    own_findings(session, "next-token-bound").await?;
    let mut first = request(session, "next-token-bound");
    let response = session.page(&first).await?;
    let Some(next) = response.body["NextToken"].as_str() else {
        return Ok(Observation::holds_if(false, "the first page has no NextToken"));
    };
    first["NextToken"] = next.into();
    first["Filters"]["GeneratorId"] = json!([{ "Value": "securityhub-exporter-verify", "Comparison": "EQUALS" }]);
    let response = session.page(&first).await?;
    Ok(Observation::holds_if(response.status == 400, response.text()))
}

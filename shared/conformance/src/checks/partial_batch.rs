//! A batch with an invalid finding (contract 1.1).

use serde_json::json;

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "partial-batch",
    assumed: "an invalid finding does not fail the valid ones of its call: HTTP 200, the counts add up, and FailedFindings names it",
    used_by: "each finding has an outcome of its own, and a response whose counts don't add up is not trusted",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let (valid, invalid) = (session.draft("partial-batch/valid"), session.draft("partial-batch/invalid"));
    let invalid = invalid.set("Resources", json!([]));
    let imported = session.import(&[valid, invalid.clone()]).await?;
    let counts = (imported.success, imported.failed) == (Some(1), Some(1));
    let code = imported.failure(invalid.id()).and_then(|failure| failure["ErrorCode"].as_str());
    let holds = imported.response.status == 200 && counts && code.is_some_and(|code| code.starts_with("InvalidInput"));
    Ok(Observation::holds_if(holds, imported.text()))
}

//! The maximum length of a resource Id (contract 1.3; not documented).

use asff::limits::{RESOURCE_ARN_CHARS_MAX, RESOURCE_ID_CHARS_MAX};
use serde_json::json;

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "resource-id",
    assumed: "a resource Id of 512 characters is accepted, and of 2,048 characters if it is an ARN",
    used_by: "longer Ids are truncated to these lengths",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let arn = format!("arn:{}:s3:::", session.target.partition);
    let ids = [("plain", String::new(), RESOURCE_ID_CHARS_MAX), ("arn", arn, RESOURCE_ARN_CHARS_MAX)];
    for (name, beginning, chars) in ids {
        let id = format!("{beginning}{}", "x".repeat(chars - beginning.len()));
        let draft = session.draft(&format!("resource-id/{name}"));
        let draft = draft.set("Resources", json!([{ "Type": "Other", "Id": id }]));
        let imported = session.import(std::slice::from_ref(&draft)).await?;
        if !imported.is_accepted(1) {
            return Ok(Observation::holds_if(false, format!("{name}, {chars} characters: {}", imported.text())));
        }
    }
    Ok(Observation::holds_if(true, "both are accepted"))
}

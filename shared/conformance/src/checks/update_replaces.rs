//! Whether an update replaces the whole finding (contract 1.5).

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "update-replaces",
    assumed: "an update replaces the whole finding: omitted fields are removed",
    used_by: "the exporter sends whole findings, and relies on removed fields to disappear",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    const URL: &str = "https://hub.prowler.com/";
    let first = session.draft("update-replaces").set("SourceUrl", URL);
    session.put_and_watch(&first).await?;
    let second = first.clone().updated_at(later(first.at(), 1_000)).without("SourceUrl");
    let read = session.put_and_watch(&second).await?.finding;
    let is_removed = read.get("SourceUrl").is_none();
    let result = if is_removed { "an omitted field is removed" } else { "an omitted field is kept" };
    Ok(Observation::holds_if(is_removed, result))
}

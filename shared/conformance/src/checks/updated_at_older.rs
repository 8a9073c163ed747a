//! An update with an older `UpdatedAt` (contract 1.5).

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "updated-at-older",
    assumed: "an update with an older UpdatedAt is ignored",
    used_by: "a finding that is sent twice, and a batch that arrives late, can't replace a newer version",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("updated-at-older");
    session.put_and_watch(&first).await?;
    let second = first.clone().updated_at(later(first.at(), -1000)).set("Title", TITLE);
    let imported = session.import(std::slice::from_ref(&second)).await?;
    let read = session.settled(first.id()).await?;
    let is_ignored = read["Title"] != TITLE;
    let result = if is_ignored { "ignored" } else { "applied" };
    Ok(Observation::holds_if(is_ignored, format!("{result}; the response: {}", imported.text())))
}

/// The title of the second version.
const TITLE: &str = "Second version";

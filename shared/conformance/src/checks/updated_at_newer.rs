//! An update with a newer `UpdatedAt` (contract 1.5).

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "updated-at-newer",
    assumed: "an update whose UpdatedAt is 1 ms newer is applied",
    used_by: "the exporter sends each version of a finding at least 1 ms after the last one",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("updated-at-newer");
    session.put_and_watch(&first).await?;
    let newer = first.clone().updated_at(later(first.at(), 1)).set("Title", TITLE);
    session.put(&newer).await?;
    let watched = session.watch(first.id(), |finding| finding["Title"] == TITLE).await?;
    let observed = if watched.matched { "the update is returned" } else { "GetFindings returns the version before" };
    Ok(Observation::holds_if(watched.matched, observed))
}

/// The title of the second version.
const TITLE: &str = "Second version";

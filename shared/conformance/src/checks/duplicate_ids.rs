//! Two versions of a finding in one batch (contract 1.5; not documented).

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "duplicate-ids",
    assumed: "of two versions of a finding in one call, both count as accepted and the newer one is stored",
    used_by: "the exporter sends each finding once per call; a duplicate in a call must not lose the newer version",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("duplicate-ids");
    let second = first.clone().updated_at(later(first.at(), 1_000)).set("Title", "Second version");
    let imported = session.import(&[first.clone(), second]).await?;
    if !imported.is_accepted(2) {
        return Ok(Observation::holds_if(false, imported.text()));
    }
    session.watch(first.id(), |finding| finding["Title"] == "Second version").await?;
    let read = session.settled(first.id()).await?;
    let is_newer = read["Title"] == "Second version";
    let stored = if is_newer { "newer" } else { "older" };
    Ok(Observation::holds_if(is_newer, format!("{}; the {stored} version is stored", imported.text())))
}

//! An `UpdatedAt` in the future (contract 1.5; bounds are not documented).

use jiff::SignedDuration;

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, time};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "updated-at-future",
    assumed: "an UpdatedAt one day in the future is accepted",
    used_by: "an export from a workstation whose clock is fast is not lost",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("updated-at-future");
    let at = draft.at().saturating_add(SignedDuration::from_hours(24)).unwrap_or(draft.at());
    let draft = draft.updated_at(at);
    let imported = session.import(std::slice::from_ref(&draft)).await?;
    if !imported.is_accepted(1) {
        return Ok(Observation::holds_if(false, imported.text()));
    }
    let read = session.watch(draft.id(), |_| true).await?.finding;
    let is_stored = time(&read, "UpdatedAt") == Some(at);
    Ok(Observation::holds_if(is_stored, format!("accepted, returned as {}", read["UpdatedAt"])))
}

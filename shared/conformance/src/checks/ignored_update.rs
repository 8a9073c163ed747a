//! How an ignored update is counted (contract 1.5; not documented).

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "ignored-update-counted",
    assumed: "an update that is ignored counts in SuccessCount",
    used_by: "a batch that is sent again after a lost response counts as sent",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("ignored-update-counted");
    session.put(&draft).await?;
    let again = session.import(std::slice::from_ref(&draft)).await?;
    Ok(Observation::holds_if(again.is_accepted(1), again.text()))
}

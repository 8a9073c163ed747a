//! An empty batch (contract 1.1, 1.10).

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "empty-batch",
    assumed: "a call without findings is rejected",
    used_by: "the exporter never sends such a call",
    events_max: 0,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let imported = session.import(&[]).await?;
    Ok(Observation::holds_if(imported.response.status == 400, imported.text()))
}

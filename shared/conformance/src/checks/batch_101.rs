//! A batch that exceeds the maximum size (contract 1.1, 1.10).

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "batch-of-101",
    assumed: "a call with 101 findings is rejected as a whole",
    used_by: "the exporter never sends such a call; a higher limit would allow fewer calls",
    events_max: 101,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let drafts: Vec<_> = (0..101).map(|number| session.draft(&format!("batch-of-101/{number}"))).collect();
    let imported = session.import(&drafts).await?;
    Ok(Observation::holds_if(imported.response.status == 400, imported.text()))
}

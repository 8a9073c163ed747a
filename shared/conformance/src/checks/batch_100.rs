//! The largest batch (contract 1.1).

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "batch-of-100",
    assumed: "a call with 100 findings is accepted",
    used_by: "the exporter sends up to 100 findings per call",
    events_max: 100,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let drafts: Vec<_> = (0..100).map(|number| session.draft(&format!("batch-of-100/{number}"))).collect();
    let imported = session.import(&drafts).await?;
    Ok(Observation::holds_if(imported.is_accepted(100), imported.text()))
}

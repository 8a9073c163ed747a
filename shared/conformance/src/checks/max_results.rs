//! The maximum page size (contract 3.1).

use super::pages::request;
use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "max-results",
    assumed: "GetFindings accepts MaxResults 100 and rejects 101",
    used_by: "the exporter reads pages of 100 findings",
    events_max: 0,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let mut request = request(session, "max-results");
    request["MaxResults"] = 100.into();
    let accepted = session.page(&request).await?;
    request["MaxResults"] = 101.into();
    let rejected = session.page(&request).await?;
    let observed = format!("100: {}; 101: {}", accepted.text(), rejected.text());
    Ok(Observation::holds_if(accepted.is_ok() && rejected.status == 400, observed))
}

//! A finding of another account (contract 1.10, 2.2). The finding is invalid, so that it is never stored.

use serde_json::json;

use super::hub_disabled::{import_text, is_access_error};
use crate::check::{Check, Checked, Observation};
use crate::draft::body;
use crate::service::Call;
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "foreign-account",
    assumed: "an import with a finding of another account is denied as a whole",
    used_by: "the exporter sends findings only with credentials of their account, to the Region of the product ARN",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    if !session.options.denied_calls {
        return Ok(Observation::not_requested(
            "CloudTrail records the denied call, which may raise an alarm: --denied-calls",
        ));
    }
    let draft = session.draft("foreign-account").set("AwsAccountId", FOREIGN_ACCOUNT).set("Resources", json!([]));
    let call = Call::Import(body(&[draft.json()]));
    let response = session.call(session.target.region, call).await?;
    Ok(Observation::holds_if(is_access_error(&response), import_text(&response)))
}

/// An account ID that is not the caller's, and that AWS doesn't assign.
const FOREIGN_ACCOUNT: &str = "000000000000";

//! A product ARN of another Region (contract 1.10, 2.2). The finding is invalid, so that it is never stored.

use serde_json::json;

use super::hub_disabled::{import_text, is_access_error};
use crate::check::{Check, Checked, Observation};
use crate::draft::body;
use crate::service::Call;
use crate::session::Session;
use crate::target::Target;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "foreign-region",
    assumed: "an import with the product ARN of another Region is denied as a whole",
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
    let Target { partition, region, .. } = session.target;
    let other = REGIONS.into_iter().find(|name| *name != region.as_str()).unwrap_or_default();
    let arn = format!("arn:{partition}:securityhub:{other}::product/prowler/prowler");
    let draft = session.draft("foreign-region").set("ProductArn", arn).set("Resources", json!([]));
    let call = Call::Import(body(&[draft.json()]));
    let response = session.call(session.target.region, call).await?;
    Ok(Observation::holds_if(is_access_error(&response), import_text(&response)))
}

/// Two Regions. At least one of them is not the target.
const REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];

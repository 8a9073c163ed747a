//! Errors if the product is not accepted (contract 1.10, 2.2).

use super::hub_disabled::{import_text, is_access_error, probe};
use super::product_subscription::subscriptions;
use crate::check::{Check, Checked, Observation};
use crate::service::Call;
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "product-not-accepted",
    assumed: "in a Region that does not accept the Prowler product, an import returns AccessDenied or InvalidAccess, \
        before its format is checked",
    used_by: "the probe of connection checks would otherwise report that findings are accepted",
    events_max: 0,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let Some(region) = session.options.unaccepted_region else {
        return Ok(Observation::not_requested("no Region was named: --unaccepted-region REGION"));
    };
    let response = session.call(region, Call::DescribeHub).await?;
    if !response.is_ok() {
        return Ok(Observation::not_requested(format!("Security Hub is not enabled in {region}: {}", response.text())));
    }
    let is_accepted = subscriptions(session, region).await?.iter().any(|arn| arn.contains("/prowler/prowler"));
    if is_accepted {
        return Ok(Observation::not_requested(format!("{region} accepts the Prowler product")));
    }
    let imported = session.call(region, probe(session, region)).await?;
    Ok(Observation::holds_if(is_access_error(&imported), import_text(&imported)))
}

//! Checks whether a run is possible, before any finding is imported.

use exporter::connection::write_probe_body;

use crate::checks::subscriptions;
use crate::service::Call;
use crate::session::Session;
use crate::stop::Stop;

/// Checks the permissions that every run requires, without storing any finding.
///
/// # Errors
///
/// The permission or prerequisite that is missing.
pub(crate) async fn preflight(session: &Session<'_>) -> Result<(), Stop> {
    let target = &session.target;
    let call = Call::Import(write_probe_body(target.partition, target.account, target.region));
    let action = call.action();
    let response = session.call(target.region, call).await?;
    let is_unavailable = response.body["FailedFindings"][0]["ErrorCode"].as_str() == Some("InvalidAccess");
    let stop = Stop::from_response(action, &response)
        .or_else(|| is_unavailable.then(|| Stop::HubDisabled("InvalidAccess in FailedFindings".to_owned())));
    if let Some(stop) = stop {
        return Err(explain(session, stop).await);
    }
    session.active(Some(&session.run)).await.map(drop)
}

/// Determines whether an import is denied because Security Hub is disabled or the product is not accepted.
async fn explain(session: &Session<'_>, stop: Stop) -> Stop {
    if !matches!(stop, Stop::Denied { .. } | Stop::HubDisabled(_)) {
        return stop;
    }
    let region = session.target.region;
    match session.call(region, Call::DescribeHub).await {
        Ok(response) if response.is_code("InvalidAccess") => return Stop::HubDisabled(response.text()),
        Ok(response) if response.is_ok() => {}
        _ => return stop,
    }
    match subscriptions(session, region).await {
        Ok(found) if !found.iter().any(|arn| arn.contains("/prowler/prowler")) => {
            Stop::ProductNotAccepted(session.target.partition.product_arn(region))
        }
        _ => stop,
    }
}

//! Why a Region gets no more findings in this run, decoded from the service's answer.

use crate::connection::RegionContext;
use crate::ports::{CallError, Hub, HubState};
use crate::problem::Problem;

/// The end of a Region's delivery before its last finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegionHalt {
    /// The Region is unavailable. Trying again does not help before somebody fixes it.
    Unavailable(Problem),
    /// Something passing, by its name in [`undelivered`](crate::report::undelivered). A later run may succeed.
    Undelivered(&'static str),
}

/// Says why a Region refused a call, in AWS's own words. Asks the hub once where the refusal alone does not tell: Security Hub
/// gives the same `AccessDeniedException` for a product that is not accepted and for a missing permission.
pub(crate) async fn explain(hub: &impl Hub, place: RegionContext, refusal: &CallError) -> Problem {
    let said = |problem: Problem, message: &str| Problem { message: message.to_owned(), ..problem };
    match refusal {
        CallError::AccessDenied(message) => match hub.state(&place.region).await {
            Ok(HubState { product_accepted: false }) => said(place.product_not_accepted(), message),
            Ok(HubState { product_accepted: true }) => place.import_denied(message, true),
            Err(CallError::InvalidAccess(message)) => said(place.hub_not_enabled(), &message),
            Err(CallError::UnrecognizedClient(message)) => said(place.region_not_opted_in(), &message),
            Err(_) => place.import_denied(message, false),
        },
        CallError::InvalidAccess(message) => match hub.state(&place.region).await {
            Ok(HubState { product_accepted: false }) => said(place.product_not_accepted(), message),
            _ => said(place.hub_not_enabled(), message),
        },
        CallError::UnrecognizedClient(message) => said(place.region_not_opted_in(), message),
        other => {
            let message = other.to_string();
            said(place.unreachable(&message), &message)
        }
    }
}

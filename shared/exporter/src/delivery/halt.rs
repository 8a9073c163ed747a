//! Why a Region gets no more findings in this run, derived from the service's error.

use crate::connection::RegionContext;
use crate::model::problem::Problem;
use crate::ports::{CallError, Hub, HubState};

/// The end of a Region's delivery before its last finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegionHalt {
    /// The Region is unavailable. A retry fails until a user fixes it.
    Unavailable(Problem),
    /// A transient reason, one of [`undelivered`](crate::report::undelivered). A later run may succeed.
    Undelivered(&'static str),
}

/// Explains why a Region rejected a call, with the message of AWS. Queries the hub once if the error is ambiguous:
/// Security Hub returns the same `AccessDeniedException` for a product that is not accepted and for a missing
/// permission.
pub(crate) async fn explain_rejection(hub: &impl Hub, region_context: RegionContext, rejection: &CallError) -> Problem {
    let with_message = |problem: Problem, message: &str| Problem { message: message.to_owned(), ..problem };
    match rejection {
        CallError::AccessDenied(message) => match hub.state(&region_context.region).await {
            Ok(HubState { product_accepted: false }) => with_message(region_context.product_not_accepted(), message),
            Ok(HubState { product_accepted: true }) => region_context.import_denied(message, true),
            Err(CallError::InvalidAccess(message)) => with_message(region_context.hub_not_enabled(), &message),
            Err(CallError::UnrecognizedClient(message)) => with_message(region_context.region_not_opted_in(), &message),
            Err(_) => region_context.import_denied(message, false),
        },
        CallError::InvalidAccess(message) => match hub.state(&region_context.region).await {
            Ok(HubState { product_accepted: false }) => with_message(region_context.product_not_accepted(), message),
            _ => with_message(region_context.hub_not_enabled(), message),
        },
        CallError::UnrecognizedClient(message) => with_message(region_context.region_not_opted_in(), message),
        other => {
            let message = other.to_string();
            with_message(region_context.unreachable(&message), &message)
        }
    }
}

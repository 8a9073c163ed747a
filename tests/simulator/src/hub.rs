//! The hub itself: describe, enable, and disable it (contract 4.1, 1.10).

use jiff::SignedDuration;
use serde_json::json;

use crate::arn::hub_arn;
use crate::clock::format_ms;
use crate::config::Deviation;
use crate::context::Context;
use crate::limits::{HOURS_PER_DAY, SUBSCRIPTION_RETENTION_DAYS};
use crate::response::Response;
use crate::world::Hub;

/// DescribeHub.
pub(crate) fn describe(context: &Context<'_>, query: &[(String, String)]) -> Response {
    let arn = hub_arn(context.region, &context.caller.account);
    let Some(hub) = context.state().hub.clone() else {
        return context.not_subscribed();
    };
    if query.iter().any(|(name, value)| name == "HubArn" && *value != arn) {
        return Response::error(404, "ResourceNotFoundException", "The hub does not exist");
    }
    let mut answer = json!({
        "HubArn": arn,
        "AutoEnableControls": true,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    });
    if !context.deviates(Deviation::EnabledAtMissing) {
        answer["SubscribedAt"] = format_ms(hub.subscribed_at).into();
    }
    Response::ok(&answer)
}

/// `EnableSecurityHub`. Partner products that were accepted before are accepted again within the retention (contract 1.8).
pub(crate) fn enable(context: &Context<'_>) -> Response {
    let mut state = context.state();
    if state.hub.is_some() {
        let message = "Account is already subscribed to Security Hub";
        return Response::error(409, "ResourceConflictException", message);
    }
    let retention = SignedDuration::from_hours(SUBSCRIPTION_RETENTION_DAYS * HOURS_PER_DAY);
    if state.disabled_at.is_some_and(|at| context.now.duration_since(at) > retention) {
        state.subscriptions.clear();
    }
    state.hub = Some(Hub { subscribed_at: context.now });
    Response::ok(&json!({}))
}

/// `DisableSecurityHub`. Findings are retained until their own retention ends (contract 1.8).
pub(crate) fn disable(context: &Context<'_>) -> Response {
    let mut state = context.state();
    if state.hub.take().is_none() {
        drop(state);
        return context.not_subscribed();
    }
    state.disabled_at = Some(context.now);
    Response::ok(&json!({}))
}

//! STS: who am I, and temporary keys for a role (contract 6.1). Query protocol: form in, XML out.

mod answer;
mod assume;

use std::time::Duration;

use jiff::Timestamp;

use crate::faults::{Effect, Target};
use crate::identity::Scope;
use crate::operation::Operation;
use crate::records::{Call, Tally};
use crate::response::Response;
use crate::world::World;
use crate::{faults, lock};
use answer::{error, success};

/// Answers one request: `form` is its body.
pub(crate) fn answer(world: &World, now: Timestamp, scope: Scope<'_>, token: Option<&str>, form: &[u8]) -> Response {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(form).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let operation = match value("Action") {
        Some("GetCallerIdentity") => Operation::GetCallerIdentity,
        Some("AssumeRole") => Operation::AssumeRole,
        _ => return error(400, "InvalidAction", "Could not find operation for this action"),
    };
    let caller = lock(&world.identities).caller(scope.access_key, token);
    let account = caller.as_ref().map(|caller| caller.account.clone());
    let target = Target { operation, account: account.as_deref(), region: scope.region };
    let effects = lock(&world.faults).hit(&target, &[]);
    if effects.contains(&Effect::ExpireTokens) {
        lock(&world.identities).expire(account.as_deref(), now);
    }
    let mut response = match (failure(&effects), caller) {
        (Some(response), _) => response,
        (None, None) => error(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        (None, Some(caller)) if lock(&world.identities).is_expired(&caller, now) => {
            error(403, "ExpiredToken", "The security token included in the request is expired")
        }
        (None, Some(_)) if is_region_off(world, account.as_deref(), scope.region) => {
            let message =
                format!("STS is not activated in this region for account:{}", account.clone().unwrap_or_default());
            error(403, "RegionDisabledException", &message)
        }
        (None, Some(caller)) if operation == Operation::AssumeRole => {
            assume::assume(world, now, &caller, scope.region, value)
        }
        (None, Some(caller)) => success(
            operation,
            &[
                ("Arn", caller.arn.as_str()),
                ("UserId", caller.session_key.as_deref().unwrap_or("AIDASIMULATED")),
                ("Account", caller.account.as_str()),
            ],
        ),
    };
    response.delay += faults::latency(&effects);
    lock(&world.records).call(Call {
        at: now,
        operation,
        account,
        region: scope.region.to_owned(),
        status: response.status,
        error_type: response.error_type.clone(),
        dropped: response.dropped,
        body_bytes: form.len(),
        tally: Tally::default(),
    });
    response
}

/// A fault's answer in the query protocol's shape.
fn failure(effects: &[Effect]) -> Option<Response> {
    let json = faults::failure(effects, false).or_else(|| faults::failure(effects, true))?;
    let code = json.error_type.clone().unwrap_or_default();
    let mut response = error(json.status, &code, &json.message().unwrap_or_default());
    response.dropped = json.dropped;
    response.delay = Duration::ZERO;
    Some(response)
}

/// An account's Region that it did not opt into has no STS for it; Regions that the world does not list have.
fn is_region_off(world: &World, account: Option<&str>, region: &str) -> bool {
    let account = account.and_then(|account| world.accounts.get(account));
    account.and_then(|account| account.regions.get(region)).is_some_and(|region| !region.opted_in)
}

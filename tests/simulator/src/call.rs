//! One call to Security Hub: the steps that all operations share.
//!
//! Contract section 9: faults, expired token, opt-in status of the Region, rate; then the operation; then faults after the
//! operation.

use jiff::Timestamp;

use crate::arn::hub_arn;
use crate::config::ThrottleError;
use crate::context::Context;
use crate::done::Done;
use crate::faults::{CheckTarget, Effect, failure, latency};
use crate::identity::Caller;
use crate::operation::Operation;
use crate::records::Call;
use crate::regions::needs_opt_in;
use crate::response::Response;
use crate::world::World;
use crate::{get_findings, hub, import, lock, products, update};

/// The content of a request, without its caller and Region.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The decoded pairs of the query.
    pub query: &'a [(String, String)],
    /// The decoded ARN at the end of the path, if the operation has one.
    pub arn: &'a str,
}

/// Processes one call and records it in the call log.
pub(crate) fn call(
    world: &World,
    now: Timestamp,
    caller: &Caller,
    region: &str,
    operation: Operation,
    input: Input<'_>,
) -> Response {
    let target = CheckTarget { operation, account: Some(&caller.account), region };
    let effects = lock(&world.faults).hit(&target, &[]);
    prepare(world, now, &target, &effects);
    let mut done = match failure(&effects, false) {
        Some(response) => response.into(),
        None => run(world, now, caller, region, operation, input),
    };
    if let Some(response) = failure(&effects, true) {
        done.response = response;
    }
    done.response.delay += latency(&effects);
    let response = done.response;
    lock(&world.records).call(Call {
        at: now,
        operation,
        account: Some(caller.account.clone()),
        caller: Some(caller.arn.clone()),
        role: None,
        region: region.to_owned(),
        status: response.status,
        error_type: response.error_type.clone(),
        dropped: response.dropped,
        body_bytes: input.body.len(),
        tally: done.tally,
    });
    response
}

/// Applies the effects that change the world before the call.
fn prepare(world: &World, now: Timestamp, target: &CheckTarget<'_>, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::ExpireTokens => lock(&world.identities).expire(target.account, now),
            Effect::RemoveSubscription { product } => {
                if let Some(here) = world.region(target.account.unwrap_or_default(), target.region) {
                    here.state().subscriptions.remove(product);
                }
            }
            _ => {}
        }
    }
}

fn run(world: &World, now: Timestamp, caller: &Caller, region: &str, operation: Operation, input: Input<'_>) -> Done {
    if lock(&world.identities).is_expired(caller, now) {
        let message = "The security token included in the request is expired";
        return Response::error(403, "ExpiredTokenException", message).into();
    }
    let Some(here) = world.region(&caller.account, region) else {
        return Response::unrecognized_client().into();
    };
    if world.config.rules.global_sts_tokens && caller.session_key.is_some() && needs_opt_in(region) {
        return Response::unrecognized_client().into();
    }
    if !here.state().take_token(operation, &world.config, now) {
        return throttled(world.config.rates.error).into();
    }
    let context = Context { world, caller, region, now, here };
    if operation == Operation::BatchImportFindings {
        return import::import(&context, input.body);
    }
    if let Some(deny) = context.denied(operation) {
        return context.refuse(operation, &hub_arn(region, &caller.account), &deny).into();
    }
    match operation {
        Operation::BatchUpdateFindings => update::update(&context, input.body),
        Operation::GetFindings => get_findings::get(&context, input.body),
        Operation::DescribeHub => hub::describe(&context, input.query),
        Operation::EnableSecurityHub => hub::enable(&context),
        Operation::DisableSecurityHub => hub::disable(&context),
        Operation::ListEnabledProductsForImport => products::list_enabled(&context, input.query),
        Operation::EnableImportFindingsForProduct => products::enable(&context, input.body),
        Operation::DisableImportFindingsForProduct => products::disable(&context, input.arn),
        Operation::DescribeProducts => products::describe(&context, input.query),
        Operation::BatchImportFindings
        | Operation::GetCallerIdentity
        | Operation::AssumeRole
        | Operation::DescribeRegions
        | Operation::ListAccounts => Response::error(404, "UnknownOperationException", "Not a Security Hub operation"),
    }
    .into()
}

fn throttled(error: ThrottleError) -> Response {
    let error_type = match error {
        ThrottleError::TooManyRequestsException => "TooManyRequestsException",
        ThrottleError::LimitExceededException => "LimitExceededException",
    };
    Response::error(429, error_type, "Too Many Requests")
}

//! The services that callers of Security Hub require: STS (the caller identity, and temporary keys of a role, contract 6.1), EC2
//! (the Regions of an account), and Organizations (the accounts). They use the query protocol, with a form as the request and XML
//! as the response; Organizations uses JSON.

mod answer;
mod assume;
mod others;

use std::time::Duration;

use jiff::Timestamp;

use crate::faults::{CheckTarget, Effect};
use crate::identity::Scope;
use crate::operation::Operation;
use crate::records::{Call, Tally};
use crate::response::Response;
use crate::world::World;
use crate::{faults, lock};
use answer::success;

/// A service, with its name in signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Sts,
    Ec2,
    Organizations,
}

impl Service {
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "sts" => Some(Self::Sts),
            "ec2" => Some(Self::Ec2),
            "organizations" => Some(Self::Organizations),
            _ => None,
        }
    }

    /// The operation, from the action of a form or the target of a header.
    fn operation(self, action: &str) -> Option<Operation> {
        match (self, action) {
            (Self::Sts, "GetCallerIdentity") => Some(Operation::GetCallerIdentity),
            (Self::Sts, "AssumeRole") => Some(Operation::AssumeRole),
            (Self::Ec2, "DescribeRegions") => Some(Operation::DescribeRegions),
            (Self::Organizations, "AWSOrganizationsV20161128.ListAccounts") => Some(Operation::ListAccounts),
            _ => None,
        }
    }

    fn error(self, status: u16, code: &str, message: &str) -> Response {
        match self {
            Self::Sts => answer::error(status, code, message),
            Self::Ec2 => others::ec2_error(status, code, message),
            Self::Organizations => others::json_error(status, code, message),
        }
    }
}

/// A received request.
pub(crate) struct Request<'a> {
    /// The service that is called.
    pub(crate) service: Service,
    /// The header `x-amz-target`.
    pub(crate) target: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// Responds to one request.
pub(crate) fn answer(
    world: &World,
    now: Timestamp,
    scope: Scope<'_>,
    token: Option<&str>,
    request: &Request<'_>,
) -> Response {
    let service = request.service;
    let error = |status, code: &str, message: &str| service.error(status, code, message);
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(request.body).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(operation) = service.operation(request.target.or_else(|| value("Action")).unwrap_or_default()) else {
        return error(400, "InvalidAction", "Could not find operation for this action");
    };
    let caller = lock(&world.identities).caller(scope.access_key, token);
    let account = caller.as_ref().map(|caller| caller.account.clone());
    let arn = caller.as_ref().map(|caller| caller.arn.clone());
    let target = CheckTarget { operation, account: account.as_deref(), region: scope.region };
    let effects = lock(&world.faults).hit(&target, &[]);
    if effects.contains(&Effect::ExpireTokens) {
        lock(&world.identities).expire(account.as_deref(), now);
    }
    let mut response = match (failure(&effects, service), caller) {
        (Some(response), _) => response,
        (None, None) => error(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        (None, Some(caller)) if lock(&world.identities).is_expired(&caller, now) => {
            error(403, "ExpiredToken", "The security token included in the request is expired")
        }
        (None, Some(_)) if service == Service::Sts && is_region_off(world, account.as_deref(), scope.region) => {
            let message =
                format!("STS is not activated in this region for account:{}", account.clone().unwrap_or_default());
            error(403, "RegionDisabledException", &message)
        }
        (None, Some(caller)) if operation == Operation::AssumeRole => {
            assume::assume(world, now, &caller, scope.region, value)
        }
        (None, Some(caller)) if operation == Operation::DescribeRegions => {
            others::describe_regions(world, &caller, scope.region, value("AllRegions") == Some("true"))
        }
        (None, Some(caller)) if operation == Operation::ListAccounts => {
            others::list_accounts(world, &caller, scope.region, request.body)
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
        caller: arn,
        role: value("RoleArn").map(str::to_owned),
        region: scope.region.to_owned(),
        status: response.status,
        error_type: response.error_type.clone(),
        dropped: response.dropped,
        body_bytes: request.body.len(),
        tally: Tally::default(),
    });
    response
}

/// The response of a fault in the format of the service.
fn failure(effects: &[Effect], service: Service) -> Option<Response> {
    let json = faults::failure(effects, false).or_else(|| faults::failure(effects, true))?;
    let code = json.error_type.clone().unwrap_or_default();
    let mut response = service.error(json.status, &code, &json.message().unwrap_or_default());
    response.dropped = json.dropped;
    response.delay = Duration::ZERO;
    Some(response)
}

/// STS is not available in a Region that the configuration lists and that the account did not opt into.
fn is_region_off(world: &World, account: Option<&str>, region: &str) -> bool {
    let account = account.and_then(|account| world.accounts.get(account));
    account.and_then(|account| account.regions.get(region)).is_some_and(|region| !region.opted_in)
}

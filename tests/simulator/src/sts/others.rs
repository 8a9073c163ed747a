//! EC2's `DescribeRegions` and Organizations' `ListAccounts`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::answer::{REQUEST_ID, escape, with_xml};
use crate::arn::partition_of;
use crate::context::denial;
use crate::identity::Caller;
use crate::limits::ORGANIZATION_PAGE_ACCOUNTS_MAX;
use crate::operation::Operation;
use crate::regions::{account_regions, needs_opt_in};
use crate::response::Response;
use crate::world::World;

/// `DescribeRegions`: the Regions of the caller's partition that the account opted into, or all.
pub(super) fn describe_regions(world: &World, caller: &Caller, region: &str, all: bool) -> Response {
    if let Some(said) = denied(world, caller, region, Operation::DescribeRegions, "*") {
        return ec2_error(
            403,
            "UnauthorizedOperation",
            &format!("You are not authorized to perform this operation. {said}"),
        );
    }
    let mut xml = format!(
        "<DescribeRegionsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{REQUEST_ID}</requestId>\
         <regionInfo>"
    );
    for (name, has) in account_regions(world, &caller.account, partition_of(region)) {
        let status = match (has, needs_opt_in(&name)) {
            (true, false) => "opt-in-not-required",
            (true, true) => "opted-in",
            (false, _) if !all => continue,
            (false, _) => "not-opted-in",
        };
        let _ = write!(
            xml,
            "<item><optInStatus>{status}</optInStatus><regionName>{name}</regionName>\
             <regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint></item>"
        );
    }
    xml += "</regionInfo></DescribeRegionsResponse>";
    with_xml(200, None, xml)
}

/// `ListAccounts`, for the administrator.
pub(super) fn list_accounts(world: &World, caller: &Caller, region: &str, body: &[u8]) -> Response {
    let Some(organization) = &world.config.organization else {
        let message = "Your account is not a member of an organization.";
        return json_error(400, "AWSOrganizationsNotInUseException", message);
    };
    let said = denied(world, caller, region, Operation::ListAccounts, "*");
    if said.is_some() || organization.administrator != caller.account {
        let message = "You don't have permissions to access this resource.";
        return json_error(400, "AccessDeniedException", &said.unwrap_or_else(|| message.to_owned()));
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let all: Vec<&String> = std::iter::once(&organization.administrator).chain(&organization.members).collect();
    let requested = request["MaxResults"].as_u64().and_then(|size| usize::try_from(size).ok());
    let size = requested.unwrap_or(ORGANIZATION_PAGE_ACCOUNTS_MAX).clamp(1, ORGANIZATION_PAGE_ACCOUNTS_MAX);
    let start = match request["NextToken"].as_str().map(|token| token.strip_prefix("page-").map(str::parse::<usize>)) {
        None => 0,
        Some(Some(Ok(start))) if start < all.len() => start,
        Some(_) => return json_error(400, "InvalidInputException", "You specified an invalid value."),
    };
    let end = (start + size).min(all.len());
    let accounts: Vec<Value> = all[start..end]
        .iter()
        .map(|id| {
            let state = if organization.suspended.contains(id) { "SUSPENDED" } else { "ACTIVE" };
            let name = world.accounts.get(*id).and_then(|account| account.config.name.clone());
            json!({ "Id": id, "Name": name.unwrap_or_else(|| format!("account {id}")), "State": state, "Status": state })
        })
        .collect();
    let mut answer = json!({ "Accounts": accounts });
    if end < all.len() {
        answer["NextToken"] = format!("page-{end}").into();
    }
    let mut response = Response::ok(&answer);
    response.content_type = "application/x-amz-json-1.1";
    response
}

/// The message of a denial, if a policy denies the operation.
fn denied(world: &World, caller: &Caller, region: &str, operation: Operation, resource: &str) -> Option<String> {
    let account = world.accounts.get(&caller.account)?;
    let denies = account.config.denies.iter();
    let ending = denies.into_iter().find_map(|deny| denial(deny, &operation.action(), region, &caller.arn))?;
    let (arn, action) = (&caller.arn, operation.action());
    Some(format!("User: {arn} is not authorized to perform: {action} on resource: {resource}{ending}"))
}

/// An error of EC2.
pub(super) fn ec2_error(status: u16, code: &str, message: &str) -> Response {
    let message = escape(message);
    let xml = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
         <RequestID>{REQUEST_ID}</RequestID></Response>"
    );
    with_xml(status, Some(code), xml)
}

/// An error of Organizations.
pub(super) fn json_error(status: u16, code: &str, message: &str) -> Response {
    let mut response = Response::ok(&json!({ "__type": code, "Message": message }));
    response.status = status;
    response.error_type = Some(code.to_owned());
    response.content_type = "application/x-amz-json-1.1";
    response
}

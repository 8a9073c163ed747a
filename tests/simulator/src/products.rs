//! The products that may import findings: list, accept, reject, describe (contract 2.3).
//!
//! AWS's own products are always accepted and come first in every list, and pages are small, so that a client that reads only one
//! page does not find a partner's product.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::arn::{ProductArn, subscription_arn};
use crate::config::Deviation;
use crate::context::Context;
use crate::limits::PAGE_RESULTS_MAX;
use crate::response::Response;

/// AWS's own products, which send findings automatically.
const NATIVE: [&str; 8] = [
    "aws/securityhub",
    "aws/access-analyzer",
    "aws/config",
    "aws/firewall-manager",
    "aws/guardduty",
    "aws/health",
    "aws/inspector",
    "aws/macie",
];

/// Partner products that a Region offers by default.
const OFFERED: [&str; 1] = ["prowler/prowler"];

/// ListEnabledProductsForImport.
pub(crate) fn list_enabled(context: &Context<'_>, query: &[(String, String)]) -> Response {
    let state = context.state();
    if state.hub.is_none() {
        drop(state);
        return context.not_subscribed();
    }
    let slugs = NATIVE.into_iter().chain(state.subscriptions.iter().map(String::as_str));
    let account = &context.caller.account;
    let version = if context.deviates(Deviation::SubscriptionFormat) { "/1" } else { "" };
    let arn = |slug| format!("{}{version}", subscription_arn(context.region, account, slug));
    let all: Vec<Value> = slugs.map(|slug| arn(slug).into()).collect();
    page(context, query, "ProductSubscriptions", &all)
}

/// `DescribeProducts`: the products that the Region offers, or only the requested one.
pub(crate) fn describe(context: &Context<'_>, query: &[(String, String)]) -> Response {
    let requested = query.iter().find(|(name, _)| name == "ProductArn").map(|(_, value)| value.as_str());
    let state = context.state();
    let own = state.subscriptions.iter().map(String::as_str).filter(|slug| !OFFERED.contains(slug));
    let slugs: Vec<&str> =
        NATIVE.into_iter().chain(OFFERED).chain(own).filter(|slug| context.is_offered(slug)).collect();
    let all: Vec<Value> = slugs
        .into_iter()
        .map(|slug| describe_one(context, slug))
        .filter(|product| requested.is_none_or(|arn| product["ProductArn"] == arn))
        .collect();
    drop(state);
    page(context, query, "Products", &all)
}

fn describe_one(context: &Context<'_>, slug: &str) -> Value {
    let (company, product) = slug.split_once('/').unwrap_or_default();
    let (partition, region, account) = (context.partition(), context.region, &context.caller.account);
    let arn = format!("arn:{partition}:securityhub:{region}::product/{slug}");
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": account },
            "Action": ["securityhub:BatchImportFindings"],
            "Resource": arn,
            "Condition": { "StringEquals": { "securityhub:TargetAccount": account } },
        }],
    });
    json!({
        "ProductArn": arn,
        "ProductName": product,
        "CompanyName": company,
        "Description": format!("{product} by {company}"),
        "Categories": ["Configuration and Compliance"],
        "IntegrationTypes": ["SEND_FINDINGS_TO_SECURITY_HUB"],
        "ProductSubscriptionResourcePolicy": policy.to_string(),
    })
}

/// `EnableImportFindingsForProduct`.
pub(crate) fn enable(context: &Context<'_>, body: &[u8]) -> Response {
    #[derive(Deserialize)]
    struct Request {
        #[serde(rename = "ProductArn")]
        product_arn: String,
    }
    let Ok(request) = serde_json::from_slice::<Request>(body) else {
        return Response::invalid_input("Invalid request body");
    };
    let product = ProductArn::parse(&request.product_arn).filter(|arn| {
        arn.region == context.region && arn.partition == context.partition() && context.is_offered(arn.slug)
    });
    let Some(product) = product else {
        return Response::invalid_input("Invalid parameter 'ProductArn'");
    };
    let mut state = context.state();
    if state.hub.is_none() {
        drop(state);
        return context.not_subscribed();
    }
    if NATIVE.contains(&product.slug) || !state.subscriptions.insert(product.slug.to_owned()) {
        return Response::error(409, "ResourceConflictException", "The product is already enabled");
    }
    let arn = subscription_arn(context.region, &context.caller.account, product.slug);
    Response::ok(&json!({ "ProductSubscriptionArn": arn }))
}

/// `DisableImportFindingsForProduct`.
pub(crate) fn disable(context: &Context<'_>, arn: &str) -> Response {
    let mut state = context.state();
    if state.hub.is_none() {
        drop(state);
        return context.not_subscribed();
    }
    let own = |slug: &&String| subscription_arn(context.region, &context.caller.account, slug) == arn;
    let Some(slug) = state.subscriptions.iter().find(own).cloned() else {
        return Response::error(404, "ResourceNotFoundException", "The product subscription does not exist");
    };
    state.subscriptions.remove(&slug);
    Response::ok(&json!({}))
}

/// One page of a list; the token is the number of the next entry.
fn page(context: &Context<'_>, query: &[(String, String)], name: &str, all: &[Value]) -> Response {
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let size = match value("MaxResults").map(|text| text.parse::<usize>()) {
        None => context.world.config.rules.products_page_size.max(1),
        Some(Ok(size)) if (1..=PAGE_RESULTS_MAX).contains(&size) => size,
        Some(_) => return Response::invalid_input("Invalid parameter 'MaxResults'"),
    };
    let start = match value("NextToken").map(|token| token.strip_prefix("page-").map(str::parse::<usize>)) {
        None => 0,
        Some(Some(Ok(start))) if start < all.len() => start,
        Some(_) => return Response::invalid_input("Invalid NextToken"),
    };
    let end = (start + size).min(all.len());
    let mut body = json!({ name: all[start..end] });
    if end < all.len() {
        body["NextToken"] = Value::from(format!("page-{end}"));
    }
    Response::ok(&body)
}

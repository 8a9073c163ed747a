//! Contract 2.3 and 4.1: the hub and the products that it accepts.

use serde_json::{Value, json};
use simulator::{Input, Operation};

use crate::stage::{ACCOUNT, PRODUCT, REGION, Stage, config, finding, stage};

const SUBSCRIPTION: &str = "arn:aws:securityhub:eu-west-1:123456789012:product-subscription/prowler/prowler";

fn off() -> Stage {
    Stage::new(config().region(ACCOUNT, REGION, |region| region.hub = false))
}

fn list(stage: &Stage, query: &[(&str, &str)]) -> Value {
    let query: Vec<(String, String)> =
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let input = Input { query: &query, ..Input::default() };
    stage.simulator.call(&stage.caller, stage.region, Operation::ListEnabledProductsForImport, input).json()
}

#[test]
fn contract_4_1_describe_hub() {
    let answer = stage().call(Operation::DescribeHub).json();
    assert_eq!(answer["HubArn"], "arn:aws:securityhub:eu-west-1:123456789012:hub/default");
    assert_eq!(answer["SubscribedAt"], "2025-01-01T00:00:00.000Z");
}

#[test]
fn contract_1_10_a_disabled_hub_is_reported() {
    let reads = [
        Operation::DescribeHub,
        Operation::GetFindings,
        Operation::ListEnabledProductsForImport,
        Operation::BatchUpdateFindings,
        Operation::DisableSecurityHub,
    ];
    for operation in reads {
        let response = off().call(operation);
        assert_eq!((response.status, response.error_type.as_deref()), (401, Some("InvalidAccessException")));
        assert_eq!(response.message().unwrap(), "Account 123456789012 is not subscribed to AWS Security Hub");
    }
}

#[test]
fn contract_1_10_enabling_twice_is_a_conflict() {
    let stage = off();
    assert_eq!(stage.call(Operation::EnableSecurityHub).status, 200);
    assert_eq!(stage.call(Operation::DescribeHub).json()["SubscribedAt"], "2026-11-23T08:00:00.000Z");
    let twice = stage.call(Operation::EnableSecurityHub);
    assert_eq!((twice.status, twice.error_type.as_deref()), (409, Some("ResourceConflictException")));
    assert_eq!(twice.message().unwrap(), "Account is already subscribed to Security Hub");
}

#[test]
fn contract_1_8_a_disabled_hub_retains_findings_and_subscriptions() {
    let stage = stage();
    stage.put(finding("a", 0));
    assert_eq!(stage.call(Operation::DisableSecurityHub).status, 200);
    stage.advance_days(80);
    assert_eq!(stage.call(Operation::EnableSecurityHub).status, 200);
    assert_eq!(stage.visible().len(), 1);
    stage.call(Operation::DisableSecurityHub);
    stage.advance_days(91);
    stage.call(Operation::EnableSecurityHub);
    assert!(stage.visible().is_empty());
    assert_eq!(stage.import(&[finding("a", 0)]).status, 403);
}

#[test]
fn contract_2_3_the_partners_product_is_not_on_the_first_page() {
    let stage = stage();
    let first = list(&stage, &[]);
    let first_arns = first["ProductSubscriptions"].as_array().unwrap();
    assert_eq!(
        (first_arns.len(), first_arns[0].as_str().unwrap().ends_with("product-subscription/aws/securityhub")),
        (5, true)
    );
    assert!(!first_arns.contains(&json!(SUBSCRIPTION)));
    let second = list(&stage, &[("NextToken", first["NextToken"].as_str().unwrap())]);
    assert!(second["ProductSubscriptions"].as_array().unwrap().contains(&json!(SUBSCRIPTION)));
    assert!(second.get("NextToken").is_none());
    let all = list(&stage, &[("MaxResults", "100")]);
    assert!(all.get("NextToken").is_none());
    assert_eq!(list(&stage, &[("MaxResults", "101")])["Code"], "InvalidInputException");
}

#[test]
fn contract_2_3_a_subscription_is_enabled_and_disabled() {
    let stage = stage();
    let body = json!({ "ProductArn": PRODUCT }).to_string();
    let enable = || {
        let input = Input { body: body.as_bytes(), ..Input::default() };
        stage.simulator.call(&stage.caller, REGION, Operation::EnableImportFindingsForProduct, input)
    };
    let disable = || {
        let input = Input { arn: SUBSCRIPTION, ..Input::default() };
        stage.simulator.call(&stage.caller, REGION, Operation::DisableImportFindingsForProduct, input)
    };
    assert_eq!((enable().status, disable().status), (409, 200));
    assert_eq!(stage.import(&[finding("a", 0)]).status, 403);
    assert_eq!(disable().status, 404);
    assert_eq!(enable().json()["ProductSubscriptionArn"], SUBSCRIPTION);
    stage.put(finding("a", 0));
}

#[test]
fn contract_2_3_describe_products_lists_what_a_region_offers() {
    let ask = |stage: &Stage| {
        let query = [("ProductArn".to_owned(), PRODUCT.to_owned())];
        let input = Input { query: &query, ..Input::default() };
        stage.simulator.call(&stage.caller, REGION, Operation::DescribeProducts, input).json()["Products"].clone()
    };
    let offered = ask(&stage());
    assert_eq!(offered[0]["ProductArn"], PRODUCT);
    assert!(offered[0]["ProductSubscriptionResourcePolicy"].as_str().unwrap().contains("securityhub:TargetAccount"));
    let none = config().region(ACCOUNT, REGION, |region| region.not_offered.push("prowler/prowler".to_owned()));
    assert_eq!(ask(&Stage::new(none)), json!([]));
}

//! Contract 1.10, 2.1, 2.2, and section 9, steps 1, 4, 5, 6: authorization of imports.

use serde_json::{Value, json};
use simulator::{Caller, Config, Deny, HubOffImport, Operation, Response};

use crate::stage::{ACCOUNT, OTHER, PRODUCT, REGION, Stage, config, finding, stage, with};

const DENIED: &str = "User: arn:aws:iam::123456789012:user/simulated is not authorized to perform: \
                      securityhub:BatchImportFindings on resource: ";

fn assert_denied(response: &Response, resource: &str) {
    assert_eq!((response.status, response.error_type.as_deref()), (403, Some("AccessDeniedException")));
    assert_eq!(response.message().unwrap(), format!("{DENIED}{resource}"));
}

#[test]
fn contract_2_2_one_foreign_account_fails_the_whole_call() {
    let stage = Stage::new(config().account(OTHER, &[REGION]));
    let response = stage.import(&[finding("a", 0), with(finding("b", 0), json!({ "AwsAccountId": OTHER }))]);
    assert_denied(&response, PRODUCT);
    assert!(stage.visible().is_empty());
}

#[test]
fn contract_2_2_an_administrator_cannot_import_for_members() {
    let mut config = config().account(OTHER, &[REGION]);
    config.organization = Some(simulator::Organization {
        administrator: ACCOUNT.to_owned(),
        members: vec![OTHER.to_owned()],
        suspended: Vec::new(),
    });
    let stage = Stage::new(config);
    assert_denied(&stage.import(&[with(finding("b", 0), json!({ "AwsAccountId": OTHER }))]), PRODUCT);
}

#[test]
fn contract_1_3_the_product_arns_region_and_partition_are_the_endpoints() {
    for arn in [
        "arn:aws:securityhub:us-east-1::product/prowler/prowler",
        "arn:aws-cn:securityhub:eu-west-1::product/prowler/prowler",
        // Contract 2.1: AWS defines the account part of the ARN, which is empty for Prowler.
        "arn:aws:securityhub:eu-west-1:123456789012:product/prowler/prowler",
    ] {
        assert_denied(&stage().import(&[with(finding("a", 0), json!({ "ProductArn": arn }))]), arn);
    }
}

#[test]
fn contract_2_3_products_must_be_accepted_except_the_accounts_own() {
    let stage = Stage::new(config().region(ACCOUNT, REGION, |region| region.products.clear()));
    assert_denied(&stage.import(&[finding("a", 0)]), PRODUCT);
    let own = "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default";
    stage.put(with(finding("a", 0), json!({ "ProductArn": own })));
    let foreign = "arn:aws:securityhub:eu-west-1:210987654321:product/210987654321/default";
    assert_denied(&stage.import(&[with(finding("a", 0), json!({ "ProductArn": foreign }))]), foreign);
}

#[test]
fn contract_2_4_a_resources_region_need_not_be_the_endpoints() {
    stage().put(with(finding("a", 0), json!({ "Resources": [{ "Type": "Other", "Id": "x", "Region": "us-west-2" }] })));
}

#[test]
fn contract_9_step_4_malformed_accounts_fail_the_authorizer() {
    for (status, changes) in [
        (500, json!({ "AwsAccountId": "12345" })),
        (500, json!({ "AwsAccountId": null })),
        (400, json!({ "ProductArn": "prowler" })),
        (400, json!({ "ProductArn": 7 })),
    ] {
        let mut config = config();
        config.rules.authorizer_status = status;
        let response = Stage::new(config).import(&[with(finding("a", 0), changes)]);
        let error = response.error_type.as_deref();
        assert_eq!((response.status, error), (status, Some("AuthorizerConfigurationException")));
    }
}

#[test]
fn contract_9_step_5_partial_authorization_is_a_setting() {
    let mut config = config();
    config.rules.partial_auth = true;
    let stage = Stage::new(config);
    let answer = stage.import(&[finding("a", 0), with(finding("b", 0), json!({ "AwsAccountId": OTHER }))]).json();
    assert_eq!((&answer["SuccessCount"], &answer["FailedFindings"][0]["Id"]), (&json!(1), &json!("b")));
    assert_eq!(answer["FailedFindings"][0]["ErrorCode"], "InvalidAccess");
}

#[test]
fn contract_9_step_6_an_import_into_a_disabled_hub() {
    let message = json!("Account 123456789012 is not subscribed to AWS Security Hub");
    let import = |rule: HubOffImport| {
        let mut config = config().region(ACCOUNT, REGION, |region| region.hub = false);
        config.rules.hub_off_import = rule;
        Stage::new(config).import(&[finding("a", 0), finding("b", 0)])
    };
    let documented = import(HubOffImport::FailedFindings);
    assert_eq!((documented.status, &documented.json()["FailedCount"]), (200, &json!(2)));
    assert_eq!(documented.json()["FailedFindings"][1]["ErrorCode"], "InvalidAccess");
    let request_level = import(HubOffImport::InvalidAccess);
    assert_eq!((request_level.status, &request_level.json()["Message"]), (401, &message));
    assert_denied(&import(HubOffImport::AccessDenied), PRODUCT);
}

#[test]
fn contract_1_10_a_region_not_opted_into() {
    let stage_off = Stage::new(config().region(ACCOUNT, REGION, |region| region.opted_in = false));
    let response = stage_off.call(Operation::DescribeHub);
    assert_eq!((response.status, response.error_type.as_deref()), (403, Some("UnrecognizedClientException")));
    assert_eq!(response.message().unwrap(), "The security token included in the request is invalid");
    let mut stage = stage();
    stage.region = "af-south-1";
    assert_eq!(stage.import(&[finding("a", 0)]).error_type.as_deref(), Some("UnrecognizedClientException"));
}

fn deny(action: &str, policy: Option<&str>, explicit: bool) -> Config {
    let mut config = config();
    config.account_mut(ACCOUNT).denies.push(Deny {
        action: action.to_owned(),
        regions: vec![REGION.to_owned()],
        caller: None,
        explicit,
        policy: policy.map(str::to_owned),
    });
    config
}

#[test]
fn contract_1_10_policies_deny_explicitly() {
    let import = |config| Stage::new(config).import(&[finding("a", 0)]);
    let action = "securityhub:BatchImportFindings";
    assert_denied(&import(deny(action, None, false)), PRODUCT);
    assert_denied(&import(deny(action, None, true)), &format!("{PRODUCT} with an explicit deny"));
    let scp = import(deny("securityhub:*", Some("service control policy"), true));
    assert_denied(&scp, &format!("{PRODUCT} with an explicit deny in a service control policy"));
    let mut elsewhere = Stage::new(deny(action, None, true));
    elsewhere.region = "us-east-1";
    let product = "arn:aws:securityhub:us-east-1::product/prowler/prowler";
    elsewhere.put(with(finding("a", 0), json!({ "ProductArn": product })));
}

#[test]
fn contract_4_1_a_denied_probe_is_not_a_disabled_hub() {
    let response = Stage::new(deny("securityhub:DescribeHub", None, true)).call(Operation::DescribeHub);
    let message = response.message().unwrap();
    assert_eq!(response.status, 403);
    let resource = "arn:aws:securityhub:eu-west-1:123456789012:hub/default";
    assert!(message.ends_with(&format!("securityhub:DescribeHub on resource: {resource} with an explicit deny")));
}

#[test]
fn a_caller_of_another_account_imports_into_its_own() {
    let mut stage = Stage::new(config().account(OTHER, &[REGION]));
    stage.caller = Caller::user(OTHER);
    stage.put(with(finding("a", 0), json!({ "AwsAccountId": OTHER })));
    assert_eq!(stage.simulator.findings(OTHER, REGION).len(), 1);
    assert_eq!(stage.simulator.findings(ACCOUNT, REGION), Vec::<Value>::new());
}

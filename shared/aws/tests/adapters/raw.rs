//! Raw responses, against the simulator.

use aws::SecurityHub;
use serde_json::{Value, json};
use simulator::{Config, Fault, Operation, Server, Simulator};

use crate::{ACCOUNT, cloud};

const DISABLED: &str = "us-east-1";

async fn start() -> (Simulator, Server, SecurityHub) {
    let config = Config::one_account(ACCOUNT, &["eu-west-1", DISABLED]);
    let simulator = Simulator::new(config.region(ACCOUNT, DISABLED, |region| region.hub = false));
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    let (account, hub) = cloud(&server.endpoint_url()).await.connect_as_caller().await.unwrap();
    assert_eq!(account.as_str(), ACCOUNT);
    (simulator, server, hub)
}

#[tokio::test]
async fn a_response_has_status_code_message_and_body() {
    let (_simulator, _server, hub) = start().await;
    let (region, disabled) = ("eu-west-1".parse().unwrap(), DISABLED.parse().unwrap());
    let found = hub.raw_find(region, r#"{"MaxResults":1}"#.into()).await.unwrap();
    assert_eq!((found.status, found.code, found.body), (200, None, json!({ "Findings": [] })));
    let described = hub.raw_describe(region).await.unwrap();
    assert!(described.body["SubscribedAt"].as_str().unwrap().starts_with("2025-"), "{described:?}");
    let rejected = hub.raw_import(region, r#"{"Findings":[]}"#.into()).await.unwrap();
    assert_eq!((rejected.status, rejected.code.as_deref()), (400, Some("InvalidInputException")));
    assert!(rejected.message.contains("Findings"), "{rejected:?}");
    let off = hub.raw_describe(disabled).await.unwrap();
    assert_eq!((off.status, off.code.as_deref()), (401, Some("InvalidAccessException")));
    assert!(off.message.contains("is not subscribed"), "{off:?}");
}

#[tokio::test]
async fn each_page_of_products_is_a_response() {
    let (_simulator, _server, hub) = start().await;
    let (mut next, mut pages, mut found) = (None, 0, Vec::new());
    loop {
        let page = hub.raw_products("eu-west-1".parse().unwrap(), next).await.unwrap();
        pages += 1;
        found.extend(page.body["ProductSubscriptions"].as_array().unwrap().clone());
        next = page.body["NextToken"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    let ours = format!("arn:aws:securityhub:eu-west-1:{ACCOUNT}:product-subscription/prowler/prowler");
    assert!(pages > 1 && found.contains(&Value::from(ours)), "{found:?}");
}

#[tokio::test]
async fn raw_calls_are_not_retried() {
    let (simulator, _server, hub) = start().await;
    let region = "eu-west-1".parse().unwrap();
    for operation in [Operation::GetFindings, Operation::BatchImportFindings, Operation::DescribeHub] {
        simulator.inject(Fault::error(503).on(operation).times(1));
    }
    assert_eq!(hub.raw_find(region, "{}".into()).await.unwrap().status, 503);
    assert_eq!(hub.raw_import(region, "{}".into()).await.unwrap().status, 503);
    assert_eq!(hub.raw_describe(region).await.unwrap().status, 503);
}

//! Connection tests with the check function, which is invoked until all accounts of an organization are checked.

use asff::AccountId;
use aws::ManagementConfig;
use exporter::model::provider::ProviderId;
use management::ports::{ConnectionTestResult, ConnectionTester as _};
use serde_json::{Value, json};

use crate::cloud;
use crate::wire::{Reply, Request, Wire};

const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn account(number: usize) -> String {
    format!("{number:012}")
}

fn connection(account: &str) -> Value {
    json!({"account": account, "provider": ORGANIZATION, "status": "connected",
        "checked_at": "2026-11-23T08:00:00Z", "regions": {}})
}

/// A function that checks at most 100 of these accounts per invocation, as check-connections does.
fn hundred(accounts: usize, request: &Request) -> Value {
    let wanted: Vec<String> = match request.json()["accounts"].as_array() {
        Some(named) => named.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        None => (0..accounts).map(account).collect(),
    };
    let (now, later) = wanted.split_at(wanted.len().min(100));
    let connections: Vec<Value> = now.iter().map(|one| connection(one)).collect();
    json!({"connections": connections, "not_reached": later, "failed": [], "problems": []})
}

async fn test(wire: &Wire) -> ConnectionTestResult {
    let management = ManagementConfig { check_function: Some("checks".to_owned()), ..ManagementConfig::default() };
    let provider: ProviderId = ORGANIZATION.parse().unwrap();
    cloud(&wire.url).await.with_management(management).test(&provider).await.unwrap()
}

#[tokio::test]
async fn checks_are_invoked_until_all_accounts_are_checked() {
    let wire = Wire::serve(|_, request| Reply::new(200, hundred(330, request).to_string())).await;
    let tested = test(&wire).await;
    assert_eq!((tested.connections.len(), tested.unchecked.len()), (330, 0));
    assert!(tested.problems.is_empty());
    let requests = wire.requests();
    assert_eq!(requests[0].json(), json!({"integration": ORGANIZATION, "spread": false}));
    let mut shares: Vec<_> = requests[1..].iter().map(|one| one.json()["accounts"].as_array().unwrap().len()).collect();
    shares.sort_unstable();
    assert_eq!(shares, [30, 100, 100]);
}

#[tokio::test]
async fn accounts_that_were_not_checked_are_returned() {
    // The invocation for the second hundred accounts is throttled; of the third hundred, one check ends without a result.
    let wire = Wire::serve(|_, request| match request.json()["accounts"][0].as_str() {
        Some("000000000100") => {
            Reply::new(429, r#"{"Message": "slow down"}"#).header("x-amzn-errortype", "TooManyRequestsException")
        }
        Some(_) => {
            let mut answer = hundred(0, request);
            answer["connections"].as_array_mut().unwrap().pop();
            answer["failed"] = json!([account(204)]);
            Reply::new(200, answer.to_string())
        }
        None => Reply::new(200, hundred(205, request).to_string()),
    })
    .await;
    let tested = test(&wire).await;
    assert_eq!((tested.connections.len(), tested.unchecked.len()), (104, 101));
    let failed: AccountId = account(204).parse().unwrap();
    assert!(tested.unchecked.contains(&failed));
    assert!(tested.problems.iter().any(|problem| problem.contains("TooManyRequestsException")), "{tested:?}");
}

#[tokio::test]
async fn a_function_without_progress_is_not_invoked_again() {
    let answer = json!({"connections": [], "not_reached": [account(1)], "problems": []});
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.to_string())).await;
    let tested = test(&wire).await;
    assert_eq!(tested.unchecked, [account(1).parse::<AccountId>().unwrap()]);
    assert!(tested.problems[0].contains("not all accounts were checked in time"), "{tested:?}");
    assert_eq!(wire.requests().len(), 2);
}

//! Outcomes of connection tests. A test passes only if every account and Region responded.

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionStatus};
use exporter::testing::TestedConnections;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, connected, disconnected};

const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn problem(reason: &str, message: &str) -> Option<Problem> {
    Some(Problem { reason: reason.to_owned(), message: message.to_owned(), remediation: Some("the remedy".to_owned()) })
}

/// A connection to an account that did not respond. Its Regions are those of the previous check.
fn silent(account: &str, provider: &str) -> Connection {
    let before = connected(account, provider, &["eu-west-1"]);
    let problem = problem("not_checked", "STS answered 503");
    Connection { stale_since: Some(before.checked_at), problem, ..before }
}

/// A connection in which one previously available Region did not respond.
fn half_silent() -> Connection {
    let mut found = connected(ACCOUNT, ACCOUNT, &["eu-west-1", "us-east-1"]);
    let region = found.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap();
    (region.stale_since, region.problem) = (Some(found.checked_at), problem("not_checked", "us-east-1 answered 503"));
    found
}

/// A connection with one unavailable Region.
fn without(region: &str, status: ConnectionStatus) -> Connection {
    let mut found = connected(ACCOUNT, ACCOUNT, &["eu-west-1", region]);
    let off = found.regions.get_mut(&region.parse().unwrap()).unwrap();
    (off.status, off.problem) = (RegionStatus::HubNotEnabled, problem("hubs", "Security Hub is not enabled there"));
    found.status = status;
    found
}

async fn test(found: Vec<Connection>, regions: Option<&[&str]>) -> Value {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    if let Some(regions) = regions {
        let changed = api.patch(&path, &etag, &json!({ "regions": regions })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }
    api.memory.contents().put_connection_test(ACCOUNT, found);
    api.post(&format!("{path}/test"), &json!(null)).await.body
}

/// The outcome, the message, and the account counts of a test: total, connected, degraded, disconnected, unanswered, unchecked.
fn read(test: &Value) -> (&str, &str, [u64; 6]) {
    let names = ["total", "connected", "degraded", "disconnected", "unanswered", "unchecked"];
    let text = |name: &str| test[name].as_str().unwrap();
    (text("outcome"), text("message"), names.map(|name| test["accounts"][name].as_u64().unwrap()))
}

#[tokio::test]
async fn an_account_without_a_response_does_not_pass() {
    let found = test(vec![silent(ACCOUNT, ACCOUNT)], None).await;
    let message = "no response: STS answered 503. To fix: the remedy";
    assert_eq!(read(&found), ("not_run", message, [1, 0, 0, 0, 1, 0]));
}

#[tokio::test]
async fn a_new_account_without_a_response_does_not_fail() {
    let found = Connection { stale_since: None, ..silent(ACCOUNT, ACCOUNT) };
    let found = test(vec![Connection { status: ConnectionStatus::Disconnected, ..found }], None).await;
    assert_eq!(read(&found).0, "not_run");
}

#[tokio::test]
async fn an_available_region_without_a_response_does_not_pass() {
    let found = test(vec![half_silent()], None).await;
    let message = "no response: us-east-1: us-east-1 answered 503. To fix: the remedy";
    assert_eq!(read(&found), ("not_run", message, [1, 0, 0, 0, 1, 0]));
}

#[tokio::test]
async fn an_unavailable_selected_region_is_reported_and_does_not_pass() {
    let found = || vec![without("ap-southeast-2", ConnectionStatus::Degraded)];
    let named = test(found(), Some(&["eu-west-1", "ap-southeast-2"])).await;
    let message = "connected in 1 Region: eu-west-1; not in ap-southeast-2: Security Hub is not enabled there. To fix: \
                   the remedy";
    assert_eq!(read(&named), ("partial", message, [1, 0, 1, 0, 0, 0]));
    let all = test(vec![without("ap-southeast-2", ConnectionStatus::Connected)], None).await;
    assert_eq!(read(&all).0, "passed", "if no Region is selected, unavailable Regions don't matter");
    let unseen = test(vec![connected(ACCOUNT, ACCOUNT, &["eu-west-1"])], Some(&["eu-west-1", "us-east-1"])).await;
    let message = "connected in 1 Region: eu-west-1; not in us-east-1";
    assert_eq!(read(&unseen), ("partial", message, [1, 0, 1, 0, 0, 0]));
}

/// The test of an organization with these accounts, of which `missed` were not checked, and with these problems.
async fn organization(found: Vec<Connection>, missed: &[&str], problems: &[&str]) -> Value {
    let api = Api::new();
    let role = json!({"kind": "default", "role": {"arn": "arn:aws:iam::*:role/Exporter"}});
    let made = api.post("/providers", &json!({"id": ORGANIZATION, "credentials": role})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let unchecked = missed.iter().map(|account| account.parse().unwrap()).collect();
    let problems = problems.iter().map(ToString::to_string).collect();
    let tested = TestedConnections { connections: found, unchecked, problems };
    api.memory.contents().put_connection_test(ORGANIZATION, tested);
    let made = api.post("/integrations", &json!({ "provider": ORGANIZATION })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body["test"].clone()
}

fn well(number: u64) -> Connection {
    connected(&format!("{number:012}"), ORGANIZATION, &["eu-west-1"])
}

#[tokio::test]
async fn an_organization_passes_only_if_all_accounts_are_checked() {
    let all = organization((1..=3).map(well).collect(), &[], &[]).await;
    assert_eq!(read(&all), ("passed", "all 3 accounts are connected", [3, 3, 0, 0, 0, 0]));

    let one_less = organization((1..=3).map(well).collect(), &["000000000004"], &[]).await;
    let message = "3 of 4 accounts were checked, not 000000000004";
    assert_eq!(read(&one_less), ("not_run", message, [4, 3, 0, 0, 0, 1]));
    assert_eq!(one_less["accounts"]["unchecked_ids"], json!(["000000000004"]));

    let unlisted = organization(vec![well(1)], &[], &["the accounts of o-a1b2c3d4e5 could not be listed"]).await;
    assert_eq!(read(&unlisted).0, "not_run");
    assert!(read(&unlisted).1.ends_with("; the accounts of o-a1b2c3d4e5 could not be listed"), "{unlisted}");

    let empty = organization(Vec::new(), &[], &[]).await;
    assert_eq!((read(&empty).0, read(&empty).2), ("not_run", [0; 6]));
}

#[tokio::test]
async fn the_most_severe_accounts_come_first_and_all_are_counted() {
    let mut found: Vec<_> = (1..=120).map(well).collect();
    found[110] = silent("000000000111", ORGANIZATION);
    found[119] = disconnected("000000000120", ORGANIZATION);
    let some = organization(found, &[], &[]).await;
    let (outcome, message, counts) = read(&some);
    assert_eq!((outcome, counts), ("partial", [120, 118, 0, 1, 1, 0]));
    assert_eq!(
        message,
        "1 of 120 accounts are not connected; 1 of 120 accounts did not respond; 000000000120: the role can't be \
         assumed. To fix: hubctl permissions print; 000000000111: no response: STS answered 503. \
         To fix: the remedy"
    );
    let shown: Vec<_> = some["connections"].as_array().unwrap().iter().map(|one| one["account"].clone()).collect();
    assert_eq!((shown.len(), &shown[..2]), (100, &[json!("000000000120"), json!("000000000111")][..]));

    let none = organization(vec![disconnected("000000000001", ORGANIZATION)], &["000000000002"], &[]).await;
    assert_eq!(read(&none).0, "partial", "one account was not checked");
    let none = organization(vec![disconnected("000000000001", ORGANIZATION)], &[], &[]).await;
    assert_eq!(read(&none).0, "failed");
}

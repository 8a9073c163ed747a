//! Connections as items of the table, and the accounts of an organization.

use std::collections::BTreeMap;

use asff::{AccountId, Partition};
use exporter::connection::targets::{CheckTargets as _, StoredConnection};
use exporter::connection::{Connection, ConnectionStatus, Connections, Problem, RegionConnection, RegionStatus};
use exporter::model::provider::ProviderId;
use jiff::Timestamp;
use serde_json::json;
use simulator::{Config, Organization, Simulator};

use crate::wire::{Reply, Request, Wire};
use crate::{ACCOUNT, cloud};

fn connection() -> Connection {
    let account: AccountId = ACCOUNT.parse().unwrap();
    let checked_at: Timestamp = "2026-11-23T08:00:00.5Z".parse().unwrap();
    let problem = Problem { reason: "hub_not_enabled".to_owned(), message: "off".to_owned(), remediation: None };
    let region = RegionConnection {
        status: RegionStatus::HubNotEnabled,
        since: checked_at,
        problem: Some(problem),
        unavailable_since: Some(checked_at),
        stale_since: None,
    };
    Connection {
        account,
        provider: account.into(),
        status: ConnectionStatus::Degraded,
        checked_at,
        stale_since: None,
        identity: Some("arn:aws:iam::123456789012:user/u".to_owned()),
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: BTreeMap::from([("eu-west-1".parse().unwrap(), region)]),
    }
}

fn operation(request: &Request) -> &str {
    request.header("x-amz-target").unwrap().split('.').nth(1).unwrap()
}

#[tokio::test]
async fn a_connection_is_stored_and_read_unchanged() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    assert!(cloud(&wire.url).await.save(&connection(), None).await.unwrap());
    let put = wire.requests()[0].json();
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["sk"]["S"]), (&json!("connection"), &json!(ACCOUNT)));
    let item = put["Item"].clone();
    let wire = Wire::serve(move |_, request| match operation(request) {
        "GetItem" => Reply::new(200, json!({ "Item": item }).to_string()),
        _ => Reply::new(200, json!({ "Items": [item, item] }).to_string()),
    })
    .await;
    let cloud = cloud(&wire.url).await;
    assert_eq!(cloud.connection(ACCOUNT.parse().unwrap()).await.unwrap(), Some(connection()));
    assert_eq!(wire.requests()[0].json()["ConsistentRead"], true);
    assert_eq!(cloud.list_connections().await.unwrap(), [connection(), connection()]);
}

#[tokio::test]
async fn a_connection_replaces_only_the_one_that_its_check_read() {
    let refused = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}"#;
    let wire = Wire::serve(move |_, _| Reply::new(400, refused)).await;
    let before: Timestamp = "2026-11-23T07:00:00Z".parse().unwrap();
    assert!(!cloud(&wire.url).await.save(&connection(), Some(before)).await.unwrap());
    let put = wire.requests()[0].json();
    assert_eq!(put["ConditionExpression"], "checked_at = :before");
    assert_eq!(put["ExpressionAttributeValues"][":before"]["S"], "2026-11-23T07:00:00Z");
}

#[tokio::test]
async fn the_active_accounts_of_the_organization_are_found_on_all_pages() {
    let members: Vec<String> = (1..=45).map(|number| format!("{number:012}")).collect();
    let organization = Organization {
        administrator: ACCOUNT.to_owned(),
        suspended: vec![members[20].clone()],
        members: members.clone(),
    };
    let config = Config { organization: Some(organization), ..Config::one_account(ACCOUNT, &["eu-west-1"]) };
    let simulator = Simulator::new(config);
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    let cloud = cloud(&server.endpoint_url()).await;
    let found = cloud.organization_accounts(Partition::Aws).await.unwrap().unwrap();
    let found: Vec<_> = found.iter().map(|member| member.account.to_string()).collect();
    assert_eq!(found.len(), 45);
    assert!(found.contains(&ACCOUNT.to_owned()) && !found.contains(&members[20]));
    assert!(simulator.calls().iter().all(|call| call.region == "us-east-1"));
    assert_eq!(
        cloud.organization_accounts(Partition::AwsEusc).await.unwrap(),
        None,
        "the partition has no organizations"
    );
}

#[tokio::test]
async fn without_permission_no_accounts_are_returned() {
    for config in [
        Config::one_account(ACCOUNT, &[]),
        Config {
            organization: Some(Organization {
                administrator: "210987654321".to_owned(),
                members: vec![ACCOUNT.to_owned()],
                suspended: Vec::new(),
            }),
            ..Config::one_account(ACCOUNT, &[])
        },
    ] {
        let server = Simulator::new(config).serve("127.0.0.1:0").await.unwrap();
        assert_eq!(cloud(&server.endpoint_url()).await.organization_accounts(Partition::Aws).await.unwrap(), None);
    }
}

#[tokio::test]
async fn joined_and_departed_members_are_recorded() {
    let wire = Wire::serve(|_, request| match operation(request) {
        "Query" => Reply::new(
            200,
            json!({ "Items": [
            { "sk": { "S": "000000000001" }, "organization": { "S": "o-a1b2c3d4e5" } },
            { "sk": { "S": "000000000002" }, "organization": { "S": "o-another0rg" } },
        ] })
            .to_string(),
        ),
        _ => Reply::new(200, "{}"),
    })
    .await;
    let organization: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
    let member =
        aws::Member { account: ACCOUNT.parse().unwrap(), name: Some("production".to_owned()), organization: None };
    cloud(&wire.url).await.store_members(&organization, &[member]).await.unwrap();
    let requests = wire.requests();
    assert_eq!(requests.iter().map(operation).collect::<Vec<_>>(), ["Query", "PutItem", "PutItem"]);
    let gone = &requests[1].json()["Item"];
    assert_eq!((&gone["sk"]["S"], &gone["left"]["S"]), (&json!("000000000001"), &json!("o-a1b2c3d4e5")));
    assert!(gone.get("organization").is_none(), "{gone}");
    let put = &requests[2].json()["Item"];
    assert_eq!((&put["pk"]["S"], &put["sk"]["S"]), (&json!("member"), &json!(ACCOUNT)));
    assert_eq!(put["organization"]["S"], "o-a1b2c3d4e5");
}

#[tokio::test]
async fn a_write_that_conflicts_with_a_transaction_is_retried() {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
    let conflict = json!({ "__type": kind, "message": "Transaction is ongoing for the item" }).to_string();
    let wire = Wire::serve(move |number, _| match number % 2 {
        0 => Reply::new(400, conflict.clone()),
        _ => Reply::new(200, "{}"),
    })
    .await;
    let cloud = cloud(&wire.url).await;
    assert!(cloud.save(&connection(), None).await.unwrap());
    let Connection { account, provider, checked_at, .. } = connection();
    cloud.delete_outdated(&[StoredConnection { account, provider, checked_at }]).await.unwrap();
    let operations: Vec<_> = wire.requests().iter().map(|request| operation(request).to_owned()).collect();
    assert_eq!(operations, ["PutItem", "PutItem", "DeleteItem", "DeleteItem"]);
}

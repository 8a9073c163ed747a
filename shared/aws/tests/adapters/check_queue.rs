//! Check targets: an organization's accounts, and the queue that fans out a check.

use aws::CheckQueue;
use exporter::connection::targets::CheckTargets;
use exporter::model::provider::ProviderId;
use serde_json::{Value, json};

use crate::wire::{Reply, Request, Wire};
use crate::{ACCOUNT, cloud, config_as};

fn target(request: &Request) -> String {
    request.header("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned()
}

/// A server for AWS Organizations, which returns one account of `o-aaaaaaaaaa`, and for the table, which has one of
/// `o-bbbbbbbbbb`.
async fn world() -> Wire {
    Wire::serve(|_, request| {
        let arn = format!("arn:aws:organizations::999999999999:account/o-aaaaaaaaaa/{ACCOUNT}");
        let body = match target(request).as_str() {
            "ListAccounts" => json!({ "Accounts": [{ "Id": ACCOUNT, "Arn": arn, "State": "ACTIVE" }] }),
            "Query" => json!({ "Items": [{ "sk": { "S": "210987654321" }, "organization": { "S": "o-bbbbbbbbbb" } }] }),
            _ => json!({}),
        };
        Reply::new(200, body.to_string())
    })
    .await
}

#[tokio::test]
async fn accounts_of_two_organizations_are_not_confused() {
    let wire = world().await;
    let cloud = cloud(&wire.url).await;
    let accounts = async |organization: &str| {
        let id: ProviderId = organization.parse().unwrap();
        let accounts = CheckTargets::organization_accounts(&cloud, &id).await.unwrap();
        accounts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(accounts("o-aaaaaaaaaa").await, [ACCOUNT]);
    let before = wire.requests().len();
    assert_eq!(accounts("o-bbbbbbbbbb").await, ["210987654321"], "the members that the table has");
    let writes = wire.requests().split_off(before).iter().filter(|request| target(request) == "PutItem").count();
    assert_eq!(writes, 0, "accounts of one organization were stored as members of another");
}

#[tokio::test]
async fn ten_messages_are_sent_per_call_and_a_rejected_one_is_an_error() {
    let wire = Wire::serve(|number, request| {
        let entries = request.json()["Entries"].as_array().unwrap().clone();
        let ids = entries.iter().map(|entry| entry["Id"].clone());
        let sent: Vec<Value> = ids.map(|id| json!({ "Id": id, "MessageId": "m", "MD5OfMessageBody": "x" })).collect();
        let refused = json!({ "Id": "0", "Code": "Throttled", "SenderFault": false, "Message": "slow down" });
        let failed = if number == 2 { vec![refused] } else { Vec::new() };
        Reply::new(200, json!({ "Successful": sent, "Failed": failed }).to_string())
    })
    .await;
    let queue = CheckQueue::new(&config_as(ACCOUNT, &wire.url).await, format!("{}/queue", wire.url));
    queue.send(&vec!["{}".to_owned(); 12]).await.unwrap();
    let sizes: Vec<_> =
        wire.requests().iter().map(|request| request.json()["Entries"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [10, 2]);
    let error = queue.send(&["{}".to_owned()]).await.unwrap_err().to_string();
    assert_eq!(error, "failed to send checks to the queue: Throttled: slow down");
}

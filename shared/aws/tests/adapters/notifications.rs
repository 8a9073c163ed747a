//! Events on the bus, and notification states in the table.

use std::collections::BTreeSet;

use exporter::notifications::{Event, EventKind, Notifications, Notified};
use serde_json::{Value, json};

use crate::wire::{Reply, Wire};
use crate::{ACCOUNT, cloud};

/// The sample event of the documentation.
const SAMPLE: &str = include_str!("../../../../events/emitted/region-unavailable.json");

fn events(count: usize) -> Vec<Event> {
    let detail = serde_json::from_str::<Value>(SAMPLE).unwrap()["detail"].take();
    let detail = serde_json::from_value(detail).unwrap();
    vec![Event { kind: EventKind::RegionUnavailable, detail }; count]
}

/// A bus that rejects the first entry of each of the first `times` calls.
fn bus(times: usize) -> impl Fn(usize, &crate::wire::Request) -> Reply {
    move |number, request| {
        let entries = request.json()["Entries"].as_array().unwrap().len();
        let answer = |index: usize| match index {
            0 if number < times => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}),
            _ => json!({"EventId": format!("event-{index}")}),
        };
        let answers: Vec<Value> = (0..entries).map(answer).collect();
        Reply::new(200, json!({"FailedEntryCount": 0, "Entries": answers}).to_string())
    }
}

#[tokio::test]
async fn an_event_equals_the_sample_of_the_documentation() {
    let wire = Wire::serve(bus(0)).await;
    let taken = cloud(&wire.url).await.publish(&events(1)).await.unwrap();
    assert_eq!(taken, BTreeSet::from([0]));
    let [request] = wire.requests().try_into().unwrap();
    let sent = &request.json()["Entries"][0];
    let sample: Value = serde_json::from_str(SAMPLE).unwrap();
    assert_eq!((&sent["Source"], &sent["DetailType"]), (&sample["source"], &sample["detail-type"]));
    assert_eq!(serde_json::from_str::<Value>(sent["Detail"].as_str().unwrap()).unwrap(), sample["detail"]);
    assert_eq!(sent["Time"].as_f64(), Some(1_795_392_060.0));
}

#[tokio::test]
async fn only_rejected_entries_are_retried() {
    let wire = Wire::serve(bus(1)).await;
    let taken = cloud(&wire.url).await.publish(&events(12)).await.unwrap();
    assert_eq!(taken, (0..12).collect());
    let sizes: Vec<_> =
        wire.requests().iter().map(|request| request.json()["Entries"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [10, 1, 2], "at most ten entries per call; the rejected one again, then the rest");
}

#[tokio::test]
async fn an_entry_that_is_always_rejected_is_an_error_with_the_message() {
    let wire = Wire::serve(bus(usize::MAX)).await;
    let error = cloud(&wire.url).await.publish(&events(1)).await.unwrap_err().to_string();
    assert_eq!(error, "failed to put events on the default bus: ThrottlingException: slow down");
    assert_eq!(wire.requests().len(), 4);
    let taken = cloud(&wire.url).await.publish(&events(3)).await.unwrap();
    assert_eq!(taken, BTreeSet::from([1, 2]));
}

#[tokio::test]
async fn the_notification_state_replaces_only_the_version_that_was_read() {
    let notified = Notified { connected: Some(true), ..Notified::default() };
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    let cloud = cloud(&wire.url).await;
    let account = ACCOUNT.parse().unwrap();
    assert_eq!(cloud.notified(account).await.unwrap(), (Notified::default(), 0));
    assert!(cloud.write_notified(account, &notified, 0).await.unwrap());
    assert!(cloud.write_notified(account, &notified, 7).await.unwrap());
    let [read, first, next] = wire.requests().try_into().unwrap();
    assert_eq!(read.json()["ConsistentRead"], true);
    assert_eq!(first.json()["ConditionExpression"], "attribute_not_exists(pk)");
    let next = next.json();
    assert_eq!(next["ConditionExpression"], "#version = :before");
    assert_eq!(next["ExpressionAttributeValues"][":before"]["N"], "7");
    assert_eq!(next["Item"]["version"]["N"], "8");
    assert_eq!((&next["Item"]["pk"]["S"], &next["Item"]["sk"]["S"]), (&json!("notification"), &json!(ACCOUNT)));
}

#[tokio::test]
async fn a_version_conflict_is_not_an_error() {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let answer = json!({"__type": kind, "message": "The conditional request failed"}).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(400, answer.clone())).await;
    let written = cloud(&wire.url).await.write_notified(ACCOUNT.parse().unwrap(), &Notified::default(), 3).await;
    assert!(!written.unwrap());
}

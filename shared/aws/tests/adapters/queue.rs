//! What is put on the queue: uploads as EventBridge tells of them, orders as they are.

use std::time::Duration;

use aws::{Cloud, Names};
use exporter::order::Order;
use exporter::ports::Queue;
use exporter::upload::Upload;
use serde_json::{Value, json};

use crate::wire::{Reply, Wire};
use crate::{ACCOUNT, cloud, config_as};

async fn with_queue(wire: &Wire) -> Cloud {
    let queue_url = Some(format!("{}/{ACCOUNT}/uploads", wire.url));
    let names = Names { table: "table".to_owned(), state_bucket: "state".to_owned(), queue_url };
    Cloud::new(&config_as(ACCOUNT, &wire.url).await, names)
}

#[tokio::test]
async fn an_order_is_a_message_of_the_queue_of_uploads() {
    let wire = Wire::serve(|_, _| Reply::new(200, json!({ "MessageId": "m" }).to_string())).await;
    let cloud = with_queue(&wire).await;
    let order = Order::UndoArchive { run_id: "run-1".to_owned() };
    assert!(cloud.order(&order, Duration::from_secs(120)).await.unwrap());
    assert!(cloud.put_back(&Upload::new("scans", "a b.json"), Duration::from_secs(100_000)).await.unwrap());
    let [ordered, put_back] = wire.requests().try_into().unwrap();
    let (ordered, put_back) = (ordered.json(), put_back.json());
    let body = |message: &Value| serde_json::from_str::<Value>(message["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(body(&ordered), json!({ "order": "undo_archive", "run_id": "run-1" }));
    assert_eq!((&ordered["DelaySeconds"], &put_back["DelaySeconds"]), (&json!(120), &json!(900)), "SQS takes no more");
    assert_eq!(body(&put_back)["detail"]["object"]["key"], "a b.json");
}

#[tokio::test]
async fn without_a_queue_nothing_is_ordered() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    let order = Order::Redrive { run_id: None, code: None };
    assert!(!cloud(&wire.url).await.order(&order, Duration::ZERO).await.unwrap());
    assert!(wire.requests().is_empty());
}

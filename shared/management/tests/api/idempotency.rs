//! Creations with an idempotency key.

use exporter::testing::{Operation, TestClock};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, ApiResponse};

async fn create(api: &Api, key: &str, body: &Value) -> ApiResponse {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    api.send("POST", "/integrations", &headers, body.to_string()).await
}

#[tokio::test]
async fn the_same_request_twice_creates_one_integration() {
    let api = Api::with_provider().await;
    let body = json!({"provider": ACCOUNT, "only_failed": false});
    let first = create(&api, "k1", &body).await;
    let second = create(&api, "k1", &body).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", second.text);
    assert_eq!(
        (first.headers.get("idempotent-replayed"), &second.headers["idempotent-replayed"]),
        (None, &"true".parse().unwrap())
    );
    assert_eq!(first.etag(), second.etag());
    assert_eq!(api.actions(), ["provider.create", "integration.create"]);
    assert_eq!(create(&api, "k2", &body).await.problem(), "already-exists", "another key");
}

#[tokio::test]
async fn two_concurrent_deliveries_create_one_integration() {
    let api = Api::with_provider().await;
    let body = json!({"provider": ACCOUNT});
    // Simulates a faster delivery of the same request, whose writes are made right before those of the slower one.
    assert_eq!(create(&api, "k1", &body).await.status, 201);
    let (made, idempotency_record) = {
        let mut contents = api.memory.contents();
        (std::mem::take(&mut contents.integrations), std::mem::take(&mut contents.idempotency_records))
    };
    api.memory.contents().faults.before_next(Operation::Commit, move |contents| {
        contents.integrations = made;
        contents.idempotency_records = idempotency_record;
    });
    let slower = create(&api, "k1", &body).await;
    assert_eq!((slower.status.as_u16(), &slower.headers["idempotent-replayed"]), (201, &"true".parse().unwrap()));
}

#[tokio::test]
async fn an_idempotency_key_is_valid_for_one_request() {
    let api = Api::with_provider().await;
    assert_eq!(create(&api, "k1", &json!({"provider": ACCOUNT})).await.status, 201);
    let other = create(&api, "k1", &json!({"provider": ACCOUNT, "only_failed": false})).await;
    assert_eq!((other.status.as_u16(), other.problem()), (422, "idempotency-key-reused"));
    assert_eq!(create(&api, "", &json!({"provider": ACCOUNT})).await.fields(), ["Idempotency-Key"]);
}

#[tokio::test]
async fn an_idempotency_key_expires_after_a_day() {
    let api = Api::with_provider().await;
    let body = json!({"provider": ACCOUNT});
    create(&api, "k1", &body).await;
    let later = api.memory.contents().clock.now() + SignedDuration::from_hours(25);
    api.memory.contents().clock = TestClock::Fixed(later);
    assert_eq!(create(&api, "k1", &body).await.problem(), "already-exists");
}

#[tokio::test]
async fn the_same_key_with_another_access_key_is_another_request() {
    let api = Api::with_provider().await;
    let body = |secret: &str| {
        let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": secret});
        json!({"provider": ACCOUNT, "credentials": key})
    };
    assert_eq!(create(&api, "k1", &body("one")).await.status, 201);
    let other = create(&api, "k1", &body("two")).await;
    assert_eq!((other.status.as_u16(), other.problem()), (422, "idempotency-key-reused"), "{}", other.text);
    let same = create(&api, "k1", &body("one")).await;
    assert_eq!((same.status.as_u16(), &same.headers["idempotent-replayed"]), (201, &"true".parse().unwrap()));
    assert_eq!(api.memory.contents().secrets.len(), 1);
}

#[tokio::test]
async fn a_late_delivery_does_not_recreate_a_deleted_resource() {
    let api = Api::with_provider().await;
    let body = json!({"provider": ACCOUNT});
    create(&api, "k1", &body).await;
    api.delete(&format!("/integrations/{ACCOUNT}"), "*").await;
    let late = create(&api, "k1", &body).await;
    assert_eq!((late.status.as_u16(), late.problem()), (409, "idempotency-key-target-deleted"), "{}", late.text);
    assert!(late.body["remediation"].as_str().unwrap().contains("new Idempotency-Key"), "{}", late.text);

    let later = api.memory.contents().clock.now() + SignedDuration::from_secs(60);
    api.memory.contents().clock = TestClock::Fixed(later);
    assert_eq!(create(&api, "k2", &body).await.status, 201);
    assert_eq!(
        create(&api, "k1", &body).await.problem(),
        "idempotency-key-target-deleted",
        "the current resource was created by another request"
    );
}

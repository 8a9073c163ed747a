//! Optimistic locking: one of two concurrent writers gets an error.

use exporter::ports::settings_store::{Audit as _, Page};
use exporter::testing::{Operation, TestClock};
use serde_json::json;

use crate::client::{ACCOUNT, Api};

#[tokio::test]
async fn one_of_two_writers_of_the_same_version_gets_412() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let first = api.patch(&path, &etag, &json!({"only_failed": false})).await;
    let second = api.patch(&path, &etag, &json!({"archive_previous_findings": true})).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 412));
    assert_eq!(second.problem(), "precondition-failed");
    assert!(
        second.text.contains(&first.etag().replace('"', "\\\"")),
        "the error has the current version: {}",
        second.text
    );
    assert_eq!(api.get(&path).await.body["archive_previous_findings"], false);
}

#[tokio::test]
async fn a_change_after_a_concurrent_write_gets_412() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.memory.contents().faults.before_next(Operation::Commit, |contents| {
        contents.integrations.get_mut(ACCOUNT).unwrap().version += 1;
    });
    let late = api.patch(&path, &etag, &json!({"only_failed": false})).await;
    assert_eq!((late.status.as_u16(), late.problem()), (412, "precondition-failed"));
    let page = Page { limit: 10, after: None };
    assert_eq!(
        api.memory.audit_log(&page).await.unwrap().entries[0].action,
        "integration.create",
        "a change that is not made has no audit log entry"
    );
}

#[tokio::test]
async fn switching_is_retried_and_preserves_concurrent_changes() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    api.memory.contents().faults.before_next(Operation::Commit, |contents| {
        let stored = contents.integrations.get_mut(ACCOUNT).unwrap();
        stored.version += 1;
        stored.value.only_failed = false;
    });
    let disabled = api.post(&format!("{path}/disable"), &json!(null)).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    assert_eq!(
        (&disabled.body["enabled"], &disabled.body["only_failed"]),
        (&json!(false), &json!(false)),
        "both changes are stored"
    );
}

#[tokio::test]
async fn a_change_requires_if_match() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let json = ("content-type", "application/merge-patch+json");
    for (method, path, headers, body) in [
        ("PATCH", path.clone(), vec![json], "{}"),
        ("DELETE", path.clone(), vec![], ""),
        ("DELETE", format!("{path}/credentials"), vec![], ""),
        ("PUT", format!("{path}/credentials"), vec![("content-type", "application/json")], r#"{"kind":"default"}"#),
        ("PATCH", format!("/providers/{ACCOUNT}"), vec![json], "{}"),
        ("DELETE", format!("/providers/{ACCOUNT}"), vec![], ""),
    ] {
        let response = api.send(method, &path, &headers, body).await;
        assert_eq!((response.status.as_u16(), response.problem()), (428, "precondition-required"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_recreated_resource_has_another_etag() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.delete(&path, &etag).await;
    api.memory.contents().clock = TestClock::Fixed("2026-11-24T09:00:00Z".parse().unwrap());
    api.post("/integrations", &json!({"provider": ACCOUNT})).await;
    let (_, recreated) = api.integration().await;
    assert_ne!(etag, recreated);
    assert_eq!(api.patch(&path, &etag, &json!({"only_failed": false})).await.status, 412);
}

#[tokio::test]
async fn a_repeated_header_is_read_in_full_or_rejected() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let kind = ("content-type", "application/merge-patch+json");
    let body = r#"{"only_failed": false}"#;
    let second = api.send("PATCH", &path, &[kind, ("if-match", "\"9.9\""), ("if-match", &etag)], body).await;
    assert_eq!(second.status, 200, "the second header line has the current ETag: {}", second.text);
    let kind = ("content-type", "application/json");
    let keys = [kind, ("idempotency-key", "a"), ("idempotency-key", "b")];
    let rejected = api.send("POST", "/integrations", &keys, "{}").await;
    assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec!["idempotency-key"]), "{}", rejected.text);
}

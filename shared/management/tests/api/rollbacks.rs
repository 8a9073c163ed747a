//! Failed, canceled, and rolled back stacks, and repeated requests, in the order in which CloudFormation sends them.
//!
//! Sources: CloudFormation User Guide, "Custom resource request types" (an update that returns another physical ID is a
//! replacement, and the previous resource is deleted afterwards); cloudformation-coverage-roadmap issue 1814 (a canceled
//! creation is deleted under an ID that CloudFormation generated).

use exporter::testing::Operation;
use futures::future::poll_immediate;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};
use crate::stack::{GENERATED_ID, OTHER, Stack, integration, integrations, provider};

const FIRST: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/first/1";
const SECOND: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/second/2";

/// An operator changes a setting.
async fn operator_sets(api: &Api, setting: &Value) {
    let (path, etag) = api.integration().await;
    let set = api.patch(&path, &etag, setting).await;
    assert_eq!(set.status, 200, "{}", set.text);
}

async fn setting(api: &Api, name: &str) -> Value {
    api.get(&format!("/integrations/{ACCOUNT}")).await.body[name].clone()
}

#[tokio::test]
async fn a_creation_canceled_in_flight_leaves_nothing() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    stack.create(provider(ACCOUNT)).await;
    api.memory.contents().faults.hang(Operation::TestConnection);
    let mut creation = std::pin::pin!(stack.create(integration(ACCOUNT)));
    assert!(poll_immediate(&mut creation).await.is_none(), "the connection is being tested");
    assert_eq!(integrations(&api), [ACCOUNT]);

    let deletion = stack.event("Delete", Some(GENERATED_ID), &integration(ACCOUNT), &json!({}));
    let deleted = stack.send(deletion.clone()).await;
    assert_eq!((deleted.status, deleted.physical_resource_id.as_str()), ("SUCCESS", GENERATED_ID));
    assert!(integrations(&api).is_empty(), "otherwise, the integration would be unmanaged");

    api.memory.contents().faults.clear();
    let again = stack.create(integration(ACCOUNT)).await;
    assert_eq!(again.status, "SUCCESS", "nothing blocks the next deployment: {again:?}");
    assert_eq!(stack.send(deletion).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT], "a repeated deletion deletes no newer resource");
}

#[tokio::test]
async fn a_canceled_creation_deletes_nothing_of_other_owners() {
    let api = Api::new();
    let (_first, _) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let second = Stack::new(&api, SECOND);
    let rejected = second.create(integration(ACCOUNT)).await;
    assert!(rejected.status == "FAILED" && rejected.reason.contains("already"), "{rejected:?}");
    for physical_id in [GENERATED_ID, &rejected.physical_resource_id] {
        assert_eq!(second.delete(physical_id, integration(ACCOUNT)).await.status, "SUCCESS");
    }
    for (kind, properties) in
        [(GENERATED_ID, json!({})), (GENERATED_ID, integration("mine")), ("", json!({"Provider": 7}))]
    {
        assert_eq!(
            second.delete(kind, properties).await.status,
            "SUCCESS",
            "deleting a resource that was never created succeeds"
        );
    }
    assert_eq!(integrations(&api), [ACCOUNT]);
}

#[tokio::test]
async fn the_rollback_of_a_replacement_restores_the_previous_resource() {
    let api = Api::new();
    let (stack, a) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let others_provider = Stack::new(&api, SECOND).create(provider(OTHER)).await;
    assert_eq!(others_provider.status, "SUCCESS");
    operator_sets(&api, &json!({"severity_min": "HIGH"})).await;
    let before = api.memory.contents().integrations[ACCOUNT].clone();

    let b = stack.update(&a, integration(ACCOUNT), integration(OTHER)).await;
    assert!(b.status == "SUCCESS" && b.physical_resource_id.starts_with("integration/210987654321/"), "{b:?}");
    // Another resource of the stack fails to be created, so that the stack rolls back.
    let back = stack.update(&b.physical_resource_id, integration(OTHER), integration(ACCOUNT)).await;
    assert_eq!((back.status, &back.physical_resource_id), ("SUCCESS", &a), "{back:?}");
    // The rollback's cleanup.
    assert_eq!(stack.delete(&b.physical_resource_id, integration(OTHER)).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT]);
    assert_eq!(
        api.memory.contents().integrations[ACCOUNT],
        before,
        "the integration is unchanged, including the operator's settings"
    );
}

#[tokio::test]
async fn the_rollback_of_a_replaced_provider_restores_it() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    let a = stack.create(provider(ACCOUNT)).await.physical_resource_id;
    let before = api.memory.contents().providers[ACCOUNT].clone();
    let b = stack.update(&a, provider(ACCOUNT), provider(OTHER)).await.physical_resource_id;
    let back = stack.update(&b, provider(OTHER), provider(ACCOUNT)).await;
    assert_eq!((back.status, &back.physical_resource_id), ("SUCCESS", &a), "{back:?}");
    assert_eq!(stack.delete(&b, provider(OTHER)).await.status, "SUCCESS");
    let providers = api.memory.contents().providers.clone();
    assert_eq!(providers.into_iter().collect::<Vec<_>>(), [(ACCOUNT.to_owned(), before)]);
}

#[tokio::test]
async fn a_replacement_canceled_in_flight_leaves_the_previous_resource() {
    let api = Api::new();
    let (stack, a) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    Stack::new(&api, SECOND).create(provider(OTHER)).await;
    api.memory.contents().faults.hang(Operation::TestConnection);
    let mut update = std::pin::pin!(stack.update(&a, integration(ACCOUNT), integration(OTHER)));
    assert!(poll_immediate(&mut update).await.is_none());
    assert_eq!(integrations(&api), [ACCOUNT, OTHER]);

    // The stack got no response, so that its rollback request has the previous physical ID.
    let rollback = stack.event("Update", Some(&a), &integration(ACCOUNT), &integration(OTHER));
    let back = stack.send(rollback.clone()).await;
    assert_eq!((back.status, &back.physical_resource_id), ("SUCCESS", &a), "{back:?}");
    assert_eq!(integrations(&api), [ACCOUNT]);

    api.memory.contents().faults.clear();
    let b = stack.update(&a, integration(ACCOUNT), integration(OTHER)).await;
    assert_eq!(b.status, "SUCCESS", "{b:?}");
    assert_eq!(stack.send(rollback).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT, OTHER], "a repeated rollback deletes no newer resource");
}

#[tokio::test]
async fn a_manually_deleted_resource_is_recreated() {
    let api = Api::new();
    let (stack, before) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&path, &etag).await.status, 204);
    let wanted = json!({"Provider": ACCOUNT, "SeverityMin": "HIGH"});
    let recreated = stack.update(&before, integration(ACCOUNT), wanted.clone()).await;
    assert_eq!(recreated.status, "SUCCESS", "{recreated:?}");
    assert_ne!(recreated.physical_resource_id, before);
    assert_eq!(setting(&api, "severity_min").await, "HIGH");
    // The update is a replacement, so that CloudFormation deletes the previous resource.
    assert_eq!(stack.delete(&before, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT], "the recreated resource has another physical ID");

    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&path, &etag).await.status, 204);
    let rolled_back = stack.update(&recreated.physical_resource_id, wanted, integration(ACCOUNT)).await;
    assert_eq!(rolled_back.status, "SUCCESS", "{rolled_back:?}");
    assert_eq!(setting(&api, "severity_min").await, Value::Null);
}

#[tokio::test]
async fn a_resource_in_deletion_rejects_changes_and_blocks_no_rollback() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&format!("{path}?archive=true"), &etag).await.status, 202);
    let wanted = json!({"Provider": ACCOUNT, "SeverityMin": "HIGH"});
    let rejected = stack.update(&it, integration(ACCOUNT), wanted.clone()).await;
    assert!(rejected.status == "FAILED" && rejected.reason.contains("being deleted"), "{rejected:?}");
    let before = api.memory.contents().integrations[ACCOUNT].clone();
    let back = stack.update(&it, wanted, integration(ACCOUNT)).await;
    assert_eq!((back.status, &back.physical_resource_id), ("SUCCESS", &it), "{back:?}");
    assert_eq!(api.memory.contents().integrations[ACCOUNT], before);
}

#[tokio::test]
async fn a_repeated_deletion_deletes_nothing_of_another_stack() {
    let api = Api::new();
    let (first, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let deletion = first.event("Delete", Some(&it), &integration(ACCOUNT), &json!({}));
    assert_eq!(first.send(deletion.clone()).await.status, "SUCCESS");
    let second = Stack::new(&api, SECOND);
    let theirs = second.create(integration(ACCOUNT)).await;
    assert_eq!(theirs.status, "SUCCESS", "{theirs:?}");
    assert_eq!(first.send(deletion).await.status, "SUCCESS");
    assert_eq!(first.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(first.delete(&theirs.physical_resource_id, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT]);
}

#[tokio::test]
async fn a_failed_update_preserves_the_settings_of_operators() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    operator_sets(&api, &json!({"severity_min": "HIGH"})).await;
    let before = api.memory.contents().integrations[ACCOUNT].clone();
    let wrong = json!({"Provider": ACCOUNT, "SeverityMin": "WRONG"});
    let failed = stack.update(&it, integration(ACCOUNT), wrong.clone()).await;
    assert!(failed.status == "FAILED" && failed.reason.contains("SeverityMin must be"), "{failed:?}");
    let back = stack.update(&it, wrong, integration(ACCOUNT)).await;
    assert_eq!(back.status, "SUCCESS", "{back:?}");
    assert_eq!(api.memory.contents().integrations[ACCOUNT], before);

    // An update that was applied is reverted.
    let wanted = json!({"Provider": ACCOUNT, "SeverityMin": "LOW"});
    stack.update(&it, integration(ACCOUNT), wanted.clone()).await;
    assert_eq!(setting(&api, "severity_min").await, "LOW", "the template's change applies");
    stack.update(&it, wanted, integration(ACCOUNT)).await;
    assert_eq!(setting(&api, "severity_min").await, Value::Null);
}

#[tokio::test]
async fn an_update_is_validated_before_anything_is_written() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    let it = stack.create(provider(ACCOUNT)).await.physical_resource_id;
    let role = json!({"Kind": "default", "Role": {"Arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let wrong = json!({"Id": ACCOUNT, "ScanSchedule": "sometimes", "Credentials": role});
    let before = api.memory.contents().providers[ACCOUNT].clone();
    let failed = stack.update(&it, provider(ACCOUNT), wrong).await;
    assert!(failed.status == "FAILED" && failed.reason.contains("ScanSchedule"), "{failed:?}");
    assert_eq!(api.memory.contents().providers[ACCOUNT], before);

    let right = json!({"Id": ACCOUNT, "ScanSchedule": "rate(1 day)", "Credentials": role});
    let done = stack.update(&it, provider(ACCOUNT), right).await;
    assert_eq!((done.status, &done.physical_resource_id), ("SUCCESS", &it), "{done:?}");
    assert!(done.data["ExternalId"].as_str().unwrap().len() >= 32);
    assert_eq!(api.actions(), ["provider.create", "provider.update"], "the update has one audit log entry");
}

//! Owners of resources: a stack, another stack, or an operator. Also the responses to interrupted requests.

use exporter::testing::Operation;
use futures::future::poll_immediate;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};
use crate::stack::{GENERATED_ID, OTHER, Stack, integration, integrations, provider};

const FIRST: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/first/1";
const SECOND: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/second/2";

/// An operator deletes the integration of [`ACCOUNT`].
async fn operator_deletes(api: &Api) {
    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&path, &etag).await.status, 204);
}

async fn setting(api: &Api, name: &str) -> Value {
    api.get(&format!("/integrations/{ACCOUNT}")).await.body[name].clone()
}

#[tokio::test]
async fn a_stack_does_not_adopt_a_resource_of_an_operator() {
    let api = Api::with_integration().await;
    let stack = Stack::new(&api, FIRST);
    let rejected = stack.create(integration(ACCOUNT)).await;
    assert!(rejected.reason.contains("hubctl integration show"), "{rejected:?}");
    for physical_id in [GENERATED_ID, &rejected.physical_resource_id, "integration/123456789012/1795424400000"] {
        assert_eq!(stack.delete(physical_id, integration(ACCOUNT)).await.status, "SUCCESS");
    }
    assert_eq!(integrations(&api), [ACCOUNT]);
}

#[tokio::test]
async fn a_stack_updates_a_manually_recreated_resource_but_never_deletes_it() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    operator_deletes(&api).await;
    let made = api.post("/integrations", &json!({"provider": ACCOUNT, "severity_min": "LOW"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let wanted = json!({"Provider": ACCOUNT, "OnlyFailed": "false", "SeverityMin": "HIGH"});
    let changed = stack.update(&it, integration(ACCOUNT), wanted.clone()).await;
    assert_eq!((changed.status, &changed.physical_resource_id), ("SUCCESS", &it), "{changed:?}");
    assert_eq!(setting(&api, "only_failed").await, false);
    assert_eq!(setting(&api, "severity_min").await, "LOW", "the template did not change this setting");
    let back = stack.update(&it, wanted, integration(ACCOUNT)).await;
    assert_eq!(back.status, "SUCCESS", "{back:?}");
    assert_eq!((setting(&api, "only_failed").await, setting(&api, "severity_min").await), (json!(true), json!("LOW")));
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT]);
}

#[tokio::test]
async fn a_stack_neither_changes_nor_deletes_another_stacks_resource() {
    let api = Api::new();
    let (first, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    operator_deletes(&api).await;
    assert_eq!(Stack::new(&api, SECOND).create(integration(ACCOUNT)).await.status, "SUCCESS");
    let before = api.memory.contents().integrations[ACCOUNT].clone();
    let wanted = json!({"Provider": ACCOUNT, "OnlyFailed": "false"});
    let rejected = first.update(&it, integration(ACCOUNT), wanted.clone()).await;
    assert!(rejected.status == "FAILED" && rejected.reason.contains("already"), "{rejected:?}");
    let back = first.update(&it, wanted, integration(ACCOUNT)).await;
    assert_eq!((back.status, &back.physical_resource_id), ("SUCCESS", &it), "{back:?}");
    assert_eq!(first.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(api.memory.contents().integrations[ACCOUNT], before);
}

#[tokio::test]
async fn a_moved_integration_is_no_longer_managed_by_its_stack() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    Stack::new(&api, SECOND).create(provider(OTHER)).await;
    let (path, etag) = api.integration().await;
    let moved = api.patch(&path, &etag, &json!({"provider": OTHER})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    for physical_id in [&it, GENERATED_ID] {
        assert_eq!(stack.delete(physical_id, integration(OTHER)).await.status, "SUCCESS");
    }
    assert_eq!(integrations(&api), [OTHER]);
}

#[tokio::test]
async fn a_resource_after_a_failed_deletion_is_adopted_by_its_owner() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    api.memory.contents().faults.fail_all("no response");
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "FAILED");
    api.memory.contents().faults.clear();
    let adopted = stack.create(json!({"Provider": ACCOUNT, "OnlyFailed": "false"})).await;
    assert_eq!((adopted.status, &adopted.physical_resource_id), ("SUCCESS", &it), "{adopted:?}");
    assert_eq!(setting(&api, "only_failed").await, false);
}

#[tokio::test]
async fn a_creation_repeated_after_its_deletion_creates_nothing() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    stack.create(provider(ACCOUNT)).await;
    let creation = stack.event("Create", None, &integration(ACCOUNT), &json!({}));
    let made = stack.send(creation.clone()).await;
    assert_eq!(stack.send(creation.clone()).await.physical_resource_id, made.physical_resource_id);
    stack.delete(&made.physical_resource_id, integration(ACCOUNT)).await;
    assert_eq!(stack.send(creation).await.status, "FAILED", "the resource was deleted since");
    assert!(integrations(&api).is_empty());
}

#[tokio::test]
async fn an_update_repeated_after_a_later_update_changes_nothing() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let (low, high) =
        (json!({"Provider": ACCOUNT, "SeverityMin": "LOW"}), json!({"Provider": ACCOUNT, "SeverityMin": "HIGH"}));
    let first = stack.event("Update", Some(&it), &low, &integration(ACCOUNT));
    stack.send(first.clone()).await;
    stack.update(&it, low, high).await;
    let again = stack.send(first).await;
    assert_eq!((again.status, &again.physical_resource_id), ("SUCCESS", &it), "{again:?}");
    assert_eq!(setting(&api, "severity_min").await, "HIGH");
}

#[tokio::test]
async fn the_response_to_an_interrupted_request_states_its_outcome() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    stack.create(provider(ACCOUNT)).await;
    let creation = stack.event("Create", None, &integration(ACCOUNT), &json!({}));
    let response = stack.after_interruption(&creation).await;
    assert_eq!((response.status, response.reason.as_str()), ("FAILED", "timed out"));
    assert!(response.physical_resource_id.starts_with("not-created:"), "{response:?}");

    api.memory.contents().faults.hang(Operation::TestConnection);
    assert!(poll_immediate(std::pin::pin!(stack.send(creation.clone()))).await.is_none());
    let response = stack.after_interruption(&creation).await;
    assert_eq!(
        (response.status, &response.data["Id"]),
        ("SUCCESS", &json!(ACCOUNT)),
        "the integration was created: {response:?}"
    );
    let it = response.physical_resource_id;
    assert!(it.starts_with("integration/123456789012/"));

    // Requests with other properties than those of the stored resource.
    let other = stack.event("Create", None, &json!({"Provider": ACCOUNT, "OnlyFailed": "false"}), &json!({}));
    let response = stack.after_interruption(&other).await;
    assert_eq!((response.status, &response.physical_resource_id), ("FAILED", &it), "the rollback deletes the resource");
    let update = stack.event("Update", Some(&it), &other["ResourceProperties"], &integration(ACCOUNT));
    let response = stack.after_interruption(&update).await;
    assert_eq!((response.status, &response.physical_resource_id), ("FAILED", &it));

    for physical_id in [it.as_str(), GENERATED_ID] {
        let deletion = stack.event("Delete", Some(physical_id), &integration(ACCOUNT), &json!({}));
        assert_eq!(stack.after_interruption(&deletion).await.status, "FAILED", "the resource still exists");
    }
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    let deletion = stack.event("Delete", Some(&it), &integration(ACCOUNT), &json!({}));
    assert_eq!(stack.after_interruption(&deletion).await.status, "SUCCESS");
    api.memory.contents().faults.fail_all("no response");
    assert_eq!(stack.after_interruption(&creation).await.status, "FAILED");
}

#[tokio::test]
async fn the_rollback_of_an_interrupted_creation_deletes_the_resource() {
    for fails_before_its_change in [true, false] {
        let api = Api::new();
        let stack = Stack::new(&api, FIRST);
        stack.create(provider(ACCOUNT)).await;
        if fails_before_its_change {
            api.memory
                .contents()
                .faults
                .before_next(Operation::Commit, |contents| contents.faults.fail_all("no response"));
        } else {
            api.memory.contents().faults.hang(Operation::TestConnection);
        }
        let mut creation = std::pin::pin!(stack.create(integration(ACCOUNT)));
        let response = poll_immediate(&mut creation).await;
        assert_eq!(response.as_ref().map(|response| response.status), fails_before_its_change.then_some("FAILED"));
        api.memory.contents().faults.clear();
        let physical_id = response.map_or(GENERATED_ID.to_owned(), |response| response.physical_resource_id);
        assert_eq!(stack.delete(&physical_id, integration(ACCOUNT)).await.status, "SUCCESS");
        assert!(integrations(&api).is_empty());
    }
}

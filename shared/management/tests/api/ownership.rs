//! Whose a thing is: a stack's, another stack's, an operator's; and what a request came to that was broken off.

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
async fn what_an_operator_made_is_not_taken_over() {
    let api = Api::with_integration().await;
    let stack = Stack::new(&api, FIRST);
    let refused = stack.create(integration(ACCOUNT)).await;
    assert!(refused.reason.contains("hubctl integration show"), "{refused:?}");
    for physical_id in [GENERATED_ID, &refused.physical_resource_id, "integration/123456789012/1795424400000"] {
        assert_eq!(stack.delete(physical_id, integration(ACCOUNT)).await.status, "SUCCESS");
    }
    assert_eq!(integrations(&api), [ACCOUNT]);
}

#[tokio::test]
async fn what_an_operator_made_anew_is_changed_by_the_stack_and_never_deleted() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    operator_deletes(&api).await;
    let made = api.post("/integrations", &json!({"provider": ACCOUNT, "severity_min": "LOW"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let wanted = json!({"Provider": ACCOUNT, "OnlyFailed": "false", "SeverityMin": "HIGH"});
    let changed = stack.update(&it, integration(ACCOUNT), wanted.clone()).await;
    assert_eq!((changed.status, &changed.physical_resource_id), ("SUCCESS", &it), "{changed:?}");
    assert_eq!(setting(&api, "only_failed").await, false);
    assert_eq!(setting(&api, "severity_min").await, "LOW", "no template had asked for that");
    let back = stack.update(&it, wanted, integration(ACCOUNT)).await;
    assert_eq!(back.status, "SUCCESS", "{back:?}");
    assert_eq!((setting(&api, "only_failed").await, setting(&api, "severity_min").await), (json!(true), json!("LOW")));
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(integrations(&api), [ACCOUNT]);
}

#[tokio::test]
async fn what_another_stack_made_since_is_neither_changed_nor_deleted() {
    let api = Api::new();
    let (first, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    operator_deletes(&api).await;
    assert_eq!(Stack::new(&api, SECOND).create(integration(ACCOUNT)).await.status, "SUCCESS");
    let before = api.memory.contents().integrations[ACCOUNT].clone();
    let wanted = json!({"Provider": ACCOUNT, "OnlyFailed": "false"});
    let refused = first.update(&it, integration(ACCOUNT), wanted.clone()).await;
    assert!(refused.status == "FAILED" && refused.reason.contains("already"), "{refused:?}");
    let back = first.update(&it, wanted, integration(ACCOUNT)).await;
    assert_eq!((back.status, &back.physical_resource_id), ("SUCCESS", &it), "{back:?}");
    assert_eq!(first.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    assert_eq!(api.memory.contents().integrations[ACCOUNT], before);
}

#[tokio::test]
async fn what_an_operator_moved_to_another_provider_is_the_operators() {
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
async fn what_a_failed_deletion_left_is_taken_over_by_the_resource_that_made_it() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    api.memory.contents().faults.fail_all("no answer");
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "FAILED");
    api.memory.contents().faults.clear();
    let taken = stack.create(json!({"Provider": ACCOUNT, "OnlyFailed": "false"})).await;
    assert_eq!((taken.status, &taken.physical_resource_id), ("SUCCESS", &it), "{taken:?}");
    assert_eq!(setting(&api, "only_failed").await, false);
}

#[tokio::test]
async fn a_creation_that_comes_once_more_after_its_deletion_makes_nothing() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    stack.create(provider(ACCOUNT)).await;
    let creation = stack.event("Create", None, &integration(ACCOUNT), &json!({}));
    let made = stack.send(creation.clone()).await;
    assert_eq!(stack.send(creation.clone()).await.physical_resource_id, made.physical_resource_id);
    stack.delete(&made.physical_resource_id, integration(ACCOUNT)).await;
    assert_eq!(stack.send(creation).await.status, "FAILED", "nobody waits for it any more");
    assert!(integrations(&api).is_empty());
}

#[tokio::test]
async fn an_update_that_comes_once_more_after_another_one_changes_nothing() {
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
async fn a_request_that_was_broken_off_is_answered_by_what_it_came_to() {
    let api = Api::new();
    let stack = Stack::new(&api, FIRST);
    stack.create(provider(ACCOUNT)).await;
    let creation = stack.event("Create", None, &integration(ACCOUNT), &json!({}));
    let answer = stack.after_interruption(&creation).await;
    assert_eq!((answer.status, answer.reason.as_str()), ("FAILED", "timed out"));
    assert!(answer.physical_resource_id.starts_with("not-created:"), "{answer:?}");

    api.memory.contents().faults.hang(Operation::TestConnection);
    assert!(poll_immediate(std::pin::pin!(stack.send(creation.clone()))).await.is_none());
    let answer = stack.after_interruption(&creation).await;
    assert_eq!((answer.status, &answer.data["Id"]), ("SUCCESS", &json!(ACCOUNT)), "it stands: {answer:?}");
    let it = answer.physical_resource_id;
    assert!(it.starts_with("integration/123456789012/"));

    // One that asks for more than what stands, of the same resource.
    let other = stack.event("Create", None, &json!({"Provider": ACCOUNT, "OnlyFailed": "false"}), &json!({}));
    let answer = stack.after_interruption(&other).await;
    assert_eq!((answer.status, &answer.physical_resource_id), ("FAILED", &it), "its rollback deletes that");
    let update = stack.event("Update", Some(&it), &other["ResourceProperties"], &integration(ACCOUNT));
    let answer = stack.after_interruption(&update).await;
    assert_eq!((answer.status, &answer.physical_resource_id), ("FAILED", &it));

    for physical_id in [it.as_str(), GENERATED_ID] {
        let deletion = stack.event("Delete", Some(physical_id), &integration(ACCOUNT), &json!({}));
        assert_eq!(stack.after_interruption(&deletion).await.status, "FAILED", "it is still there");
    }
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
    let deletion = stack.event("Delete", Some(&it), &integration(ACCOUNT), &json!({}));
    assert_eq!(stack.after_interruption(&deletion).await.status, "SUCCESS");
    api.memory.contents().faults.fail_all("no answer");
    assert_eq!(stack.after_interruption(&creation).await.status, "FAILED");
}

#[tokio::test]
async fn wherever_a_creation_dies_its_rollback_leaves_nothing() {
    for dies_before_its_change in [true, false] {
        let api = Api::new();
        let stack = Stack::new(&api, FIRST);
        stack.create(provider(ACCOUNT)).await;
        if dies_before_its_change {
            api.memory
                .contents()
                .faults
                .before_next(Operation::Commit, |contents| contents.faults.fail_all("no answer"));
        } else {
            api.memory.contents().faults.hang(Operation::TestConnection);
        }
        let mut creation = std::pin::pin!(stack.create(integration(ACCOUNT)));
        let answer = poll_immediate(&mut creation).await;
        assert_eq!(answer.as_ref().map(|answer| answer.status), dies_before_its_change.then_some("FAILED"));
        api.memory.contents().faults.clear();
        let physical_id = answer.map_or(GENERATED_ID.to_owned(), |answer| answer.physical_resource_id);
        assert_eq!(stack.delete(&physical_id, integration(ACCOUNT)).await.status, "SUCCESS");
        assert!(integrations(&api).is_empty());
    }
}

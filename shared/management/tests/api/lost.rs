//! Changes whose responses are lost. Guarantee: an access key in use
//! is never deleted, and a key that is certainly unused is deleted.

use exporter::testing::Operation;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

fn key() -> Value {
    json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "s"})
}

/// Name of the secret in a response.
fn secret(body: &Value) -> String {
    body["credentials"]["secret"].as_str().unwrap().to_owned()
}

/// Names of all secrets.
fn secrets(api: &Api) -> Vec<String> {
    api.memory.contents().secrets.keys().cloned().collect()
}

#[tokio::test]
async fn a_key_changed_with_a_lost_response_replaces_the_old_one() {
    let api = Api::with_integration().await;
    for path in [format!("/providers/{ACCOUNT}"), format!("/integrations/{ACCOUNT}")] {
        let address = format!("{path}/credentials");
        let first = secret(&api.put(&address, "*", &key()).await.body);
        api.memory.contents().faults.lose_next_response(Operation::Commit);
        let given = api.put(&address, "*", &key()).await;
        assert_eq!(given.status, 200, "the change was made, as the current version shows: {}", given.text);
        let there = secret(&api.get(&path).await.body);
        assert_eq!(there, secret(&given.body));
        assert!(secrets(&api).contains(&there), "{path}: the referenced key is stored");
        assert!(!secrets(&api).contains(&first), "{path}: the previous key is deleted");
    }
    assert_eq!(secrets(&api).len(), 2);
}

#[tokio::test]
async fn a_creation_with_a_lost_response_has_its_key() {
    let api = Api::new();
    for (address, body) in [
        ("/providers", json!({"id": ACCOUNT, "credentials": key()})),
        ("/integrations", json!({"provider": ACCOUNT, "credentials": key()})),
    ] {
        api.memory.contents().faults.lose_next_response(Operation::Commit);
        let made = api.post(address, &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let there = secret(&api.get(&format!("{address}/{ACCOUNT}")).await.body);
        assert!(secrets(&api).contains(&there), "{address}");
    }
    assert_eq!(secrets(&api).len(), 2);
}

#[tokio::test]
async fn a_key_is_retained_if_the_outcome_of_the_change_is_unknown() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.memory.contents().faults.before_next(Operation::Commit, |contents| contents.faults.fail_all("timed out"));
    let response = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    assert_eq!((response.status.as_u16(), response.problem()), (503, "unavailable"));
    assert_eq!(secrets(&api).len(), 1, "the key may be in use");
}

#[tokio::test]
async fn a_key_is_deleted_if_a_later_change_replaced_it() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    // The change fails without a response, and a later version exists: the change can't be made any more.
    api.memory.contents().faults.before_next(Operation::Commit, |contents| {
        contents.faults.fail_next(Operation::Commit);
        contents.integrations.get_mut(ACCOUNT).unwrap().version += 1;
    });
    let response = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(secrets(&api), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_moved_with_its_integration_is_retained() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let address = format!("{path}/credentials");
    api.put(&address, "*", &key()).await;
    let old = secrets(&api);
    api.memory.contents().faults.before_next(Operation::Commit, |contents| {
        contents.faults.fail_next(Operation::Commit);
        let moved = contents.integrations.remove(ACCOUNT).unwrap();
        contents.integrations.insert("210987654321".to_owned(), moved);
    });
    let response = api.put(&address, "*", &key()).await;
    assert_eq!(response.status, 503, "{}", response.text);
    assert!(secrets(&api).contains(&old[0]), "the moved integration uses it");
}

#[tokio::test]
async fn deleting_an_integration_with_a_lost_response_deletes_its_key() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    api.put(&format!("{path}/credentials"), "*", &key()).await;
    api.memory.contents().faults.lose_next_response(Operation::Commit);
    let deleted = api.delete(&path, "*").await;
    assert_eq!((deleted.status.as_u16(), secrets(&api).len()), (204, 0), "{}", deleted.text);
}

#[tokio::test]
async fn deleting_a_provider_with_a_lost_response_deletes_its_key() {
    let api = Api::new();
    api.post("/providers", &json!({"id": ACCOUNT, "credentials": key()})).await;
    api.memory.contents().faults.lose_next_response(Operation::Commit);
    let gone = api.delete(&format!("/providers/{ACCOUNT}"), "*").await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(secrets(&api), Vec::<String>::new());
}

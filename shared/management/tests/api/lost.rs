//! A change may have been made though the answer was lost. Promise: an access key that is in use is never destroyed, and one
//! that nobody uses is not left behind where that is sure.

use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

fn key() -> Value {
    json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "s"})
}

/// The secret that an answer names.
fn secret(body: &Value) -> String {
    body["credentials"]["secret"].as_str().unwrap().to_owned()
}

/// Each secret there is.
fn secrets(api: &Api) -> Vec<String> {
    api.memory.kept().secrets.keys().cloned().collect()
}

#[tokio::test]
async fn a_key_changed_with_a_lost_response_replaces_the_old_one() {
    let api = Api::with_integration().await;
    for path in [format!("/providers/{ACCOUNT}"), format!("/integrations/{ACCOUNT}")] {
        let address = format!("{path}/credentials");
        let first = secret(&api.put(&address, "*", &key()).await.body);
        api.memory.kept().loses_next_answer = true;
        let given = api.put(&address, "*", &key()).await;
        assert_eq!(given.status, 200, "it was made, as a look at it tells: {}", given.text);
        let there = secret(&api.get(&path).await.body);
        assert_eq!(there, secret(&given.body));
        assert!(secrets(&api).contains(&there), "{path}: the key that it names is there");
        assert!(!secrets(&api).contains(&first), "{path}: the one before is gone");
    }
    assert_eq!(secrets(&api).len(), 2);
}

#[tokio::test]
async fn a_creation_with_a_lost_answer_has_its_key() {
    let api = Api::new();
    for (address, body) in [
        ("/providers", json!({"id": ACCOUNT, "credentials": key()})),
        ("/integrations", json!({"provider": ACCOUNT, "credentials": key()})),
    ] {
        api.memory.kept().loses_next_answer = true;
        let made = api.post(address, &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let there = secret(&api.get(&format!("{address}/{ACCOUNT}")).await.body);
        assert!(secrets(&api).contains(&there), "{address}");
    }
    assert_eq!(secrets(&api).len(), 2);
}

#[tokio::test]
async fn a_key_is_kept_where_nobody_can_say_whether_the_change_was_made() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.memory.before_next_commit(|memory| memory.kept().down = Some("timed out".to_owned()));
    let answer = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (503, "unavailable"));
    assert_eq!(secrets(&api).len(), 1, "it may be in use");
}

#[tokio::test]
async fn a_key_goes_where_another_change_surely_took_its_place() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    // Our change fails without a word, and another one is there when we look: ours can't be made any more.
    api.memory.before_next_commit(|memory| {
        let mut kept = memory.kept();
        kept.fails_next_change = true;
        kept.integrations.get_mut(ACCOUNT).unwrap().version += 1;
    });
    let answer = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(secrets(&api), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_moved_away_with_its_integration_is_kept() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let address = format!("{path}/credentials");
    api.put(&address, "*", &key()).await;
    let old = secrets(&api);
    api.memory.before_next_commit(|memory| {
        let mut kept = memory.kept();
        kept.fails_next_change = true;
        let moved = kept.integrations.remove(ACCOUNT).unwrap();
        kept.integrations.insert("210987654321".to_owned(), moved);
    });
    let answer = api.put(&address, "*", &key()).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(secrets(&api).contains(&old[0]), "the integration uses it where it is now");
}

#[tokio::test]
async fn an_integration_that_was_deleted_with_a_lost_answer_leaves_no_key() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    api.put(&format!("{path}/credentials"), "*", &key()).await;
    api.memory.kept().loses_next_answer = true;
    let deleted = api.delete(&path, "*").await;
    assert_eq!((deleted.status.as_u16(), secrets(&api).len()), (204, 0), "{}", deleted.text);
}

#[tokio::test]
async fn a_provider_that_was_deleted_with_a_lost_answer_leaves_no_key() {
    let api = Api::new();
    api.post("/providers", &json!({"id": ACCOUNT, "credentials": key()})).await;
    api.memory.kept().loses_next_answer = true;
    let gone = api.delete(&format!("/providers/{ACCOUNT}"), "*").await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(secrets(&api), Vec::<String>::new());
}

//! Secrets are write-only. The tests search all responses, the audit log, and the stored settings for planted keys.

use exporter::testing::Operation;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, ApiResponse};

const KEY_ID: &str = "ASIAPLANTED000000000";
const SECRET: &str = "planted/secret+half/never/to/be/seen/000";
const TOKEN: &str = "planted-session-token-never-to-be-seen";

fn key() -> Value {
    json!({"kind": "static", "access_key_id": KEY_ID, "secret_access_key": SECRET, "session_token": TOKEN})
}

fn assert_no_secret(place: &str, text: &str) {
    for planted in [KEY_ID, SECRET, TOKEN] {
        assert!(!text.contains(planted), "{planted} is in {place}: {text}");
    }
}

/// All stored values, without the secrets.
fn stored_settings(api: &Api) -> String {
    let contents = api.memory.contents();
    format!(
        "{:?} {:?} {:?} {:?}",
        contents.providers, contents.integrations, contents.audit_log, contents.idempotency_records
    )
}

#[tokio::test]
async fn an_access_key_is_write_only() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let set = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    assert_eq!((set.status.as_u16(), &set.body["credentials"]["kind"]), (200, &json!("static")), "{}", set.text);
    let name = set.body["credentials"]["secret"].as_str().unwrap().to_owned();
    assert!(api.memory.contents().secrets[&name].contains(SECRET), "the secret has the key");
    let provider = format!("/providers/{ACCOUNT}");
    let of_provider = api.put(&format!("{provider}/credentials"), "*", &key()).await;
    assert_eq!(of_provider.status, 200, "{}", of_provider.text);

    for response in [&set, &of_provider, &api.get(&path).await, &api.get(&provider).await, &api.get("/audit").await] {
        assert_no_secret("a response", &format!("{response:?}"));
    }
    for list in ["/integrations", "/providers"] {
        assert_no_secret(list, &api.get(list).await.text);
    }
    assert_no_secret("stored values", &stored_settings(&api));
}

#[tokio::test]
async fn a_new_key_replaces_the_old_one() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let first = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    let second = api.put(&format!("{path}/credentials"), &first.etag(), &key()).await;
    assert_ne!(
        first.body["credentials"]["secret"], second.body["credentials"]["secret"],
        "each key has its own secret"
    );
    assert_eq!(api.memory.contents().secrets.len(), 1, "the old secret is deleted");
    let unchanged_key = json!({"kind": "static", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let third = api.put(&format!("{path}/credentials"), &second.etag(), &unchanged_key).await;
    assert_eq!(
        third.body["credentials"]["secret"], second.body["credentials"]["secret"],
        "an omitted key is unchanged"
    );
    let back = api.delete(&format!("{path}/credentials"), &third.etag()).await;
    assert_eq!((back.status.as_u16(), &back.body["credentials"]["kind"]), (200, &json!("provider")));
    assert_eq!(back.body["test"]["outcome"], "passed", "other credentials are tested");
    assert_eq!(api.memory.contents().secrets.len(), 0);
}

#[tokio::test]
async fn a_rejected_change_neither_leaves_nor_deletes_a_key() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let first = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    let before = api.memory.contents().secrets.clone();
    api.memory
        .contents()
        .faults
        .before_next(Operation::Commit, |contents| contents.integrations.get_mut(ACCOUNT).unwrap().version += 1);
    let late = api.put(&format!("{path}/credentials"), &first.etag(), &key()).await;
    assert_eq!(late.status, 412, "{}", late.text);
    assert_eq!(api.memory.contents().secrets, before);
    assert_no_secret("the error", &late.text);
}

#[tokio::test]
async fn a_managed_secret_of_another_resource_is_rejected() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let set = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    let theirs = json!({"kind": "static", "secret": set.body["credentials"]["secret"]});
    let provider = format!("/providers/{ACCOUNT}");
    let rejected = api.put(&format!("{provider}/credentials"), "*", &theirs).await;
    assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec!["credentials.secret"]), "{}", rejected.text);
    let again = api.put(&format!("{path}/credentials"), &set.etag(), &theirs).await;
    assert_eq!(again.status, 200, "a resource may name its own secret: {}", again.text);
    assert_eq!(api.memory.contents().secrets.len(), 1);
}

#[tokio::test]
async fn credentials_without_a_version_do_not_revert_a_concurrent_key() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.put(&format!("{path}/credentials"), &etag, &key()).await;
    api.memory.contents().faults.before_next(Operation::Commit, |contents| {
        contents.secrets.insert("securityhub-exporter/managed/theirs".to_owned(), "theirs".to_owned());
        let stored = contents.integrations.get_mut(ACCOUNT).unwrap();
        stored.version += 1;
        let secret = "securityhub-exporter/managed/theirs".to_owned();
        stored.value.credentials = Some(exporter::model::integration::Credentials::Static { secret, role: None });
    });
    // The change replaces only the role; the key is that of the concurrent writer.
    let role = json!({"kind": "static", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let given = api.put(&format!("{path}/credentials"), "*", &role).await;
    assert_eq!(given.status, 200, "{}", given.text);
    assert_eq!(given.body["credentials"]["secret"], "securityhub-exporter/managed/theirs");
}

#[tokio::test]
async fn no_error_repeats_a_possible_secret() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let path = format!("{path}/credentials");
    let bodies = [
        json!({"kind": SECRET, "access_key_id": KEY_ID}),
        json!({"kind": "static", "access_key_id": SECRET, "secret_access_key": ["x", SECRET]}),
        json!({"kind": "static", "role": SECRET}),
        json!({"kind": "static", "role": {"arn": SECRET, "duration_seconds": SECRET}}),
        json!({"kind": "static", "role": {"arn": SECRET, "external_id": format!("{SECRET} "), "session_name": SECRET}}),
        json!({"kind": "static", "secret": SECRET}),
        json!({"kind": "static", "session_token": TOKEN}),
        json!(SECRET),
        json!([SECRET]),
    ];
    for body in bodies {
        let response = api.put(&path, &etag, &body).await;
        assert_eq!(response.status, 422, "{body}: {}", response.text);
        assert_no_secret("an error", &response.text);
    }
    let headers = [("content-type", "application/json"), ("if-match", etag.as_str())];
    let broken: ApiResponse = api.send("PUT", &path, &headers, format!("{{\"kind\": \"static\", {SECRET}")).await;
    assert_eq!((broken.status.as_u16(), broken.problem()), (400, "malformed"));
    assert_no_secret("an error", &broken.text);
}

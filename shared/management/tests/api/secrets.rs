//! No secret leaves its place: planted keys are looked for in every answer, the audit log, and all that is kept but the secret.

use serde_json::{Value, json};

use crate::client::{ACCOUNT, Answer, Api};

const KEY_ID: &str = "ASIAPLANTED000000000";
const SECRET: &str = "planted/secret+half/never/to/be/seen/000";
const TOKEN: &str = "planted-session-token-never-to-be-seen";

fn key() -> Value {
    json!({"kind": "static", "access_key_id": KEY_ID, "secret_access_key": SECRET, "session_token": TOKEN})
}

fn nowhere(place: &str, text: &str) {
    for planted in [KEY_ID, SECRET, TOKEN] {
        assert!(!text.contains(planted), "{planted} is in {place}: {text}");
    }
}

/// All that is kept but the secrets.
fn kept(api: &Api) -> String {
    let kept = api.memory.kept();
    format!("{:?} {:?} {:?} {:?}", kept.providers, kept.integrations, kept.trail, kept.idempotency_records)
}

#[tokio::test]
async fn an_access_key_goes_in_and_never_comes_out() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let set = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    assert_eq!((set.status.as_u16(), &set.body["credentials"]["kind"]), (200, &json!("static")), "{}", set.text);
    let name = set.body["credentials"]["secret"].as_str().unwrap().to_owned();
    assert!(api.memory.kept().secrets[&name].contains(SECRET), "the key is where it is read");
    let provider = format!("/providers/{ACCOUNT}");
    let of_provider = api.put(&format!("{provider}/credentials"), "*", &key()).await;
    assert_eq!(of_provider.status, 200, "{}", of_provider.text);

    for answer in [&set, &of_provider, &api.get(&path).await, &api.get(&provider).await, &api.get("/audit").await] {
        nowhere("an answer", &format!("{answer:?}"));
    }
    for list in ["/integrations", "/providers"] {
        nowhere(list, &api.get(list).await.text);
    }
    nowhere("what is kept", &kept(&api));
}

#[tokio::test]
async fn another_key_takes_the_place_of_the_one_before() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let first = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    let second = api.put(&format!("{path}/credentials"), &first.etag(), &key()).await;
    assert_ne!(first.body["credentials"]["secret"], second.body["credentials"]["secret"], "each has its own place");
    assert_eq!(api.memory.kept().secrets.len(), 1, "and the one before is gone");
    let kept_key = json!({"kind": "static", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let third = api.put(&format!("{path}/credentials"), &second.etag(), &kept_key).await;
    assert_eq!(third.body["credentials"]["secret"], second.body["credentials"]["secret"], "left out, the key stays");
    let back = api.delete(&format!("{path}/credentials"), &third.etag()).await;
    assert_eq!((back.status.as_u16(), &back.body["credentials"]), (200, &json!({"kind": "provider"})));
    assert_eq!(back.body["test"]["outcome"], "passed", "other credentials are tested");
    assert_eq!(api.memory.kept().secrets.len(), 0);
}

#[tokio::test]
async fn a_refused_change_leaves_no_key_behind_and_takes_none_away() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let first = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    let before = api.memory.kept().secrets.clone();
    api.memory.before_next_commit(|memory| memory.kept().integrations.get_mut(ACCOUNT).unwrap().version += 1);
    let late = api.put(&format!("{path}/credentials"), &first.etag(), &key()).await;
    assert_eq!(late.status, 412, "{}", late.text);
    assert_eq!(api.memory.kept().secrets, before);
    nowhere("the refusal", &late.text);
}

#[tokio::test]
async fn nobody_names_the_key_that_was_made_for_another() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let set = api.put(&format!("{path}/credentials"), &etag, &key()).await;
    let theirs = json!({"kind": "static", "secret": set.body["credentials"]["secret"]});
    let provider = format!("/providers/{ACCOUNT}");
    let refused = api.put(&format!("{provider}/credentials"), "*", &theirs).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (422, vec!["credentials.secret"]), "{}", refused.text);
    let again = api.put(&format!("{path}/credentials"), &set.etag(), &theirs).await;
    assert_eq!(again.status, 200, "its own key may be named: {}", again.text);
    assert_eq!(api.memory.kept().secrets.len(), 1);
}

#[tokio::test]
async fn credentials_that_name_no_version_undo_nobodys_key() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.put(&format!("{path}/credentials"), &etag, &key()).await;
    api.memory.before_next_commit(|memory| {
        let mut kept = memory.kept();
        kept.secrets.insert("securityhub-exporter/managed/theirs".to_owned(), "theirs".to_owned());
        let stored = kept.integrations.get_mut(ACCOUNT).unwrap();
        stored.version += 1;
        let secret = "securityhub-exporter/managed/theirs".to_owned();
        stored.value.credentials = Some(exporter::integration::Credentials::Static { secret, role: None });
    });
    // Only the role is changed; the key is the one that another wrote meanwhile.
    let role = json!({"kind": "static", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let given = api.put(&format!("{path}/credentials"), "*", &role).await;
    assert_eq!(given.status, 200, "{}", given.text);
    assert_eq!(given.body["credentials"]["secret"], "securityhub-exporter/managed/theirs");
}

#[tokio::test]
async fn no_refusal_repeats_what_may_be_a_secret() {
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
        let answer = api.put(&path, &etag, &body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        nowhere("a refusal", &answer.text);
    }
    let headers = [("content-type", "application/json"), ("if-match", etag.as_str())];
    let broken: Answer = api.send("PUT", &path, &headers, format!("{{\"kind\": \"static\", {SECRET}")).await;
    assert_eq!((broken.status.as_u16(), broken.problem()), (400, "malformed"));
    nowhere("a refusal", &broken.text);
}

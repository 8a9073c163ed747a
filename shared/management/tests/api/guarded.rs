//! Hostile input: forged audit log entries, invisible characters, and ambiguous bodies.

use management::{Caller, Service, Settings};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};
use crate::stack::OTHER;

#[test]
fn a_caller_has_the_characters_and_length_of_an_arn() {
    let longest = "a".repeat(2_048);
    for name in ["arn:aws:sts::111122223333:assumed-role/A/ada@example.com", &longest] {
        assert_eq!(Caller::named(name.to_owned()), Some(Caller(name.to_owned())));
    }
    for name in ["", &format!("{longest}a"), "arn:aws:iam::1:user/a\nb", "a b", "arn:aws:iam::1:user/\u{202e}eve"] {
        assert_eq!(Caller::named(name.to_owned()), None, "{name:?}");
    }
}

#[tokio::test]
async fn a_large_audit_log_page_is_truncated_and_continued() {
    let api = Api::new();
    api.post("/providers", &json!({"id": ACCOUNT})).await;
    let entry = api.memory.contents().audit_log[0].clone();
    let long = |number: usize| {
        let by = "x".repeat(180_000);
        exporter::ports::settings_store::AuditEntry { id: format!("{number:03}"), by, ..entry.clone() }
    };
    api.memory.contents().audit_log = (0..40).map(long).collect();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/audit?limit=100{after}")).await;
        assert!(page.text.len() < 4 * 1024 * 1024, "{}", page.text.len());
        seen.extend(
            page.body["items"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page.body["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, (0..40).rev().map(|number| format!("{number:03}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn duplicate_fields_are_rejected_at_any_depth() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let patch = [("content-type", "application/json"), ("if-match", etag.as_str())];
    for body in [r#"{"only_failed": true, "only_failed": false}"#, r#"{"a": [{"b": 1, "b": 1}]}"#] {
        let rejected = api.send("PATCH", &path, &patch, body).await;
        assert_eq!((rejected.status.as_u16(), rejected.problem()), (400, "malformed"), "{}", rejected.text);
        assert!(rejected.text.contains("a duplicate field"), "{}", rejected.text);
    }
    let not_json = api.send("PATCH", &path, &patch, r#"{"only_failed": tru}"#).await;
    assert!(not_json.text.contains("not valid JSON"), "{}", not_json.text);
    assert_eq!(api.send("PATCH", &path, &patch, r#"{"only_failed": false}"#).await.status, 200);
}

#[tokio::test]
async fn a_run_id_that_is_too_long_is_not_found() {
    let api = Api::with_integration().await;
    api.memory.contents().faults.clear();
    let long = "x".repeat(3_000);
    for path in [format!("/runs/{long}"), format!("/runs/{long}/quarantine"), format!("/runs/{long}/pending")] {
        assert_eq!(api.get(&path).await.status, 404);
    }
    // The ID is rejected before the table is read.
    api.memory.contents().faults.fail_all("a key of 3,000 bytes");
    assert_eq!(api.get(&format!("/runs/{long}")).await.status, 404);
}

#[tokio::test]
async fn aliases_with_invisible_or_bidirectional_characters_are_rejected() {
    let api = Api::new();
    for alias in
        ["a\u{202e}b", "a\u{2066}b", "\u{200f}a", "a\u{200b}b", "\u{feff}a", "a\u{e0041}", "a\u{2028}b", "a\u{7}b"]
    {
        let rejected = api.post("/providers", &json!({"id": ACCOUNT, "alias": alias})).await;
        assert_eq!(rejected.fields(), ["alias"], "{alias:?}");
    }
    for (id, alias) in [(ACCOUNT, "👩\u{200d}🚀 Produktion"), (OTHER, "می\u{200c}خواهم")] {
        assert_eq!(api.post("/providers", &json!({"id": id, "alias": alias})).await.status, 201, "{alias}");
    }
}

#[tokio::test]
async fn a_role_arn_must_be_well_formed() {
    let api = Api::new();
    let create = async |role: &str| {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let body = json!({"id": ACCOUNT, "credentials": {"kind": "default", "role": {"arn": arn}}});
        api.post("/providers", &body).await
    };
    for role in ["/x", "a/../b", "a//b", "./b", "a/", "", &"x".repeat(65), &format!("{}/b", "p".repeat(600))] {
        assert_eq!(create(role).await.fields(), ["credentials.role.arn"], "{role}");
    }
    let longest = format!("{}/{}", "p".repeat(510), "x".repeat(64));
    assert_eq!(create(&longest).await.status, 201);
}

#[tokio::test]
async fn a_direct_invocation_with_an_invalid_caller_is_rejected() {
    let api = Api::new();
    let service = || Service::new(api.memory.clone(), Settings::default());
    for (arn, status) in [("x".repeat(3_000), 400), ("a\nb".to_owned(), 400), ("arn:aws:iam::1:user/a".to_owned(), 201)]
    {
        let payload: Value = json!({
            "version": "2.0", "rawPath": "/providers", "headers": {"content-type": "application/json"},
            "requestContext": {"http": {"method": "POST"}, "authorizer": {"iam": {"userArn": arn}}},
            "body": json!({"id": ACCOUNT}).to_string(),
        });
        let router = management::router(std::sync::Arc::new(service()));
        assert_eq!(management::host::respond(router, &payload).await["statusCode"], status);
    }
}

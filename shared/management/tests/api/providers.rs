//! Providers.

use serde_json::json;

use crate::client::{ACCOUNT, Api, CALLER, ORGANIZATION, disconnected};

#[tokio::test]
async fn a_provider_is_created_shown_changed_and_deleted() {
    let api = Api::new();
    let made =
        api.post("/providers", &json!({"id": ACCOUNT, "alias": "production", "scan_schedule": "rate(1 day)"})).await;
    assert_eq!(
        (made.status.as_u16(), &made.headers["location"]),
        (201, &format!("/providers/{ACCOUNT}").parse().unwrap())
    );
    assert_eq!(made.body["kind"], "account");
    assert_eq!(made.body["credentials"], json!({"kind": "default", "since": "2026-11-23T09:00:00Z"}));
    assert_eq!((&made.body["version"], &made.body["updated_by"]), (&json!(1), &json!(CALLER)));

    let path = format!("/providers/{ACCOUNT}");
    let shown = api.get(&path).await;
    assert_eq!((shown.body.clone(), shown.etag()), (made.body.clone(), made.etag()));

    let changed = api.patch(&path, &shown.etag(), &json!({"alias": "prod", "scan_schedule": null})).await;
    assert_eq!((changed.status.as_u16(), &changed.body["alias"]), (200, &json!("prod")), "{}", changed.text);
    assert!(changed.body["scan_schedule"].is_null() && changed.body["version"] == 2, "{}", changed.text);

    let deleted = api.delete(&path, &changed.etag()).await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    assert_eq!(api.get(&path).await.problem(), "not-found");
    assert_eq!(api.actions(), ["provider.create", "provider.update", "provider.delete"]);
}

#[tokio::test]
async fn an_organization_requires_a_role_that_each_account_has() {
    let api = Api::new();
    let none = api.post("/providers", &json!({"id": ORGANIZATION})).await;
    assert_eq!((none.status.as_u16(), none.fields()), (422, vec!["credentials.role"]), "{}", none.text);
    let role = |arn: &str| json!({"id": ORGANIZATION, "credentials": {"kind": "default", "role": {"arn": arn}}});
    let one = api.post("/providers", &role(&format!("arn:aws:iam::{ACCOUNT}:role/Exporter"))).await;
    assert_eq!(one.fields(), ["credentials.role.arn"]);
    let made = api.post("/providers", &role("arn:aws:iam::*:role/Exporter")).await;
    assert_eq!((made.status.as_u16(), &made.body["kind"]), (201, &json!("organization")), "{}", made.text);
    let external_id = made.body["credentials"]["role"]["external_id"].as_str().unwrap();
    assert!(external_id.len() >= 32, "an External ID is generated: {external_id}");
}

#[tokio::test]
async fn a_provider_with_an_integration_is_not_deleted() {
    let api = Api::with_integration().await;
    let path = format!("/providers/{ACCOUNT}");
    let rejected = api.delete(&path, "*").await;
    assert_eq!((rejected.status.as_u16(), rejected.problem()), (409, "in-use"));
    assert!(rejected.body["remediation"].as_str().unwrap().contains("hubctl integration delete"), "{}", rejected.text);
    assert_eq!(api.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_provider_id_is_unique() {
    let api = Api::with_provider().await;
    let again = api.post("/providers", &json!({"id": ACCOUNT})).await;
    assert_eq!((again.status.as_u16(), again.problem()), (409, "already-exists"));
    assert_eq!(api.actions(), ["provider.create"], "a rejected request has no audit log entry");
}

#[tokio::test]
async fn new_provider_credentials_are_tested_if_an_integration_uses_them() {
    let api = Api::with_provider().await;
    let path = format!("/providers/{ACCOUNT}/credentials");
    let role = |name: &str| json!({"kind": "default", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}")}});
    let alone = api.put(&path, "*", &role("First")).await;
    assert_eq!(
        (alone.status.as_u16(), alone.body.get("test")),
        (200, None),
        "no integration uses the credentials: {}",
        alone.text
    );

    api.post("/integrations", &json!({"provider": ACCOUNT})).await;
    api.memory.contents().put_connection_test(ACCOUNT, vec![disconnected(ACCOUNT, ACCOUNT)]);
    let broken = api.put(&path, "*", &role("Second")).await;
    assert_eq!((broken.status.as_u16(), &broken.body["test"]["outcome"]), (200, &json!("failed")), "{}", broken.text);
    assert!(broken.body["test"]["message"].as_str().unwrap().contains("the role can't be assumed"), "{}", broken.text);
    assert_eq!(broken.etag(), api.get(&format!("/providers/{ACCOUNT}")).await.etag());

    api.put(&format!("/integrations/{ACCOUNT}/credentials"), "*", &role("Own")).await;
    let unused = api.put(&path, "*", &role("Third")).await;
    assert_eq!(unused.body.get("test"), None, "the integration has its own credentials: {}", unused.text);
}

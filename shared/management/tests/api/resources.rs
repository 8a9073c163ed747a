//! CloudFormation custom resources: created, updated, replaced, deleted, and rolled back.

use management::host::{ResourceRequest, handle_resource};
use management::{Service, Settings};
use serde_json::json;

use crate::client::{ACCOUNT, Api};
use crate::stack::{OTHER, Stack, integration, integrations, provider};

#[tokio::test]
async fn a_stack_creates_updates_and_deletes_a_provider_and_integration() {
    let api = Api::new();
    let stack = Stack::new(&api, "arn:stack");
    let account = stack.create(provider(ACCOUNT)).await;
    assert_eq!(account.status, "SUCCESS", "{account:?}");
    assert!(account.physical_resource_id.starts_with("provider/123456789012/"), "{account:?}");
    let role = json!({"Kind": "default", "Role": {"Arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let settings = json!({"Provider": ACCOUNT, "OnlyFailed": "false", "Regions": ["eu-west-1"], "Credentials": role});
    let made = stack.create(settings.clone()).await;
    assert_eq!(made.status, "SUCCESS", "{made:?}");
    assert!(made.physical_resource_id.starts_with("integration/123456789012/"), "{made:?}");
    assert!(made.data["ExternalId"].as_str().unwrap().len() >= 32, "a template can use it in the role: {made:?}");

    let wanted = json!({"Provider": ACCOUNT, "ArchiveLimitPercent": "20"});
    let changed = stack.update(&made.physical_resource_id, settings, wanted).await;
    assert_eq!((changed.status, &changed.physical_resource_id), ("SUCCESS", &made.physical_resource_id), "{changed:?}");
    let (path, _) = api.integration().await;
    let body = api.get(&path).await.body;
    assert_eq!(
        (&body["archive_limit_percent"], &body["only_failed"]),
        (&json!(20), &json!(true)),
        "a property that is omitted is reset to its default"
    );
    assert_eq!((&body["regions"], &body["credentials"]["kind"]), (&json!(null), &json!("provider")));
    assert_eq!(body["updated_by"], "cloudformation:arn:stack");

    let in_use = stack.delete(&account.physical_resource_id, provider(ACCOUNT)).await;
    assert!(in_use.status == "FAILED" && in_use.reason.contains("has an integration"), "{in_use:?}");
    for (it, properties) in [(&made, integration(ACCOUNT)), (&account, provider(ACCOUNT))] {
        for _ in 0..2 {
            let deleted = stack.delete(&it.physical_resource_id, properties.clone()).await;
            assert_eq!(deleted.status, "SUCCESS", "deleting a deleted resource succeeds: {deleted:?}");
        }
    }
    assert_eq!(api.get(&path).await.status, 404);
    assert!(api.memory.contents().providers.is_empty());
}

#[tokio::test]
async fn an_update_preserves_changes_of_operators_and_their_access_key() {
    let api = Api::new();
    let settings = json!({"Provider": ACCOUNT, "OnlyFailed": "true"});
    let (stack, it) = Stack::with(&api, "arn:stack", &settings).await;
    let (path, etag) = api.integration().await;
    let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "theirs"});
    let given = api.put(&format!("{path}/credentials"), &etag, &key).await;
    assert_eq!(given.status, 200, "{:?}", given.body);
    let off = api.send("POST", &format!("{path}/disable"), &[], "").await;
    assert_eq!(off.status, 200, "{:?}", off.body);

    let wanted = json!({"Provider": ACCOUNT, "OnlyFailed": "true", "SeverityMin": "HIGH"});
    let changed = stack.update(&it, settings, wanted.clone()).await;
    assert_eq!(changed.status, "SUCCESS", "{changed:?}");
    let body = api.get(&path).await.body;
    assert_eq!((&body["severity_min"], &body["enabled"]), (&json!("HIGH"), &json!(false)));
    assert_eq!(body["credentials"]["kind"], "static");
    assert_eq!(api.memory.contents().secrets.len(), 1, "the operators' key is retained");

    let role = json!({"Kind": "default", "Role": {"Arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let with_role = json!({"Provider": ACCOUNT, "OnlyFailed": "true", "SeverityMin": "HIGH", "Credentials": role});
    assert_eq!(stack.update(&it, wanted, with_role).await.status, "SUCCESS");
    assert!(api.memory.contents().secrets.is_empty(), "the unreferenced key is deleted");
}

#[tokio::test]
async fn the_rollback_of_a_failed_creation_deletes_nothing_else() {
    let api = Api::with_integration().await;
    let stack = Stack::new(&api, "arn:stack");
    for properties in [provider(ACCOUNT), integration(ACCOUNT), integration(OTHER)] {
        let failed = stack.create(properties.clone()).await;
        assert_eq!(failed.status, "FAILED", "{failed:?}");
        let rolled_back = stack.delete(&failed.physical_resource_id, properties).await;
        assert_eq!(rolled_back.status, "SUCCESS", "{rolled_back:?}");
    }
    assert_eq!(
        api.integration().await.0,
        format!("/integrations/{ACCOUNT}"),
        "the other owner's resource is unchanged"
    );
}

#[tokio::test]
async fn a_retried_creation_creates_one_resource() {
    let api = Api::new();
    let stack = Stack::new(&api, "arn:stack");
    let event = stack.event("Create", None, &provider(ACCOUNT), &json!({}));
    let first = stack.send(event.clone()).await;
    assert_eq!(first, stack.send(event).await);
    assert_eq!(api.actions(), ["provider.create"]);
}

#[tokio::test]
async fn changing_the_provider_replaces_the_resource() {
    let api = Api::new();
    let (stack, before) = Stack::with(&api, "arn:stack", &integration(ACCOUNT)).await;
    Stack::new(&api, "arn:other").create(provider(OTHER)).await;
    let after = stack.update(&before, integration(ACCOUNT), integration(OTHER)).await;
    assert_eq!(after.status, "SUCCESS", "{after:?}");
    assert!(after.physical_resource_id.starts_with("integration/210987654321/"), "{after:?}");
    stack.delete(&before, integration(ACCOUNT)).await;
    assert_eq!(integrations(&api), [OTHER]);
}

#[tokio::test]
async fn a_failed_update_changes_nothing() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, "arn:stack", &integration(ACCOUNT)).await;
    let wrong = json!({"Provider": ACCOUNT, "ArchiveLimitPercent": "many", "OnlyFailed": "false"});
    let failed = stack.update(&it, integration(ACCOUNT), wrong).await;
    assert_eq!((failed.status, &failed.physical_resource_id), ("FAILED", &it));
    assert_eq!(failed.reason, "ArchiveLimitPercent must be i64");
    let (path, _) = api.integration().await;
    assert_eq!(api.get(&path).await.body["only_failed"], true);
}

#[tokio::test]
async fn errors_have_the_property_names_of_the_template_and_no_secret() {
    let api = Api::with_provider().await;
    let stack = Stack::new(&api, "arn:stack");
    let key = json!({"Kind": "static", "AccessKeyId": "AKIA0123456789ABCDEF", "SecretAccessKey": "planted-secret"});
    let rejected = stack.create(json!({"Provider": ACCOUNT, "Credentials": key})).await;
    assert!(rejected.reason.contains("Credentials must have a Secret"), "{rejected:?}");
    assert!(!serde_json::to_string(&rejected).unwrap().contains("planted-secret"));
    for (properties, reason) in [
        (json!({"Provider": ACCOUNT, "OnlyFialed": "true"}), "OnlyFialed is an unknown field"),
        (json!({"Provider": "mine", "Format": "pdf"}), "Provider must be a 12-digit account ID"),
        (
            json!({"Provider": ACCOUNT, "Credentials": {"Kind": "default", "Role": {"Arn": "x"}}}),
            "Credentials.Role.Arn must be",
        ),
        (json!({}), "Provider is required"),
    ] {
        let rejected = stack.create(properties).await;
        assert!(rejected.status == "FAILED" && rejected.reason.contains(reason), "{reason}: {rejected:?}");
    }
}

#[tokio::test]
async fn each_request_with_a_response_url_gets_a_valid_response() {
    let api = Api::new();
    api.memory.contents().faults.fail_all("x".repeat(10_000));
    let broken = json!({"ResponseURL": "https://answers.example/1", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l",
        "RequestType": 7, "ResourceProperties": "none"});
    let service = Service::new(api.memory.clone(), Settings::default());
    let request = ResourceRequest::parse(&broken).unwrap();
    let response = handle_resource(&service, &request).await;
    assert_eq!(
        (response.status, response.request_id.as_str(), response.physical_resource_id.as_str()),
        ("FAILED", "r", "not-created:r")
    );
    let down = Stack::new(&api, "arn:stack").create(provider(ACCOUNT)).await;
    assert!(down.status == "FAILED" && serde_json::to_string(&down).unwrap().len() < 4096);
    assert!(ResourceRequest::parse(&json!({"requestContext": {}})).is_none());
}

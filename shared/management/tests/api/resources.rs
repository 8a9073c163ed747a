//! Resources of CloudFormation: made, changed, replaced, deleted; rolled back without harm.

use management::host::{Answer, ResourceRequest, carry_out};
use management::{Service, Settings};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

/// Another account.
const OTHER: &str = "210987654321";

async fn send(api: &Api, kind: &str, request: &str, physical_id: Option<&str>, properties: Value) -> Answer {
    send_with(api, kind, request, physical_id, properties, json!({})).await
}

/// An update from what was in the template before.
async fn update(api: &Api, request: &str, physical_id: &str, before: Value, after: Value) -> Answer {
    send_with(api, "Update", request, Some(physical_id), after, before).await
}

async fn send_with(
    api: &Api,
    kind: &str,
    request: &str,
    physical_id: Option<&str>,
    properties: Value,
    before: Value,
) -> Answer {
    let event = json!({
        "RequestType": kind, "ResponseURL": "https://answers.example/1?signature=s", "StackId": "arn:stack", "RequestId": request,
        "ResourceType": if properties.get("Id").is_some() { "Custom::SecurityHubProvider" } else { "Custom::SecurityHubIntegration" },
        "LogicalResourceId": "It", "PhysicalResourceId": physical_id, "ResourceProperties": properties,
        "OldResourceProperties": before,
    });
    let settings = Settings { secret_prefix: "securityhub-exporter/".to_owned() };
    let service = Service::new(api.memory.clone(), settings);
    carry_out(&service, &ResourceRequest::parse(&event).unwrap()).await
}

fn provider(id: &str) -> Value {
    json!({"ServiceToken": "arn:function", "Id": id, "Alias": "production", "ScanSchedule": ""})
}

#[tokio::test]
async fn a_stack_makes_changes_and_deletes_a_provider_and_its_integration() {
    let api = Api::new();
    let made = send(&api, "Create", "r1", None, provider(ACCOUNT)).await;
    assert_eq!((made.status, made.physical_resource_id.as_str()), ("SUCCESS", "provider/123456789012"), "{made:?}");
    let role = json!({"Kind": "default", "Role": {"Arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let settings = json!({"Provider": ACCOUNT, "OnlyFailed": "false", "Regions": ["eu-west-1"], "Credentials": role});
    let made = send(&api, "Create", "r2", None, settings.clone()).await;
    assert_eq!((made.status, made.physical_resource_id.as_str()), ("SUCCESS", "integration/123456789012"), "{made:?}");
    assert!(made.data["ExternalId"].as_str().unwrap().len() >= 32, "a template can give it to the role: {made:?}");

    let changed = json!({"Provider": ACCOUNT, "ArchiveLimitPercent": "20"});
    let changed = update(&api, "r3", "integration/123456789012", settings, changed).await;
    assert_eq!((changed.status, &changed.physical_resource_id), ("SUCCESS", &made.physical_resource_id), "{changed:?}");
    let (path, _) = api.integration().await;
    let body = api.get(&path).await.body;
    assert_eq!(
        (&body["archive_limit_percent"], &body["only_failed"]),
        (&json!(20), &json!(true)),
        "what is left out is back at its default"
    );
    assert_eq!((&body["regions"], &body["credentials"]), (&json!(null), &json!({"kind": "provider"})));
    assert_eq!(body["updated_by"], "cloudformation:arn:stack");

    for (request, id) in [("r4", "integration/123456789012"), ("r5", "provider/123456789012")] {
        let properties = if id.starts_with("p") { provider(ACCOUNT) } else { json!({"Provider": ACCOUNT}) };
        let deleted = send(&api, "Delete", request, Some(id), properties.clone()).await;
        assert_eq!(deleted.status, "SUCCESS", "{deleted:?}");
        let again = send(&api, "Delete", request, Some(id), properties).await;
        assert_eq!(again.status, "SUCCESS", "what is gone is deleted: {again:?}");
    }
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn an_update_leaves_what_operators_changed_since_and_their_access_key() {
    let api = Api::new();
    send(&api, "Create", "r1", None, provider(ACCOUNT)).await;
    let settings = json!({"Provider": ACCOUNT, "OnlyFailed": "true"});
    let made = send(&api, "Create", "r2", None, settings.clone()).await;
    let (path, etag) = api.integration().await;
    let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "theirs"});
    let given = api.put(&format!("{path}/credentials"), &etag, &key).await;
    assert_eq!(given.status, 200, "{:?}", given.body);
    let off = api.send("POST", &format!("{path}/disable"), &[], "").await;
    assert_eq!(off.status, 200, "{:?}", off.body);

    let wanted = json!({"Provider": ACCOUNT, "OnlyFailed": "true", "SeverityMin": "HIGH"});
    let changed = update(&api, "r3", &made.physical_resource_id, settings, wanted).await;
    assert_eq!(changed.status, "SUCCESS", "{changed:?}");
    let body = api.get(&path).await.body;
    assert_eq!((&body["severity_min"], &body["enabled"]), (&json!("HIGH"), &json!(false)));
    assert_eq!(body["credentials"]["kind"], "static");
    assert_eq!(api.memory.kept().secrets.len(), 1, "their key is still there");
}

#[tokio::test]
async fn a_creation_that_fails_is_rolled_back_without_harm() {
    let api = Api::with_integration().await;
    for properties in [provider(ACCOUNT), json!({"Provider": ACCOUNT}), json!({"Provider": OTHER})] {
        let failed = send(&api, "Create", "r1", None, properties.clone()).await;
        assert_eq!(failed.status, "FAILED", "{failed:?}");
        let rolled_back = send(&api, "Delete", "r2", Some(&failed.physical_resource_id), properties).await;
        assert_eq!(rolled_back.status, "SUCCESS", "{rolled_back:?}");
    }
    assert_eq!(api.integration().await.0, format!("/integrations/{ACCOUNT}"), "what others made is still there");
}

#[tokio::test]
async fn a_creation_that_lambda_tries_again_makes_one() {
    let api = Api::new();
    let first = send(&api, "Create", "r1", None, provider(ACCOUNT)).await;
    let second = send(&api, "Create", "r1", None, provider(ACCOUNT)).await;
    assert_eq!(first, second);
    assert_eq!(api.actions(), ["provider.create"]);
}

#[tokio::test]
async fn another_provider_is_another_resource_and_the_one_before_is_deleted_after_it() {
    let api = Api::new();
    for (number, id) in [ACCOUNT, OTHER].into_iter().enumerate() {
        send(&api, "Create", &format!("p{number}"), None, provider(id)).await;
    }
    let before = send(&api, "Create", "r1", None, json!({"Provider": ACCOUNT})).await;
    let after = send(&api, "Update", "r2", Some(&before.physical_resource_id), json!({"Provider": OTHER})).await;
    assert_eq!(
        (after.status, after.physical_resource_id.as_str()),
        ("SUCCESS", "integration/210987654321"),
        "{after:?}"
    );
    send(&api, "Delete", "r3", Some(&before.physical_resource_id), json!({"Provider": ACCOUNT})).await;
    let kept = api.memory.kept();
    assert_eq!(kept.integrations.keys().collect::<Vec<_>>(), [OTHER]);
}

#[tokio::test]
async fn an_update_that_fails_leaves_everything_as_it_was() {
    let api = Api::new();
    send(&api, "Create", "r1", None, provider(ACCOUNT)).await;
    let made = send(&api, "Create", "r2", None, json!({"Provider": ACCOUNT})).await;
    let wrong = json!({"Provider": ACCOUNT, "ArchiveLimitPercent": "many", "OnlyFailed": "false"});
    let failed = send(&api, "Update", "r3", Some(&made.physical_resource_id), wrong).await;
    assert_eq!((failed.status, &failed.physical_resource_id), ("FAILED", &made.physical_resource_id));
    assert_eq!(failed.reason, "ArchiveLimitPercent must be i64");
    let (path, _) = api.integration().await;
    assert_eq!(api.get(&path).await.body["only_failed"], true);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_the_names_of_the_template_and_holds_no_secret() {
    let api = Api::with_provider().await;
    let key = json!({"Kind": "static", "AccessKeyId": "AKIA0123456789ABCDEF", "SecretAccessKey": "planted-secret"});
    let refused = send(&api, "Create", "r1", None, json!({"Provider": ACCOUNT, "Credentials": key})).await;
    assert!(refused.reason.contains("Credentials must name a Secret"), "{refused:?}");
    assert!(!serde_json::to_string(&refused).unwrap().contains("planted-secret"));
    for (properties, reason) in [
        (json!({"Provider": ACCOUNT, "OnlyFialed": "true"}), "OnlyFialed is no field"),
        (json!({"Provider": "mine", "Format": "pdf"}), "Provider must be an account"),
        (
            json!({"Provider": ACCOUNT, "Credentials": {"Kind": "default", "Role": {"Arn": "x"}}}),
            "Credentials.Role.Arn must be",
        ),
        (json!({}), "Provider is missing"),
    ] {
        let refused = send(&api, "Create", "r2", None, properties).await;
        assert!(refused.status == "FAILED" && refused.reason.contains(reason), "{reason}: {refused:?}");
    }
}

#[tokio::test]
async fn whatever_comes_with_an_address_for_the_answer_gets_one_that_fits() {
    let api = Api::new();
    api.memory.kept().down = Some("x".repeat(10_000));
    let broken = json!({"ResponseURL": "https://answers.example/1", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l",
        "RequestType": 7, "ResourceProperties": "none"});
    let settings = Settings { secret_prefix: String::new() };
    let service = Service::new(api.memory.clone(), settings);
    let request = ResourceRequest::parse(&broken).unwrap();
    let answer = carry_out(&service, &request).await;
    assert_eq!(
        (answer.status, answer.request_id.as_str(), answer.physical_resource_id.as_str()),
        ("FAILED", "r", "never-made:r")
    );
    let down = send(&api, "Create", "r1", None, provider(ACCOUNT)).await;
    assert!(down.status == "FAILED" && serde_json::to_string(&down).unwrap().len() < 4096);
    assert!(ResourceRequest::parse(&json!({"requestContext": {}})).is_none());
}

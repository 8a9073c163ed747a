//! Providers, integrations, and the items that belong to them, in the table and in Secrets Manager.

use aws::{Cloud, ManagementConfig};
use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::Integrations as _;
use exporter::ports::settings_store::{
    AccessKey, Audit as _, AuditEntry, CheckLog as _, CommitError, ExpectedVersion, IdempotencyRecord, LastApplied,
    ManagedBy, Page, RunLog as _, Secrets as _, SettingsStore as _, Stored, Write,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::wire::{Reply, Request, Wire};
use crate::{ACCOUNT, cloud};

const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn id() -> ProviderId {
    ACCOUNT.parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T09:00:00.123Z".parse().unwrap()
}

fn entry() -> AuditEntry {
    AuditEntry {
        id: "01936f2e".to_owned(),
        at: now(),
        by: "ada".to_owned(),
        action: "integration.create".to_owned(),
        target: ACCOUNT.to_owned(),
        reason: None,
        changes: [].into(),
    }
}

fn last_applied() -> LastApplied {
    let managed_by = ManagedBy { stack: "arn:stack".to_owned(), resource: "It".to_owned() };
    LastApplied {
        managed_by,
        properties: json!({"provider": ACCOUNT, "archive_limit_percent": 20, "regions": ["eu-west-1"]}),
    }
}

fn writes() -> Vec<Write> {
    let stored = Stored { last_applied: Some(last_applied()), ..Stored::new(Integration::new(id()), now(), "ada") };
    let after = stored.changed(stored.value.clone().with(|settings| settings.enabled = false), now(), "ada");
    let idempotency_record =
        IdempotencyRecord { key: "k".to_owned(), fingerprint: "f".to_owned(), made: id(), until: now() };
    vec![
        Write::RequireProvider(id()),
        Write::PutIntegration(stored.clone(), ExpectedVersion::Nothing),
        Write::PutIntegration(after, ExpectedVersion::This(stored.revision())),
        Write::PutProvider(Stored::new(Provider::new(id()), now(), "ada"), ExpectedVersion::Nothing),
        Write::DeleteIntegration(id(), stored.revision()),
        Write::DeleteProvider(id(), stored.revision()),
        Write::RequireNoIntegration(id()),
        Write::DeleteConnection(ACCOUNT.parse().unwrap()),
        Write::SaveIdempotencyRecord(idempotency_record),
    ]
}

/// The writes of a change, as DynamoDB receives them.
async fn written() -> Vec<Value> {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    cloud(&wire.url).await.commit(&writes(), &entry()).await.unwrap();
    let request = &wire.requests()[0];
    assert_eq!(request.header("x-amz-target"), Some("DynamoDB_20120810.TransactWriteItems"));
    request.json()["TransactItems"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_change_is_one_transaction_with_its_audit_log_entry() {
    let items = written().await;
    let condition = |index: usize, kind: &str| items[index][kind]["ConditionExpression"].clone();
    assert_eq!(condition(0, "ConditionCheck"), "attribute_exists(pk)");
    assert_eq!(condition(1, "Put"), "attribute_not_exists(pk)");
    assert_eq!(condition(2, "Put"), "version = :version AND created_at = :created");
    let values = &items[2]["Put"]["ExpressionAttributeValues"];
    assert_eq!((&values[":version"]["N"], &values[":created"]["S"]), (&json!("1"), &json!("2026-11-23T09:00:00.123Z")));
    assert_eq!(items[2]["Put"]["Item"]["version"]["N"], "2");
    let provider = &items[3]["Put"]["Item"];
    assert_eq!((&provider["pk"]["S"], &provider["last_applied"]), (&json!("provider"), &Value::Null));
    assert_eq!(condition(4, "Delete"), "version = :version AND created_at = :created");
    assert_eq!(items[5]["Delete"]["Key"]["pk"]["S"], "provider");
    assert_eq!(condition(6, "ConditionCheck"), "attribute_not_exists(pk)");
    assert_eq!((&items[7]["Delete"]["Key"]["pk"]["S"], condition(7, "Delete")), (&json!("connection"), Value::Null));
    assert_eq!(condition(8, "Put"), "attribute_not_exists(pk) OR expires_at <= :now");
    let trail = &items[9]["Put"]["Item"];
    assert_eq!(
        (&trail["pk"]["S"], &trail["sk"]["S"], &trail["by"]["S"]),
        (&json!("audit"), &json!("01936f2e"), &json!("ada"))
    );
}

#[tokio::test]
async fn stored_resources_are_read_unchanged() {
    let items = written().await;
    let item = items[2]["Put"]["Item"].clone();
    let wire = Wire::serve(move |_, _| Reply::new(200, json!({ "Item": item }).to_string())).await;
    let stored = cloud(&wire.url).await.stored_integration(&id()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.created_at, stored.updated_by.as_str()), (2, now(), "ada"));
    assert!(!stored.value.enabled);
    assert_eq!(stored.last_applied, Some(last_applied()), "changes preserve what the stack last applied");
    assert_eq!(wire.requests()[0].json()["ConsistentRead"], true);

    let item = items[8]["Put"]["Item"].clone();
    let wire = Wire::serve(move |_, _| Reply::new(200, json!({ "Item": item }).to_string())).await;
    let cloud = cloud(&wire.url).await;
    let before: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
    assert_eq!(cloud.idempotency_record("k", before).await.unwrap().unwrap().made, id());
    assert_eq!(cloud.idempotency_record("k", now()).await.unwrap(), None, "the record has expired");
}

#[tokio::test]
async fn a_version_conflict_has_the_index_of_its_write() {
    let cancelled = |codes: [&str; 3]| {
        let reasons: Vec<Value> = codes.iter().map(|code| json!({ "Code": code })).collect();
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        json!({ "__type": kind, "Message": "no", "CancellationReasons": reasons }).to_string()
    };
    let refused = cancelled(["None", "ConditionalCheckFailed", "None"]);
    let wire = Wire::serve(move |_, _| Reply::new(400, refused.clone())).await;
    let error = cloud(&wire.url).await.commit(&writes()[..2], &entry()).await.unwrap_err();
    assert!(matches!(error, CommitError::Conflict { step: 1 }), "{error:?}");

    for transient in ["TransactionConflict", "ThrottlingError"] {
        let busy = cancelled(["None", transient, "None"]);
        let reply = move |number, _: &Request| match number {
            0 | 1 => Reply::new(400, busy.clone()),
            _ => Reply::new(200, "{}"),
        };
        let wire = Wire::serve(reply).await;
        cloud(&wire.url).await.commit(&writes()[..2], &entry()).await.unwrap();
        assert_eq!(wire.requests().len(), 3, "{transient} passes");
    }
}

#[tokio::test]
async fn a_list_continues_where_the_previous_page_ended() {
    let item = |sk: &str| {
        json!({"pk": {"S": "audit"}, "sk": {"S": sk}, "entry": {"M": {
        "id": {"S": sk}, "at": {"S": "2026-11-23T09:00:00Z"}, "by": {"S": "ada"}, "action": {"S": "a"}, "target": {"S": "t"}}}})
    };
    let page = json!({"Items": [item("3"), item("2"), item("1")], "LastEvaluatedKey": {"pk": {"S": "audit"}, "sk": {"S": "1"}}});
    let wire = Wire::serve(move |_, _| Reply::new(200, page.to_string())).await;
    let part = cloud(&wire.url).await.audit_log(&Page { limit: 2, after: Some("4".to_owned()) }).await.unwrap();
    assert_eq!(part.entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["3", "2"]);
    assert_eq!(part.next.as_deref(), Some("2"));
    let query = wire.requests()[0].json();
    assert_eq!((&query["ExclusiveStartKey"]["sk"]["S"], &query["ScanIndexForward"]), (&json!("4"), &json!(false)));
}

#[tokio::test]
async fn an_account_without_an_integration_uses_its_organizations() {
    for (member, organizations, found) in [
        (Some(ORGANIZATION), vec![], true),
        (Some("o-zzzzzzzzzz"), vec![ORGANIZATION], false),
        (None, vec![ORGANIZATION], true),
        (None, vec![ORGANIZATION, "o-b1b2c3d4e5"], false),
        (None, vec![], false),
    ] {
        let wire = Wire::serve(move |_, request| table(request, member, &organizations)).await;
        let integration = cloud(&wire.url).await.integration(&ACCOUNT.parse().unwrap()).await.unwrap();
        assert_eq!(integration.is_some(), found, "{member:?}");
        assert!(integration.is_none_or(|integration| integration.provider.as_str() == ORGANIZATION));
    }
}

/// A table in which the organization has an integration and the account has none.
fn table(request: &Request, member: Option<&str>, organizations: &[&str]) -> Reply {
    let body = request.json();
    let key = |name: &str| body["Key"][name]["S"].as_str().unwrap_or_default().to_owned();
    let answer = match (request.header("x-amz-target"), key("pk").as_str(), key("sk").as_str()) {
        (Some("DynamoDB_20120810.Query"), ..) => {
            let items: Vec<Value> = organizations.iter().map(|id| json!({"sk": {"S": id}})).collect();
            json!({ "Items": items })
        }
        (_, "member", _) if member.is_some() => json!({"Item": {"organization": {"S": member}}}),
        (_, "integration", ORGANIZATION) => json!({"Item": {"settings": {"M": {"provider": {"S": ORGANIZATION}}}}}),
        _ => json!({}),
    };
    Reply::new(200, answer.to_string())
}

#[tokio::test]
async fn a_connection_is_listed_for_the_provider_that_was_checked() {
    let connection = json!({"Item": {"connection": {"M": {"account": {"S": ACCOUNT}, "provider": {"S": ORGANIZATION},
        "status": {"S": "connected"}, "checked_at": {"S": "2026-11-23T09:00:00Z"}, "regions": {"M": {}}}}}});
    let wire = Wire::serve(move |_, _| Reply::new(200, connection.to_string())).await;
    let found = cloud(&wire.url).await.connections(&id(), &Page { limit: 5, after: None }).await.unwrap();
    assert_eq!(found.entries.len(), 0, "the account was checked with the organization's integration");
}

async fn with_management(url: &str) -> Cloud {
    let management = ManagementConfig {
        secret_prefix: "exporter/".to_owned(),
        secret_kms_key: Some("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned()),
        check_function: None,
    };
    cloud(url).await.with_management(management)
}

#[tokio::test]
async fn each_key_has_its_own_secret_and_only_managed_ones_are_deleted() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    let cloud = with_management(&wire.url).await;
    let key =
        AccessKey { access_key_id: "AKIA".to_owned(), secret_access_key: "planted".to_owned(), session_token: None };
    let name = cloud.store_key("integration-1", &key).await.unwrap();
    assert!(name.starts_with("exporter/managed/integration-1/"), "{name}");
    let created = wire.requests()[0].json();
    assert_eq!(created["KmsKeyId"], "arn:aws:kms:eu-west-1:123456789012:key/1");
    let value: Value = serde_json::from_str(created["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(value, json!({"access_key_id": "AKIA", "secret_access_key": "planted"}));

    cloud.delete_key("exporter/by-hand").await.unwrap();
    cloud.delete_key("elsewhere/managed/x").await.unwrap();
    assert_eq!(wire.requests().len(), 1, "secrets that the exporter did not create are not deleted");
    cloud.delete_key(&name).await.unwrap();
    let removed = wire.requests()[1].json();
    assert_eq!((&removed["SecretId"], &removed["ForceDeleteWithoutRecovery"]), (&json!(name), &json!(true)));
}

#[tokio::test]
async fn a_secret_that_can_not_be_stored_is_in_no_error() {
    let refusal = r#"{"__type": "AccessDeniedException", "Message": "no"}"#;
    let wire = Wire::serve(move |_, _| Reply::new(400, refusal)).await;
    let key =
        AccessKey { access_key_id: "AKIA".to_owned(), secret_access_key: "planted".to_owned(), session_token: None };
    let error = with_management(&wire.url).await.store_key("integration-1", &key).await.unwrap_err();
    assert!(
        error.to_string().contains("AccessDeniedException") && !format!("{error:?}").contains("planted"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_quarantine_is_read_page_by_page() {
    let lines = ["{\"n\":1}\n", "{\"n\":2}\n", "{\"n\":3}\n"];
    let wire = Wire::serve(move |_, request| {
        let start = request
            .header("range")
            .unwrap()
            .trim_start_matches("bytes=")
            .trim_end_matches('-')
            .parse::<usize>()
            .unwrap();
        match lines.concat().get(start..) {
            Some(rest) if !rest.is_empty() => Reply::new(206, rest.to_owned()),
            _ => Reply::new(416, "<Error><Code>InvalidRange</Code><Message>no</Message></Error>"),
        }
    })
    .await;
    let cloud = cloud(&wire.url).await;
    let first = cloud.quarantined("r", &Page { limit: 2, after: None }).await.unwrap().unwrap();
    assert_eq!((first.entries.len(), first.next.as_deref()), (2, Some("16")));
    let rest = cloud.quarantined("r", &Page { limit: 2, after: first.next }).await.unwrap().unwrap();
    assert_eq!((rest.entries, rest.next), (vec![json!({"n": 3})], None));
    for mark in ["abc", "0", "+8", "08", "3", "25", "99999999999999999999"] {
        let after = Some(mark.to_owned());
        assert_eq!(
            cloud.quarantined("r", &Page { limit: 2, after }).await.unwrap(),
            None,
            "{mark} is not a valid cursor"
        );
    }
}

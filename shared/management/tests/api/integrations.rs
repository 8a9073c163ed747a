//! Integrations.

use exporter::testing::TestClock;
use serde_json::json;

use crate::client::{ACCOUNT, Api, connected, disconnected};

/// Another account.
const OTHER: &str = "210987654321";

#[tokio::test]
async fn creating_tests_the_connection_and_returns_all_settings() {
    let api = Api::with_provider().await;
    let made = api.post("/integrations", &json!({"provider": ACCOUNT})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let body = &made.body;
    for (name, value) in [
        ("provider_alias", json!("production")),
        ("enabled", json!(true)),
        ("only_failed", json!(true)),
        ("archive_previous_findings", json!(false)),
        ("archive_limit_percent", json!(50)),
        ("archive_scope", json!("full")),
        ("absent_scans", json!(2)),
        ("partial_scan_percent", json!(50)),
        ("credentials", json!({"kind": "provider", "since": "2026-11-23T09:00:00Z"})),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert_eq!(
        (&body["test"]["outcome"], &body["test"]["message"]),
        (&json!("passed"), &json!("connected in 2 Regions: eu-west-1, us-east-1"))
    );
    assert_eq!(body["connection"]["status"], "connected");
    assert_eq!(body["connection"]["regions"], json!(["eu-west-1", "us-east-1"]));
    assert_eq!(body["connection"]["last_checked_at"], "2026-11-23T08:00:00Z");
}

#[tokio::test]
async fn an_integration_whose_test_fails_is_created_with_the_reason() {
    let api = Api::with_provider().await;
    api.memory.contents().put_connection_test(ACCOUNT, vec![disconnected(ACCOUNT, ACCOUNT)]);
    let made = api.post("/integrations", &json!({"provider": ACCOUNT})).await;
    assert_eq!((made.status.as_u16(), &made.body["test"]["outcome"]), (201, &json!("failed")));
    let message = made.body["test"]["message"].as_str().unwrap();
    assert_eq!(message, "the role can't be assumed. To fix: hubctl permissions print");
    let (path, _) = api.integration().await;
    assert_eq!(api.get(&path).await.body["connection"]["status"], "disconnected");

    api.memory.contents().connection_tests.clear();
    let not_run = api.post(&format!("{path}/test"), &json!(null)).await;
    assert_eq!((not_run.status.as_u16(), &not_run.body["outcome"]), (200, &json!("not_run")), "{}", not_run.text);
}

#[tokio::test]
async fn an_integration_requires_an_existing_provider() {
    let api = Api::new();
    let rejected = api.post("/integrations", &json!({"provider": ACCOUNT})).await;
    assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec!["provider"]));
    assert!(rejected.text.contains("hubctl provider create"), "{}", rejected.text);
}

#[tokio::test]
async fn settings_change_individually_and_null_resets_one() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let settings = json!({"only_failed": false, "archive_previous_findings": true, "severity_min": "HIGH",
        "regions": ["eu-west-1", "us-east-1"], "fallback_region": "us-east-1", "archive_limit_percent": 10,
        "archive_scope": "observed", "absent_scans": 14, "partial_scan_percent": 0,
        "scan_sources": [{"prefix": "scans/{account_id}/"}, {"prefix": "b/", "uploader_account": "210987654321"}]});
    let changed = api.patch(&path, &etag, &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    for (name, value) in settings.as_object().unwrap() {
        assert_eq!(&changed.body[name], value, "{name}");
    }
    let back = api.patch(&path, &changed.etag(), &json!({"severity_min": null, "archive_limit_percent": null})).await;
    assert_eq!((&back.body["severity_min"], &back.body["archive_limit_percent"]), (&json!(null), &json!(50)));
    assert_eq!(back.body["only_failed"], false, "an omitted setting is unchanged");
    let entry = api.memory.contents().audit_log.last().unwrap().clone();
    let paths: Vec<&str> = entry.changes.keys().map(String::as_str).collect();
    assert_eq!((entry.action.as_str(), paths), ("integration.update", vec!["archive_limit_percent", "severity_min"]));

    let same = api.patch(&path, &back.etag(), &json!({"only_failed": false})).await;
    assert_eq!(
        (same.status.as_u16(), same.etag()),
        (200, back.etag()),
        "a patch that changes nothing doesn't create a version"
    );
}

#[tokio::test]
async fn another_provider_moves_the_integration_to_its_id() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let move_there = json!({"provider": OTHER, "only_failed": false});
    let none = api.patch(&path, &etag, &move_there).await;
    assert_eq!((none.status.as_u16(), none.fields()), (422, vec!["provider"]), "{}", none.text);
    api.post("/providers", &json!({"id": OTHER})).await;
    api.memory.contents().put_connection_test(OTHER, vec![connected(OTHER, OTHER, &["eu-west-1"])]);
    let moved = api.patch(&path, &etag, &move_there).await;
    assert_eq!((moved.status.as_u16(), &moved.body["id"]), (200, &json!(OTHER)), "{}", moved.text);
    assert_eq!(moved.headers["content-location"], format!("/integrations/{OTHER}"));
    assert_eq!(moved.body.get("orphaned_findings"), None, "no finding of the account was exported");
    assert_eq!((&moved.body["only_failed"], &moved.body["test"]["outcome"]), (&json!(false), &json!("passed")));
    assert_eq!(api.get(&path).await.status, 404);
    let contents = api.memory.contents();
    assert!(
        !contents.connections.contains_key(&ACCOUNT.parse().unwrap()),
        "the connection of the previous account is deleted"
    );
}

#[tokio::test]
async fn a_move_reports_orphaned_findings_and_the_command_to_archive_them() {
    let api = Api::with_integration().await;
    api.memory.contents().put_newest_scan(ACCOUNT.parse().unwrap(), "2026-11-23T03:00:00Z".parse().unwrap());
    api.post("/providers", &json!({"id": OTHER})).await;
    let (path, etag) = api.integration().await;
    let moved = api.patch(&path, &etag, &json!({"provider": OTHER})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let left = &moved.body["orphaned_findings"];
    assert_eq!(left["provider"], ACCOUNT);
    assert!(left["message"].as_str().unwrap().contains("stay in Security Hub"), "{left}");
    let remediation = left["remediation"].as_str().unwrap();
    assert!(remediation.contains(&format!("hubctl integration delete {ACCOUNT} --archive")), "{remediation}");
    assert_eq!(
        api.get(&format!("/integrations/{OTHER}")).await.body.get("orphaned_findings"),
        None,
        "only in the response to the move"
    );
}

#[tokio::test]
async fn a_move_to_a_provider_with_an_integration_is_rejected() {
    let api = Api::with_integration().await;
    api.post("/providers", &json!({"id": OTHER})).await;
    api.post("/integrations", &json!({"provider": OTHER})).await;
    let (path, etag) = api.integration().await;
    let rejected = api.patch(&path, &etag, &json!({"provider": OTHER})).await;
    assert_eq!((rejected.status.as_u16(), rejected.problem()), (409, "already-exists"));
    assert_eq!(api.get(&path).await.etag(), etag, "the integration is unchanged");
}

#[tokio::test]
async fn an_integrations_own_role_can_t_move_to_another_account() {
    let api = Api::with_integration().await;
    api.post("/providers", &json!({"id": OTHER})).await;
    let (path, etag) = api.integration().await;
    let role = json!({"kind": "default", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    let changed = api.put(&format!("{path}/credentials"), &etag, &role).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let rejected = api.patch(&path, &changed.etag(), &json!({"provider": OTHER})).await;
    assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec!["credentials.role.arn"]));
}

#[tokio::test]
async fn enabling_with_a_patch_tests_the_connection() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let off = api.patch(&path, &etag, &json!({"enabled": false})).await;
    assert_eq!((off.status.as_u16(), off.body.get("test")), (200, None), "{}", off.text);
    let on = api.patch(&path, &off.etag(), &json!({"enabled": true})).await;
    assert_eq!(on.body["test"]["outcome"], "passed");
}

#[tokio::test]
async fn the_next_scan_is_returned_if_the_provider_has_a_schedule() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    assert!(api.get(&path).await.body["next_scan_at"].is_null());
    api.patch(&format!("/providers/{ACCOUNT}"), "*", &json!({"scan_schedule": "rate(12 hours)"})).await;
    api.memory.contents().put_newest_scan(ACCOUNT.parse().unwrap(), "2026-11-23T03:00:00Z".parse().unwrap());
    let view = api.get(&path).await.body;
    assert_eq!((&view["next_scan_at"], &view["next_scan_overdue"]), (&json!("2026-11-23T21:00:00Z"), &json!(false)));
    assert_eq!(view["scans_expected_since"], "2026-11-23T09:00:00Z", "the schedule was set then");
    let is_overdue = async |at: &str| {
        api.memory.contents().clock = TestClock::Fixed(at.parse().unwrap());
        let view = api.get(&path).await.body;
        let listed = api.get("/attention").await.text.contains("scan_overdue");
        assert_eq!(view["next_scan_overdue"], listed, "{view:#}");
        listed
    };
    assert!(!is_overdue("2026-11-24T02:59:00Z").await, "a scan takes hours");
    assert!(is_overdue("2026-11-24T04:00:00Z").await);
    api.patch(&format!("/providers/{ACCOUNT}"), "*", &json!({"scan_schedule": "cron(0 3 * * ? *)"})).await;
    api.patch(&format!("/providers/{ACCOUNT}"), "*", &json!({"alias": "another setting"})).await;
    assert!(!is_overdue("2026-11-24T12:00:00Z").await, "a scan was due before the schedule was set");
    assert_eq!(api.get(&path).await.body["next_scan_at"], "2026-11-25T03:00:00Z");
    assert!(!is_overdue("2026-11-25T08:59:00Z").await);
    assert!(is_overdue("2026-11-25T09:00:01Z").await, "of a cron expression, too");
}

#[tokio::test]
async fn a_disabled_integration_expects_no_scan_and_earlier_ones_never() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let expected = async |now: &str| {
        api.memory.contents().clock = TestClock::Fixed(now.parse().unwrap());
        let view = api.get(&path).await.body;
        let listed = api.get("/attention").await.text.contains("scan_overdue");
        assert_eq!(view["next_scan_overdue"], listed, "{view:#}");
        (view["next_scan_at"].as_str().map(str::to_owned), listed)
    };
    api.patch(&format!("/providers/{ACCOUNT}"), "*", &json!({"scan_schedule": "cron(0 3 * * ? *)"})).await;
    assert_eq!(expected("2026-11-25T12:00:00Z").await, (Some("2026-11-25T03:00:00Z".to_owned()), true));
    api.post(&format!("{path}/disable"), &json!(null)).await;
    assert_eq!(expected("2026-11-26T12:00:00Z").await, (None, false));
    api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(expected("2026-11-26T12:00:00Z").await, (Some("2026-11-27T03:00:00Z".to_owned()), false));
    assert_eq!(expected("2026-11-27T09:00:01Z").await, (Some("2026-11-27T03:00:00Z".to_owned()), true));
}

#[tokio::test]
async fn credentials_are_in_use_since_they_were_set() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let at = |now: &str| api.memory.contents().clock = TestClock::Fixed(now.parse().unwrap());
    let since = || async { api.get(&path).await.body["credentials"]["since"].clone() };
    let provider_since =
        || async { api.get(&format!("/providers/{ACCOUNT}")).await.body["credentials"]["since"].clone() };
    assert_eq!((since().await, provider_since().await), (json!("2026-11-23T09:00:00Z"), json!("2026-11-23T09:00:00Z")));
    at("2026-11-24T09:00:00Z");
    api.patch(&path, "*", &json!({"only_failed": false})).await;
    api.patch(&format!("/providers/{ACCOUNT}"), "*", &json!({"alias": "other"})).await;
    assert_eq!((since().await, provider_since().await), (json!("2026-11-23T09:00:00Z"), json!("2026-11-23T09:00:00Z")));
    let role = json!({"kind": "default", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}});
    api.put(&format!("{path}/credentials"), "*", &role).await;
    assert_eq!(since().await, json!("2026-11-24T09:00:00Z"));
    at("2026-11-25T09:00:00Z");
    api.put(&format!("{path}/credentials"), "*", &role).await;
    assert_eq!(since().await, json!("2026-11-24T09:00:00Z"), "they are the same");
    api.put(&format!("/providers/{ACCOUNT}/credentials"), "*", &role).await;
    assert_eq!(provider_since().await, json!("2026-11-25T09:00:00Z"));
    api.put(&format!("{path}/credentials"), "*", &json!({"kind": "provider"})).await;
    assert_eq!(since().await, json!("2026-11-25T09:00:00Z"));
}

#[tokio::test]
async fn the_time_of_enabling_is_stored() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let since = || api.memory.contents().integrations[ACCOUNT].value.enabled_since.map(|since| since.to_string());
    let at = |now: &str| api.memory.contents().clock = TestClock::Fixed(now.parse().unwrap());
    assert_eq!(since().as_deref(), Some("2026-11-23T09:00:00Z"), "created");
    at("2026-11-24T09:00:00Z");
    let etag = api.get(&path).await.etag();
    let changed = api.patch(&path, &etag, &json!({"only_failed": false})).await;
    assert_eq!(since().as_deref(), Some("2026-11-23T09:00:00Z"), "another setting: {}", changed.text);
    api.post(&format!("{path}/disable"), &json!(null)).await;
    assert_eq!(since(), None);
    at("2026-11-27T09:00:00Z");
    api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(since().as_deref(), Some("2026-11-27T09:00:00Z"));
    at("2026-11-28T09:00:00Z");
    api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(since().as_deref(), Some("2026-11-27T09:00:00Z"), "it was enabled already");
}

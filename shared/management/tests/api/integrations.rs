//! Integrations.

use exporter::jobs::Job;
use exporter::model::upload::UploadInfo;
use exporter::report::{AccountReport, Counts, Fate, RunKind, RunReport, RunStatus, undelivered};
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
async fn enabling_replays_uploads_received_while_disabled() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let off = api.post(&format!("{path}/disable"), &json!(null)).await;
    assert_eq!((off.status.as_u16(), &off.body["enabled"]), (200, &json!(false)), "{}", off.text);
    *api.memory.contents().runs = vec![
        run("run-1", "sent before", 0, RunStatus::Succeeded),
        run("run-2", "monday", 3, RunStatus::Degraded),
        run("run-3", "tuesday", 3, RunStatus::Degraded),
        run("run-4", "monday", 0, RunStatus::Duplicate),
        run("run-5", "tuesday", 3, RunStatus::Degraded),
    ];
    // Monday's scan was uploaded first, but Tuesday's upload has the older scan.
    for (run, scanned_at) in [(1, "2026-11-23T06:00:00Z"), (2, "2026-11-22T06:00:00Z"), (4, "2026-11-22T06:00:00Z")] {
        api.memory.contents().runs[run].scanned_at = Some(scanned_at.parse().unwrap());
    }
    let waiting = api.get(&path).await.body["pending_uploads"].clone();
    assert_eq!(waiting, json!({"runs": 2, "replayed": 0, "more": false}), "while it is disabled");
    let on = api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(on.body["pending_uploads"], json!({"runs": 2, "replayed": 0, "more": false}), "{}", on.text);
    assert_eq!((&on.body["enabled"], &on.body["test"]["outcome"]), (&json!(true), &json!("passed")));
    assert_eq!(api.memory.contents().submitted_jobs(), []);

    let replayed = api.post(&format!("{path}/enable?replay=true"), &json!(null)).await;
    assert_eq!(replayed.body["pending_uploads"]["replayed"], 2, "{}", replayed.text);
    assert_eq!(replayed.body["pending_uploads"]["job_id"], api.memory.contents().jobs[0].id);
    assert_eq!(
        api.memory.contents().submitted_jobs(),
        [Job::Replay { run_id: "run-5".to_owned(), next_run_ids: vec!["run-2".to_owned()] }],
        "the newest run of each upload, in the order of the scans"
    );

    api.memory.contents().runs.push(run("run-6", "monday", 0, RunStatus::Succeeded));
    let again = api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(again.body["pending_uploads"]["runs"], 1, "an upload that was exported is no longer pending");
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
    assert_eq!((&view["next_scan_at"], &view["next_scan_overdue"]), (&json!("2026-11-23T15:00:00Z"), &json!(false)));
    api.memory.contents().clock = TestClock::Fixed("2026-11-23T15:00:01Z".parse().unwrap());
    assert_eq!(api.get(&path).await.body["next_scan_overdue"], true);
}

/// A run with findings that were not sent because the integration was disabled.
fn run(run_id: &str, upload: &str, disabled: u64, status: RunStatus) -> RunReport {
    let upload = UploadInfo {
        source: format!("s3://scans/{upload}"),
        etag: "e".to_owned(),
        bytes: 1,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new(run_id.to_owned(), upload, "2026-11-20T00:00:00Z".parse().unwrap());
    let mut counts = Counts::default();
    if disabled > 0 {
        counts.add(Fate::Undelivered(undelivered::INTEGRATION_DISABLED.to_owned()), disabled);
    }
    run.status = status;
    run.counts = counts.clone();
    let integration = ACCOUNT.parse().ok();
    run.accounts.insert(ACCOUNT.parse().unwrap(), AccountReport { integration, counts, ..AccountReport::default() });
    run
}

#[tokio::test]
async fn the_last_export_is_the_newest_one_that_has_ended() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    assert_eq!(api.get(&path).await.body.get("last_run"), None);
    let mut second = run("run-2", "tuesday", 0, RunStatus::Degraded);
    let account = ACCOUNT.parse().unwrap();
    let counts = &mut second.accounts.get_mut(&account).unwrap().counts;
    counts.add(Fate::Sent, 7);
    counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
    counts.archived = 4;
    let mut undone = run("run-4", "", 0, RunStatus::Succeeded);
    undone.kind = RunKind::UndoArchive;
    *api.memory.contents().runs = vec![
        // Recorded in another order than begun, as by a retry of the queue.
        second,
        run("run-1", "monday", 0, RunStatus::Succeeded),
        run("run-3", "wednesday", 0, RunStatus::Running),
        undone,
    ];
    let expected = json!({
        "id": "run-2", "at": "2026-11-20T00:00:00Z", "status": "degraded", "sent": 7, "archived": 4, "errors": 2, "pending": 0,
    });
    assert_eq!(api.get(&path).await.body["last_run"], expected);
    assert_eq!(api.get("/integrations").await.body["items"][0]["last_run"], expected);
}

#[tokio::test]
async fn uploads_that_wait_are_those_of_accounts_without_an_integration() {
    let api = Api::with_integration().await;
    let organization = "o-a1b2c3d4e5";
    let role = json!({"arn": "arn:aws:iam::*:role/Exporter"});
    let provider = json!({"id": organization, "credentials": {"kind": "default", "role": role}});
    let made = api.post("/providers", &provider).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = api.post("/integrations", &json!({"provider": organization, "enabled": false})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("/integrations/{organization}");
    let waits = |id: &str, upload: &str, account: &str| {
        let mut run = run(id, upload, 3, RunStatus::Degraded);
        let mut report = run.accounts.remove(&ACCOUNT.parse().unwrap()).unwrap();
        report.integration = organization.parse().ok();
        run.accounts.insert(account.parse().unwrap(), report);
        run
    };
    *api.memory.contents().runs =
        vec![waits("run-1", "monday", OTHER), waits("run-2", "tuesday", OTHER), waits("run-3", "wednesday", ACCOUNT)];
    let pending = || async { api.get(&path).await.body.get("pending_uploads").cloned() };
    let expected = |runs: u64| Some(json!({"runs": runs, "replayed": 0, "more": false}));
    assert_eq!(pending().await, expected(2), "the third account has its own integration since");
    let mut sent = waits("run-4", "monday", OTHER);
    sent.accounts.values_mut().for_each(|report| report.counts = Counts::default());
    api.memory.contents().runs.push(sent);
    assert_eq!(pending().await, expected(1), "the newest run of an upload counts");
    api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(pending().await, None, "it is enabled");
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

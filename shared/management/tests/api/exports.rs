//! The last export and the pending uploads of an integration.

use exporter::jobs::Job;
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::model::upload::UploadInfo;
use exporter::ports::settings_store::Stored;
use exporter::report::{AccountReport, Counts, Fate, RunKind, RunReport, RunStatus, undelivered};
use serde_json::json;

use crate::client::{ACCOUNT, Api};

/// Another account.
const OTHER: &str = "210987654321";
const ORGANIZATION: &str = "o-a1b2c3d4e5";

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

/// A run with findings of these accounts that were not sent because the organization's integration was disabled.
fn waits_for(id: &str, upload: &str, accounts: impl IntoIterator<Item = String>) -> RunReport {
    let mut run = run(id, upload, 3, RunStatus::Degraded);
    let mut report = run.accounts.remove(&ACCOUNT.parse().unwrap()).unwrap();
    report.integration = ORGANIZATION.parse().ok();
    run.accounts.extend(accounts.into_iter().map(|account| (account.parse().unwrap(), report.clone())));
    run
}

/// Adds the provider of an organization and its integration, which is disabled.
async fn add_disabled_organization(api: &Api) -> String {
    let role = json!({"arn": "arn:aws:iam::*:role/Exporter"});
    let provider = json!({"id": ORGANIZATION, "credentials": {"kind": "default", "role": role}});
    let made = api.post("/providers", &provider).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = api.post("/integrations", &json!({"provider": ORGANIZATION, "enabled": false})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    format!("/integrations/{ORGANIZATION}")
}

#[tokio::test]
async fn accounts_that_an_entry_does_not_name_are_read_from_the_report() {
    let api = Api::with_integration().await;
    let path = add_disabled_organization(&api).await;
    // An entry names 20 accounts, here those with their own integrations.
    let accounts: Vec<String> = (1..=30).map(|number| format!("{number:012}")).collect();
    let add = |account: &str| {
        let own = Integration::new(account.parse::<ProviderId>().unwrap());
        let stored = Stored::new(own, "2026-11-01T00:00:00Z".parse().unwrap(), "me");
        api.memory.contents().integrations.insert(account.to_owned(), stored);
    };
    accounts.iter().take(29).for_each(|account| add(account));
    let accounts = || accounts.iter().cloned();
    *api.memory.contents().runs =
        vec![waits_for("run-1", "monday", accounts()), waits_for("run-2", "tuesday", accounts().take(29))];
    let expected = |replayed: u64| json!({"runs": 1, "replayed": replayed, "more": false});
    assert_eq!(api.get(&path).await.body["pending_uploads"], expected(0), "one account has no own integration");
    let mut replayed = api.post(&format!("{path}/enable?replay=true"), &json!(null)).await.body;
    replayed["pending_uploads"].as_object_mut().unwrap().remove("job_id");
    assert_eq!(replayed["pending_uploads"], expected(1));
    let run_id = "run-1".to_owned();
    assert_eq!(api.memory.contents().submitted_jobs(), [Job::Replay { run_id, next_run_ids: Vec::new() }]);
    add("000000000030");
    let on = api.post(&format!("{path}/enable"), &json!(null)).await.body;
    assert_eq!(on["pending_uploads"]["runs"], 0, "all accounts have their own integrations");
}

#[tokio::test]
async fn an_account_with_a_new_integration_replays_uploads_of_its_organization() {
    let api = Api::with_integration().await;
    add_disabled_organization(&api).await;
    let (path, _) = api.integration().await;
    let others = (1..=30).map(|number| format!("{number:012}"));
    *api.memory.contents().runs = vec![
        waits_for("run-1", "monday", [ACCOUNT.to_owned()]),
        waits_for("run-2", "tuesday", [OTHER.to_owned()]),
        // The entry does not name the last account, which is this one.
        waits_for("run-3", "wednesday", others.chain([ACCOUNT.to_owned()])),
        run("run-4", "thursday", 3, RunStatus::Degraded),
    ];
    let enabled = api.post(&format!("{path}/enable?replay=true"), &json!(null)).await;
    assert_eq!(enabled.body["pending_uploads"]["replayed"], 3, "{}", enabled.text);
    let next_run_ids = vec!["run-3".to_owned(), "run-4".to_owned()];
    assert_eq!(api.memory.contents().submitted_jobs(), [Job::Replay { run_id: "run-1".to_owned(), next_run_ids }]);
    // An upload that was exported for the account since is not pending.
    api.memory.contents().runs.push(run("run-5", "monday", 0, RunStatus::Succeeded));
    let again = api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!(again.body["pending_uploads"]["runs"], 2, "{}", again.text);
}

#[tokio::test]
async fn uploads_that_wait_are_those_of_accounts_without_an_integration() {
    let api = Api::with_integration().await;
    let path = add_disabled_organization(&api).await;
    let waits = |id: &str, upload: &str, account: &str| waits_for(id, upload, [account.to_owned()]);
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

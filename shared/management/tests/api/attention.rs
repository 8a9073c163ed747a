//! The attention list, and the filters of lists.

use exporter::connection::RegionStatus;
use exporter::jobs::{Job, JobRecord, JobState};
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::model::upload::UploadInfo;
use exporter::ports::settings_store::Stored;
use exporter::report::{AccountReport, ArchiveSkipped, RunReport, RunStatus};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, connected, disconnected};

fn run(run_id: &str, at: &str, account: &str, report: AccountReport) -> RunReport {
    let upload = UploadInfo {
        source: format!("s3://scans/{run_id}.json"),
        etag: String::new(),
        bytes: 1,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new(run_id.to_owned(), upload, at.parse().unwrap());
    run.status = RunStatus::Degraded;
    run.accounts.insert(account.parse().unwrap(), report);
    run
}

fn pending(findings: u64) -> AccountReport {
    let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: findings, active: 120 });
    AccountReport { archive, ..AccountReport::default() }
}

/// An account with findings that were not sent because this integration was disabled.
fn disabled(integration: &str) -> AccountReport {
    let mut report = AccountReport { integration: integration.parse().ok(), ..AccountReport::default() };
    report.counts.undelivered.insert("integration_disabled".to_owned(), 9);
    report
}

/// An organization whose integration exports the accounts without their own integration.
const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn add_organization(api: &Api) {
    let integration = Integration::new(ORGANIZATION.parse::<ProviderId>().unwrap());
    let stored = Stored::new(integration, "2026-11-01T00:00:00Z".parse().unwrap(), "me");
    api.memory.contents().integrations.insert(ORGANIZATION.to_owned(), stored);
}

fn kinds(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn nothing_needs_attention_without_runs() {
    let api = Api::with_integration().await;
    let list = api.get("/attention").await.body;
    assert_eq!(list, json!({"items": [], "more": 0, "runs_read": 0, "last_run_at": null}));
}

#[tokio::test]
async fn each_kind_is_listed_once_and_the_most_urgent_first() {
    let api = Api::with_integration().await;
    add_organization(&api);
    let mut connection = connected(ACCOUNT, ACCOUNT, &["eu-west-1", "us-east-1"]);
    let lost = connection.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap();
    lost.status = RegionStatus::AccessDenied;
    lost.unavailable_since = Some("2026-11-22T00:00:00Z".parse().unwrap());
    let mut quarantined = run("quarantined", "2026-11-21T00:00:00Z", "210987654321", AccountReport::default());
    quarantined.counts.quarantined.insert("InvalidInput".to_owned(), 2);
    quarantined.quarantine = Some("runs/quarantined/quarantine.jsonl".to_owned());
    let mut newest = pending(80);
    newest.counts.unproven = 3;
    newest.counts.undelivered.insert("throttled".to_owned(), 5);
    let disabled = disabled(ORGANIZATION);
    let mut job = JobRecord::new(
        "job".to_owned(),
        Job::UndoArchive { run_id: "x".to_owned() },
        "2026-11-20T00:00:00Z".parse().unwrap(),
        "me",
    );
    job.state = JobState::Failed;
    api.memory.contents().connections.insert(connection.account, connection);
    *api.memory.contents().runs = vec![
        run("older", "2026-11-20T00:00:00Z", ACCOUNT, pending(7)),
        quarantined,
        run("disabled", "2026-11-21T12:00:00Z", "333333333333", disabled),
        run("newest", "2026-11-22T00:00:00Z", ACCOUNT, newest),
    ];
    api.memory.contents().jobs.push(job);
    let list = api.get("/attention").await.body;
    assert_eq!(
        kinds(&list),
        [
            "archive_requires_approval",
            "region_unavailable",
            "undelivered",
            "job_failed",
            "coverage_lost",
            "quarantine",
            "pending_uploads"
        ],
        "an older run of the account doesn't count: {list:#}"
    );
    let items = list["items"].as_array().unwrap();
    assert_eq!(
        (&items[0]["run_id"], &items[0]["count"], &items[0]["total"]),
        (&json!("newest"), &json!(80), &json!(120))
    );
    assert_eq!((&items[1]["region"], &items[1]["alias"]), (&json!("us-east-1"), &json!("production")));
    assert_eq!(items[3]["remediation"], "hubctl job retry job");
    assert_eq!(
        items[6]["remediation"], "hubctl integration enable o-a1b2c3d4e5 --replay",
        "the account has no integration of its own"
    );
    assert_eq!((&list["runs_read"], &list["last_run_at"]), (&json!(4), &json!("2026-11-22T00:00:00Z")));
}

#[tokio::test]
async fn disconnected_accounts_are_listed_unless_the_integration_is_disabled() {
    let api = Api::with_integration().await;
    let connection = disconnected(ACCOUNT, ACCOUNT);
    api.memory.contents().connections.insert(connection.account, connection);
    let list = api.get("/attention").await.body;
    assert_eq!(kinds(&list), ["disconnected"]);
    assert_eq!(list["items"][0]["message"], "the role can't be assumed");
    let (_, etag) = api.integration().await;
    assert_eq!(api.patch(&format!("/integrations/{ACCOUNT}"), &etag, &json!({"enabled": false})).await.status, 200);
    assert_eq!(kinds(&api.get("/attention").await.body), Vec::<&str>::new());
}

#[tokio::test]
async fn uploads_of_a_disabled_integration_are_one_item_however_old() {
    let api = Api::with_integration().await;
    api.post(&format!("/integrations/{ACCOUNT}/disable"), &json!(null)).await;
    let mut runs = vec![
        run("run-00001", "2026-11-20T00:00:00Z", ACCOUNT, disabled(ACCOUNT)),
        run("run-00002", "2026-11-21T00:00:00Z", ACCOUNT, disabled(ACCOUNT)),
    ];
    // More runs of another account than the list reads.
    runs.extend((3..700).map(|number| {
        run(&format!("run-{number:05}"), "2026-11-22T00:00:00Z", "333333333333", AccountReport::default())
    }));
    *api.memory.contents().runs = runs;
    let list = api.get("/attention").await.body;
    let expected = json!([{
        "kind": "pending_uploads", "integration": ACCOUNT, "alias": "production", "account": ACCOUNT, "run_id": "run-00002",
        "count": 2, "since": "2026-11-20T00:00:00Z",
        "message": "2 uploads were recorded while the integration was disabled, and not exported",
        "remediation": format!("hubctl integration enable {ACCOUNT} --replay"),
    }]);
    assert_eq!((&list["items"], &list["runs_read"]), (&expected, &json!(500)));
    assert_eq!(
        api.get(&format!("/integrations/{ACCOUNT}")).await.body["pending_uploads"]["runs"],
        2,
        "as the integration itself shows"
    );
}

#[tokio::test]
async fn an_upload_that_was_not_replayed_is_listed_until_the_next_export() {
    let api = Api::with_integration().await;
    add_organization(&api);
    *api.memory.contents().runs = vec![
        run("own", "2026-11-21T00:00:00Z", ACCOUNT, disabled(ACCOUNT)),
        run("moved", "2026-11-21T00:00:00Z", "333333333333", disabled("333333333333")),
    ];
    let commands = || async {
        let list = api.get("/attention").await.body;
        assert!(kinds(&list).iter().all(|kind| *kind == "pending_uploads"), "{list:#}");
        let of = |item: &Value| item["remediation"].as_str().unwrap().to_owned();
        let mut commands: Vec<_> = list["items"].as_array().unwrap().iter().map(of).collect();
        commands.sort();
        commands
    };
    let own = format!("hubctl integration enable {ACCOUNT} --replay");
    // The integration of the other account was deleted: enabling the organization's replays the organization's uploads.
    assert_eq!(commands().await, [own, "hubctl run replay moved".to_owned()]);
    let newer = run("newer", "2026-11-22T00:00:00Z", ACCOUNT, AccountReport::default());
    api.memory.contents().runs.push(newer);
    assert_eq!(commands().await, ["hubctl run replay moved"]);
}

#[tokio::test]
async fn nothing_requires_approval_without_an_integration() {
    let api = Api::new();
    let mut report = pending(80);
    report.counts.unproven = 3;
    report.counts.undelivered.insert("throttled".to_owned(), 5);
    *api.memory.contents().runs = vec![run("run", "2026-11-22T00:00:00Z", ACCOUNT, report)];
    assert_eq!(
        kinds(&api.get("/attention").await.body),
        ["undelivered"],
        "that findings were not sent is listed even without an integration"
    );
}

#[tokio::test]
async fn a_region_that_many_accounts_lost_is_listed_once() {
    let api = Api::new();
    add_organization(&api);
    let accounts = ["100000000001", "100000000002", "100000000003"];
    for (account, since) in accounts.into_iter().zip(["2026-11-22T00:00:00Z", "2026-11-21T00:00:00Z", ""]) {
        let mut connection = connected(account, ORGANIZATION, &["eu-west-1", "us-east-1"]);
        if let Ok(since) = since.parse() {
            let region = connection.regions.get_mut(&"us-east-1".parse().unwrap()).unwrap();
            (region.status, region.unavailable_since) = (RegionStatus::AccessDenied, Some(since));
        }
        api.memory.contents().connections.insert(connection.account, connection);
    }
    let list = api.get("/attention").await.body;
    assert_eq!(kinds(&list), ["region_unavailable"], "{list:#}");
    let item = &list["items"][0];
    assert_eq!((&item["region"], &item["count"], &item["total"]), (&json!("us-east-1"), &json!(2), &json!(3)));
    assert_eq!(item["since"], "2026-11-21T00:00:00Z", "the earliest");
    let message = item["message"].as_str().unwrap();
    assert!(message.starts_with("2 of 3 accounts: us-east-1 no longer accepts findings; account 1000"), "{message}");
    assert_eq!(item["remediation"], format!("hubctl integration test {ORGANIZATION}"));
}

#[tokio::test]
async fn at_most_100_entries_are_listed_and_the_rest_is_counted() {
    let api = Api::new();
    add_organization(&api);
    *api.memory.contents().runs = (0..130)
        .map(|number| {
            run(&format!("run-{number:05}"), "2026-11-22T00:00:00Z", &format!("{number:012}"), pending(number))
        })
        .collect();
    let list = api.get("/attention").await.body;
    assert_eq!((kinds(&list).len(), &list["more"]), (100, &json!(30)));
}

#[tokio::test]
async fn a_search_continues_after_its_cursor_and_skips_no_entry() {
    let api = Api::new();
    let status = |number: u64| if number.is_multiple_of(7) { RunStatus::Failed } else { RunStatus::Succeeded };
    *api.memory.contents().runs = (0..1_500)
        .map(|number| RunReport {
            status: status(number),
            ..run(&format!("run-{number:05}"), "2026-11-22T00:00:00Z", ACCOUNT, AccountReport::default())
        })
        .collect();
    let (mut found, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = api.get(&format!("/runs?status=failed&limit=20{after}")).await.body;
        found.extend(page["items"].as_array().unwrap().iter().map(|run| run["run_id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let expected: Vec<String> =
        (0..1_500).rev().filter(|number| number % 7 == 0).map(|number| format!("run-{number:05}")).collect();
    assert_eq!(found, expected);
    assert!(pages < 30, "{pages}");
    let one = api.get("/runs?q=RUN-01442").await.body;
    assert_eq!(one["items"][0]["run_id"], "run-01442");
    let wrong = api.get("/runs?status=green").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("must be one of running, "), "{}", wrong.text);
}

#[tokio::test]
async fn integrations_and_accounts_are_filtered_by_status_state_and_text() {
    let api = Api::with_integration().await;
    let count = async |path: String| api.get(&path).await.body["items"].as_array().unwrap().len();
    for (query, expected) in [
        ("status=connected", 1),
        ("status=disconnected", 0),
        ("state=enabled", 1),
        ("state=deleting", 0),
        ("q=PROD", 1),
        ("q=none", 0),
        ("status=connected&state=enabled&q=production", 1),
    ] {
        assert_eq!(count(format!("/integrations?{query}")).await, expected, "{query}");
    }
    for (query, expected) in [("status=connected", 1), ("status=degraded", 0), ("q=3456", 1), ("q=nothing", 0)] {
        assert_eq!(count(format!("/integrations/{ACCOUNT}/connections?{query}")).await, expected, "{query}");
    }
}

//! Runs and quarantine.

use exporter::export::plan::PlanReport;
use exporter::jobs::{Job, JobReport, JobState};
use exporter::model::integration::{ArchiveScope, Integration};
use exporter::model::upload::UploadInfo;
use exporter::ports::settings_store::Stored;
use exporter::report::{AccountReport, ArchiveSkipped, RunReport, RunStatus};
use serde_json::json;

use crate::client::{ACCOUNT, Api, CALLER};

fn run(run_id: &str, source: &str) -> RunReport {
    let upload =
        UploadInfo { source: source.to_owned(), etag: "e".to_owned(), bytes: 1, modified_at: None, requester: None };
    let mut run = RunReport::new(run_id.to_owned(), upload, "2026-11-20T00:00:00Z".parse().unwrap());
    run.status = RunStatus::Succeeded;
    run
}

/// The API with a run for which every job is accepted, and a run for which every job is rejected.
fn api() -> Api {
    let api = Api::new();
    let mut able = run("able", "s3://scans/a");
    let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
    able.accounts.insert(ACCOUNT.parse().unwrap(), AccountReport { archive, ..AccountReport::default() });
    able.counts.archived = 4;
    able.counts.quarantined.insert("InvalidInput".to_owned(), 2);
    able.counts.malformed = 1;
    able.quarantine = Some("runs/able/quarantine.jsonl".to_owned());
    let mut contents = api.memory.contents();
    *contents.runs = vec![able, run("idle", "scan.json")];
    contents.quarantine.insert("able".to_owned(), vec![json!({"code": "InvalidInput"}), json!({"code": "malformed"})]);
    drop(contents);
    api
}

#[tokio::test]
async fn jobs_about_a_run_are_submitted_and_in_the_audit_log() {
    let api = api();
    for verb in ["replay", "approve", "undo-archive", "redrive"] {
        let submitted = api.post(&format!("/runs/able/{verb}"), &json!(null)).await;
        assert_eq!((submitted.status.as_u16(), &submitted.body["target"]), (202, &json!("able")), "{}", submitted.text);
        assert_eq!(submitted.body["job"], verb.replace('-', "_"));
        let address = submitted.headers["location"].to_str().unwrap().to_owned();
        assert_eq!(api.get(&address).await.body, submitted.body, "{verb}: the URL of the job returns its state");
        let rejected = api.post(&format!("/runs/idle/{verb}"), &json!(null)).await;
        assert_eq!(
            (rejected.status.as_u16(), rejected.problem()),
            (409, "invalid-run-state"),
            "{verb}: {}",
            rejected.text
        );
        let not_found = api.post(&format!("/runs/none/{verb}"), &json!(null)).await;
        assert_eq!((not_found.status.as_u16(), not_found.problem()), (404, "not-found"), "{verb}");
    }
    let run_id = || "able".to_owned();
    assert_eq!(
        api.memory.contents().submitted_jobs(),
        [
            Job::Replay { run_id: run_id(), next_run_ids: Vec::new() },
            Job::Approve { run_id: run_id(), pending: false, unproven: false },
            Job::UndoArchive { run_id: run_id() },
            Job::Redrive { run_id: Some(run_id()), code: None },
        ]
    );
    assert_eq!(api.actions(), ["run.replay", "run.approve", "run.undo_archive", "run.redrive"]);
    assert_eq!(api.get("/audit").await.body["items"][0]["by"], CALLER);
    let jobs = api.get("/jobs?limit=3").await.body;
    let names: Vec<_> = jobs["items"].as_array().unwrap().iter().map(|job| job["job"].clone()).collect();
    assert_eq!(names, ["redrive", "undo_archive", "approve"], "newest first");
    assert_eq!((&jobs["items"][0]["submitted_by"], &jobs["items"][0]["state"]), (&json!(CALLER), &json!("pending")));
    assert!(jobs["next"].is_string());
}

#[tokio::test]
async fn jobs_about_many_runs_or_accounts_are_submitted_as_requested() {
    let api = api();
    for (address, target) in [
        ("/quarantine/redrive?code=InvalidInput".to_owned(), None),
        (format!("/findings/reconcile?account={ACCOUNT}&regions=eu-west-1,us-east-1&dry_run=true"), Some(ACCOUNT)),
        ("/findings/reconcile".to_owned(), None),
    ] {
        let submitted = api.post(&address, &json!(null)).await;
        assert_eq!((submitted.status.as_u16(), submitted.body["target"].as_str()), (202, target), "{}", submitted.text);
    }
    assert_eq!(
        api.memory.contents().submitted_jobs(),
        [
            Job::Redrive { run_id: None, code: Some("InvalidInput".to_owned()) },
            Job::Reconcile {
                provider: Some(ACCOUNT.parse().unwrap()),
                regions: vec!["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()],
                dry_run: true,
            },
            Job::Reconcile { provider: None, regions: Vec::new(), dry_run: false },
        ]
    );
    assert_eq!(api.actions(), ["run.redrive", "findings.reconcile", "findings.reconcile"]);
    for (address, field) in [
        ("/findings/reconcile?regions=eu-west-1,", "regions"),
        ("/findings/reconcile?account=all", "account"),
        ("/findings/reconcile?dry_run=yes", "dry_run"),
        ("/findings/reconcile?acount=123456789012", "acount"),
        ("/quarantine/redrive?code=", "code"),
    ] {
        let rejected = api.post(address, &json!(null)).await;
        assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec![field]), "{address}");
    }
    for not_found in ["/jobs/none", "/jobs/..%2Fprovider", "/jobs/%00"] {
        assert_eq!(api.get(not_found).await.problem(), "not-found", "{not_found}");
    }
}

#[tokio::test]
async fn only_a_failed_job_is_retried_and_only_once() {
    let api = api();
    let message = api.post("/runs/able/replay", &json!(null)).await;
    let address = message.headers["location"].to_str().unwrap().to_owned();
    let retry = format!("{address}/retry");
    let pending = api.post(&retry, &json!(null)).await;
    assert_eq!((pending.status.as_u16(), &pending.body), (202, &message.body), "a pending job is returned unchanged");

    let failed = api.memory.contents().jobs[0].clone();
    let why = Some("its message is in the dead-letter queue".to_owned());
    api.memory.contents().jobs[0] = failed.clone().completed(JobState::Failed, why, failed.submitted_at);
    assert_eq!(api.get(&address).await.body["state"], "failed");
    for time in ["first", "second"] {
        let retried = api.post(&retry, &json!(null)).await;
        assert_eq!((retried.status.as_u16(), &retried.body["state"]), (202, &json!("pending")), "{time}");
        assert_eq!(retried.headers["location"], address.as_str());
        assert_eq!(retried.body["completed_at"], json!(null));
    }
    assert_eq!(api.actions(), ["run.replay", "job.retry"], "the second retry has no effect");

    // The last attempt was aborted a day ago, before it recorded an outcome.
    let now = api.memory.contents().jobs[0].submitted_at;
    let begun = now - jiff::SignedDuration::from_hours(24);
    api.memory.contents().jobs[0].last_attempt_at = Some(begun);
    assert_eq!(api.get("/jobs").await.body["items"][0]["state"], "failed");
    assert_eq!(api.post(&retry, &json!(null)).await.body["state"], "pending");

    api.memory.contents().jobs[0].state = JobState::Succeeded;
    let rejected = api.post(&retry, &json!(null)).await;
    assert_eq!((rejected.status.as_u16(), rejected.problem()), (409, "invalid-job-state"), "{}", rejected.text);
    assert_eq!(api.post("/jobs/none/retry", &json!(null)).await.problem(), "not-found");
}

#[tokio::test]
async fn runs_and_quarantine_are_listed_newest_first() {
    let api = api();
    let ids = |response: &crate::client::ApiResponse| {
        let items = response.body["items"].as_array().unwrap().clone();
        items.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&api.get("/runs").await), ["idle", "able"]);
    assert_eq!(ids(&api.get(&format!("/runs?account={ACCOUNT}")).await), ["able"]);
    assert_eq!(api.get("/runs?account=12").await.fields(), ["account"]);
    let quarantine = api.get("/quarantine").await;
    assert_eq!(ids(&quarantine), ["able"]);
    assert_eq!(quarantine.body["items"][0]["quarantined"], json!({"InvalidInput": 2, "malformed": 1}));
    let entries = api.get("/runs/able/quarantine?limit=1").await;
    assert_eq!(entries.body["items"], json!([{"code": "InvalidInput"}]));
    let rest = api.get(&format!("/runs/able/quarantine?after={}", entries.body["next"].as_str().unwrap())).await;
    assert_eq!((&rest.body["items"], &rest.body["next"]), (&json!([{"code": "malformed"}]), &json!(null)));
    let nowhere = api.get("/runs/able/quarantine?after=abc").await;
    assert_eq!(
        (nowhere.status.as_u16(), nowhere.fields()),
        (422, vec!["after"]),
        "an invalid cursor doesn't silently return the first page"
    );
}

#[tokio::test]
async fn a_run_id_can_t_escape_its_key_prefix() {
    let api = api();
    for id in ["..", "%2e%2e%2fstate", "a%2Fb", "%00", "a.b"] {
        let response = api.get(&format!("/runs/{id}")).await;
        assert_eq!(response.status, 404, "{id}: {}", response.text);
    }
    let long = api.get(&format!("/runs/{}", "x".repeat(5_000))).await;
    assert!(long.text.len() < 500, "the ID is truncated: {}", long.text);
}

/// A run of a scan that was made at this hour, with unproven findings.
fn unproven(run_id: &str, hour: i8) -> RunReport {
    let mut run = run(run_id, "s3://scans/a");
    run.status = RunStatus::Degraded;
    run.scanned_at = Some(format!("2026-11-20T{hour:02}:00:00Z").parse().unwrap());
    let mut account = AccountReport::default();
    account.counts.unproven = 3;
    run.accounts.insert(ACCOUNT.parse().unwrap(), account);
    run
}

#[tokio::test]
async fn an_approval_selects_pending_or_unproven_findings() {
    let api = api();
    api.memory.contents().runs.push(unproven("blind", 1));
    let approve = async |run: &str, body: serde_json::Value| api.post(&format!("/runs/{run}/approve"), &body).await;
    let bare = api.send("POST", "/runs/able/approve", &[], "").await;
    assert_eq!(bare.status, 202, "{}", bare.text);
    for (run, body) in [
        ("able", json!({})),
        ("able", json!({"pending": true})),
        ("able", json!({"pending": true, "unproven": true})),
        ("blind", json!({"unproven": true})),
        ("blind", json!({"pending": false, "unproven": true})),
    ] {
        let submitted = approve(run, body.clone()).await;
        assert_eq!(submitted.status, 202, "{run} {body}: {}", submitted.text);
    }
    let approved = |run_id: &str, pending, unproven| Job::Approve { run_id: run_id.to_owned(), pending, unproven };
    assert_eq!(
        api.memory.contents().submitted_jobs(),
        [
            approved("able", false, false),
            approved("able", false, false),
            approved("able", false, false),
            approved("able", true, true),
            approved("blind", false, true),
            approved("blind", false, true),
        ]
    );
    let rejected = approve("blind", json!({})).await;
    assert_eq!((rejected.status.as_u16(), rejected.problem()), (409, "invalid-run-state"));
    assert!(rejected.text.contains("hubctl run approve blind --unproven"), "{}", rejected.text);
    let rejected = approve("able", json!({"unproven": true})).await;
    assert!(rejected.text.contains("hubctl run approve able\""), "{}", rejected.text);
    for (body, field) in [
        (json!({"pending": false}), "pending"),
        (json!({"unproved": true}), "unproved"),
        (json!({"unproven": "yes"}), "unproven"),
        (json!([]), ""),
    ] {
        let rejected = approve("able", body.clone()).await;
        assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec![field]), "{body}");
    }
    let text = api.send("POST", "/runs/able/approve", &[("content-type", "text/plain")], "yes").await;
    assert_eq!((text.status.as_u16(), text.problem()), (415, "unsupported-media-type"));
}

#[tokio::test]
async fn a_superseded_run_is_not_approved_and_the_newer_one_is_named() {
    let api = api();
    let integrate = |archive_scope| {
        let account: asff::AccountId = ACCOUNT.parse().unwrap();
        let integration = Integration::new(account).with(|settings| settings.archive_scope = archive_scope);
        let stored = Stored::new(integration, "2026-11-20T00:00:00Z".parse().unwrap(), "nobody");
        api.memory.contents().integrations.insert(ACCOUNT.to_owned(), stored);
    };
    integrate(ArchiveScope::Full);
    api.memory.contents().runs.extend([unproven("old", 1), unproven("new", 2)]);
    let approve = async |run: &str| api.post(&format!("/runs/{run}/approve"), &json!({"unproven": true})).await;
    let rejected = approve("old").await;
    assert_eq!((rejected.status.as_u16(), rejected.problem()), (409, "invalid-run-state"), "{}", rejected.text);
    assert_eq!(rejected.body["remediation"], "hubctl run approve new --unproven");
    assert_eq!(approve("new").await.status, 202);
    // With a partial archive scope, the newest scan may cover another part of the account.
    integrate(ArchiveScope::Partial);
    assert_eq!(approve("old").await.status, 202);
}

#[tokio::test]
async fn pending_findings_are_listed_page_by_page() {
    let api = api();
    let finding = |id: &str| {
        json!({"account": ACCOUNT, "finding_id": id, "check_id": "iam_user_mfa", "service": "iam", "region": "us-east-1",
            "severity": "HIGH", "resource_id": "arn", "first_observed_at": "2026-11-01T00:00:00Z", "class": "unproven",
            "reason": "manual_check"})
    };
    api.memory.contents().pending.insert("able".to_owned(), vec![finding("a"), finding("b")]);
    let first = api.get("/runs/able/pending?limit=1").await;
    assert_eq!(first.body["items"], json!([finding("a")]), "{}", first.text);
    let rest = api.get(&format!("/runs/able/pending?after={}", first.body["next"].as_str().unwrap())).await;
    assert_eq!((&rest.body["items"], &rest.body["next"]), (&json!([finding("b")]), &json!(null)));
    assert_eq!(api.get("/runs/able/pending?after=abc").await.fields(), ["after"]);
    assert_eq!(api.get("/runs/idle/pending").await.body["items"], json!([]));
    assert_eq!(api.get("/runs/none/pending").await.status, 404);
}

#[tokio::test]
async fn the_reason_of_a_job_is_in_its_record_and_in_the_audit_log() {
    let api = api();
    for path in ["/runs/able/replay", "/runs/able/approve", "/runs/able/undo-archive", "/runs/able/redrive"]
        .into_iter()
        .chain(["/quarantine/redrive", "/findings/reconcile?dry_run=true"])
    {
        let why = format!("SEC-42, <b>{path}</b>");
        let submitted = api.post(path, &json!({ "reason": why })).await;
        assert_eq!((submitted.status.as_u16(), &submitted.body["reason"]), (202, &json!(why)), "{}", submitted.text);
        let job = api.get(submitted.headers["location"].to_str().unwrap()).await;
        assert_eq!(job.body["reason"], json!(why));
        assert_eq!(api.get("/audit?limit=1").await.body["items"][0]["reason"], json!(why), "{path}");
        for wrong in ["", " ", "two\nlines", "\u{1b}[2J", &"x".repeat(501)] {
            let rejected = api.post(path, &json!({ "reason": wrong })).await;
            assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec!["reason"]), "{path}: {wrong:?}");
        }
        let misspelled = api.post(path, &json!({ "reasons": why })).await;
        assert_eq!((misspelled.status.as_u16(), misspelled.fields()), (422, vec!["reasons"]), "{path}");
    }
    assert_eq!(api.memory.contents().submitted_jobs().len(), 6, "a rejected request submits nothing");
}

#[tokio::test]
async fn plans_and_explanations_are_jobs_that_report_and_change_nothing() {
    let api = api();
    let finding_id = format!("prowler-s3_bucket_acl-{ACCOUNT}-eu-west-1-0123456ab");
    let planned = api.post("/plan", &json!({ "source": "s3://scans/a b" })).await;
    let explained = api.post("/findings/explain", &json!({ "finding_id": finding_id, "live": true })).await;
    for (submitted, job, target) in [(&planned, "plan", "s3://scans/a b"), (&explained, "explain", &finding_id)] {
        assert_eq!((submitted.status.as_u16(), &submitted.body["job"]), (202, &json!(job)), "{}", submitted.text);
        assert_eq!(submitted.body["target"], json!(target));
    }
    assert_eq!(
        api.memory.contents().submitted_jobs(),
        [Job::Plan { source: "s3://scans/a b".to_owned() }, Job::Explain { finding_id, live: true }]
    );
    assert!(api.actions().is_empty(), "nothing is changed");
    for (path, body, field) in [
        ("/plan", json!({ "source": "scan.json" }), "source"),
        ("/plan", json!({ "source": "s3://scans/" }), "source"),
        ("/plan", json!({ "source": format!("s3://scans/{}", "x".repeat(1_100)) }), "source"),
        ("/plan", json!({ "source": "s3://scans/\n" }), "source"),
        ("/plan", json!({}), "source"),
        ("/findings/explain", json!({ "finding_id": "arn:aws:securityhub" }), "finding_id"),
        ("/findings/explain", json!({ "finding_id": "prowler-a", "deep": true }), "deep"),
    ] {
        let rejected = api.post(path, &body).await;
        assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec![field]), "{body}");
    }
    // The report is returned when the job has succeeded, and not earlier.
    let id = planned.body["id"].as_str().unwrap();
    let plan = PlanReport { run: run("x", "s3://scans/a b"), disabled: [].into() };
    let report = JobReport { plan: Some(plan), ..JobReport::default() };
    api.memory.contents().put_job_report(id, &report);
    let path = format!("/jobs/{id}");
    assert_eq!(api.get(&path).await.body["plan"], json!(null));
    api.memory.contents().jobs[0].state = JobState::Succeeded;
    assert_eq!(api.get(&path).await.body["plan"]["run"]["upload"]["source"], "s3://scans/a b");
    assert_eq!(api.get("/jobs").await.body["items"][1]["plan"], json!(null), "lists omit reports");
}

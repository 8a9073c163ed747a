use std::collections::BTreeSet;

use asff::AccountId;
use bytes::Bytes;
use exporter::jobs::{Chain, JobMessage, RETRY_DELAY, Round};
use exporter::model::integration::Integration;
use exporter::model::scan_source::ScanSource;
use exporter::model::upload::UploadInfo;
use exporter::notifications::{Event, EventKind};
use exporter::report::{AccountReport, RunReport, RunStatus, Uncovered};
use exporter::testing::{AccountLock, Fault, InMemory, Operation, StoredUpload, UploadLock};
use jiff::Timestamp;
use lambda_runtime::Context;
use serde_json::json;

use super::*;

/// A real scan of [`ACCOUNT`] with one finding.
const SCAN: &str = include_str!("../../../../tests/scans/5.46.0-one-finding.ocsf.json");
const ACCOUNT: &str = "123456789012";
/// An account to which the connection fails, and an account that another run has locked.
const UNCONNECTED: &str = "200000000000";
const LOCKED: &str = "300000000000";

/// In-memory AWS with uploads whose names indicate their outcome. The runs are earlier runs, also of uploads that don't exist.
fn aws() -> Arc<InMemory> {
    let memory = InMemory::default();
    let contents = &mut *memory.contents();
    for (name, account) in [
        ("scan", ACCOUNT),
        ("a", ACCOUNT),
        ("denied", ACCOUNT),
        ("locked", ACCOUNT),
        ("twice", ACCOUNT),
        ("unconnected", UNCONNECTED),
        ("busy", LOCKED),
    ] {
        let bytes = Bytes::from(SCAN.replace(ACCOUNT, account));
        contents.uploads.insert(format!("{name}.json"), StoredUpload { etag: "e".to_owned(), bytes });
        contents.put_integration(Integration::new(account_id(account)).with(|settings| settings.only_failed = false));
    }
    let page = StoredUpload { etag: "e".to_owned(), bytes: Bytes::from_static(b"<!DOCTYPE html><html></html>") };
    contents.uploads.insert("page.json".to_owned(), page);
    for run_id in ["scan", "unconnected", "gone", "second"] {
        let report = RunReport::new(run_id.to_owned(), upload_info(run_id), Timestamp::now());
        contents.put_object(format!("runs/{run_id}/report.json"), serde_json::to_vec(&report).unwrap());
    }
    for key in ["100000000001/eu-west-1", "100000000001/us-east-1", "100000000002/x"] {
        contents.put_object(format!("state/{key}.zst"), Bytes::new());
    }
    for (key, is_completed) in [("locked", false), ("twice", true)] {
        let lock = UploadLock { run_id: "earlier".to_owned(), until: Timestamp::MAX, is_completed };
        contents.upload_locks.insert(format!("s3://scans/{key}.json#e"), lock);
    }
    let holder = Some(("another".to_owned(), Timestamp::MAX));
    let lock = AccountLock { holder, ..AccountLock::new(Timestamp::UNIX_EPOCH.into()) };
    contents.account_locks.insert(account_id(LOCKED), lock);
    contents.faults.add(Fault::fail(Operation::OpenUpload).target("denied.json"));
    contents.faults.add(Fault::fail(Operation::Connect).target(UNCONNECTED));
    Arc::new(memory.clone())
}

fn account_id(account: &str) -> AccountId {
    account.parse().unwrap()
}

fn upload_info(name: &str) -> UploadInfo {
    let source = format!("s3://scans/{name}.json");
    UploadInfo { source, etag: "e".to_owned(), ..UploadInfo::default() }
}

/// The jobs on the queue.
fn jobs(memory: &InMemory) -> Vec<JobMessage> {
    memory.contents().queue.jobs.iter().map(|(job, _)| job.clone()).collect()
}

/// The events that were published since the last call.
fn published(memory: &InMemory) -> Vec<Event> {
    memory.contents().events.drain(..).collect()
}

fn created(key: &str) -> Value {
    json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "scans"}, "object": {"key": key}}})
}

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "eventSource": "aws:sqs", "body": body})
}

async fn handle(payload: Value) -> (Result<Value, HandlerError>, Arc<InMemory>) {
    let memory = aws();
    let handler = Handler::new(memory.clone(), Settings::default());
    let response = handler.handle(LambdaEvent::new(payload, Context::default())).await;
    (response.map(|response| serde_json::to_value(response).unwrap()), memory)
}

#[tokio::test]
async fn transient_failures_are_retried_separately_and_others_complete() {
    let bodies = [
        created("denied.json").to_string(),
        created("scan.json").to_string(),
        created("locked.json").to_string(),
        created("gone.json").to_string(),
        created("page.json").to_string(),
        created("twice.json").to_string(),
        created("unconnected.json").to_string(),
        "not an event".to_owned(),
        json!({"Event": "s3:TestEvent"}).to_string(),
    ];
    let messages: Vec<_> = bodies.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), body)).collect();
    let (response, memory) = handle(json!({ "Records": messages })).await;
    let again = ["m0", "m6", "m7"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(response.unwrap(), json!({ "batchItemFailures": again }));
    let contents = memory.contents();
    let [(upload, round)] = contents.queue.uploads.as_slice() else { panic!("expected one requeued upload") };
    let chain = Chain { rounds: 1, idle_rounds: 1, ..Chain::default() };
    assert_eq!((upload.key.as_str(), &round.chain, round.delay), ("locked.json", &chain, RETRY_DELAY));
    let recorded = &contents.runs;
    let last = |key: &str| {
        let source = format!("s3://scans/{key}");
        recorded.iter().rfind(|run| run.upload.source == source).map(|run| run.status)
    };
    assert_eq!(last("scan.json"), Some(RunStatus::Succeeded));
    assert_eq!(last("gone.json"), Some(RunStatus::Ignored), "an upload that no longer exists is recorded, too");
    assert_eq!(last("page.json"), Some(RunStatus::Ignored));
    assert_eq!(last("unconnected.json"), Some(RunStatus::Failed));
    assert_eq!(last("denied.json"), None);
}

#[tokio::test]
async fn a_message_with_several_uploads_is_retried_for_one_of_them() {
    let record = |key: &str| {
        json!({"eventName": "ObjectCreated:Put", "eventSource": "aws:s3",
            "s3": {"bucket": {"name": "scans"}, "object": {"key": key}}})
    };
    let body = json!({"Records": [record("denied.json"), record("scan.json")]}).to_string();
    let (response, memory) = handle(json!({"Records": [message("m", &body)]})).await;
    assert_eq!(response.unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "m"}]}));
    assert_eq!(
        memory.contents().opened,
        ["denied.json", "scan.json"],
        "the failure of the first upload doesn't affect the second"
    );
}

#[tokio::test]
async fn an_object_that_is_not_a_scan_by_its_key_is_not_opened() {
    let body = created("compliance/x_cis_aws.csv").to_string();
    let (response, memory) = handle(json!({"Records": [message("m", &body)]})).await;
    assert_eq!(response.unwrap(), json!({"batchItemFailures": []}));
    assert!(memory.contents().opened.is_empty());
}

#[tokio::test]
async fn a_direct_invocation_returns_its_runs() {
    let (response, _) = handle(created("scan.json")).await;
    let response = response.unwrap();
    assert_eq!(response["runs"][0]["status"], "succeeded");
    assert_eq!(response["runs"][0]["counts"]["read"], 1);
    assert_eq!(response["runs"][0]["counts"]["sent"], 1);
}

#[tokio::test]
async fn a_job_succeeds_is_rejected_or_retried() {
    let job = |name: &str, run_id: &str| json!({ "job": name, "run_id": run_id }).to_string();
    let bodies = [
        job("replay", "scan"),
        // No finding of the run requires approval.
        job("approve", "scan"),
        job("replay", "unconnected"),
        job("undo_archive", "scan"),
        job("replay", "gone"),
        json!({ "job": "dance" }).to_string(),
    ];
    let messages: Vec<_> = bodies.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), body)).collect();
    let (response, memory) = handle(json!({ "Records": messages })).await;
    let again = ["m2", "m5"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(
        response.unwrap(),
        json!({ "batchItemFailures": again }),
        "the scan archived nothing, so that its job is rejected and not retried"
    );
    assert_eq!(memory.contents().opened, ["scan.json", "unconnected.json", "gone.json"]);
    assert_eq!(jobs(&memory), []);

    let (response, _) = handle(json!({ "job": "replay", "run_id": "scan" })).await;
    assert_eq!(response.unwrap()["runs"][0]["status"], "succeeded");
    let (response, _) = handle(json!({ "job": "undo_archive", "run_id": "scan" })).await;
    assert_eq!(Diagnostic::from(response.unwrap_err()).error_type, "JobRejected");
}

#[tokio::test]
async fn replays_continue_past_rejected_runs_but_not_past_retried_ones() {
    for (first, continues) in [("scan", true), ("gone", true), ("unconnected", false)] {
        let body = json!({ "job": "replay", "run_id": first, "next_run_ids": ["second", "third"] }).to_string();
        let (_, memory) = handle(json!({ "Records": [message("m", &body)] })).await;
        let enqueued_jobs: Vec<_> = jobs(&memory).iter().map(|job| json!(job)).collect();
        let next = json!({ "job": "replay", "run_id": "second", "next_run_ids": ["third"] });
        assert_eq!(enqueued_jobs, if continues { vec![next] } else { Vec::new() }, "{first}");
    }
}

#[tokio::test]
async fn a_job_about_all_accounts_fans_out() {
    let body = json!({ "job": "reconcile", "dry_run": true }).to_string();
    let (response, memory) = handle(json!({ "Records": [message("m", &body)] })).await;
    assert_eq!(response.unwrap(), json!({ "batchItemFailures": [] }));
    let enqueued_jobs: Vec<_> = jobs(&memory).iter().map(|job| json!(job)).collect();
    let part = |account: &str| json!({ "job": "reconcile", "provider": account, "dry_run": true });
    assert_eq!(enqueued_jobs, [part("100000000001"), part("100000000002")]);
}

/// Handles a batch of messages in their last receive.
async fn handle_last(bodies: &[Value]) -> (Value, Arc<InMemory>) {
    let last = |(body, id): (&Value, u32)| {
        json!({"messageId": format!("m{id}"), "eventSource": "aws:sqs", "body": body.to_string(),
            "attributes": {"ApproximateReceiveCount": "5"}})
    };
    let records: Vec<_> = bodies.iter().zip(0..).map(last).collect();
    let memory = aws();
    let handler = Handler::new(memory.clone(), Settings::default()).with_max_receive_count(5);
    let response = handler.handle(LambdaEvent::new(json!({ "Records": records }), Context::default())).await;
    (serde_json::to_value(response.unwrap()).unwrap(), memory)
}

#[tokio::test]
async fn an_upload_of_a_locked_account_backs_off_in_one_run_and_ends() {
    let memory = aws();
    let handler = Handler::new(memory.clone(), Settings::default()).with_max_receive_count(5);
    let mut body = created("busy.json");
    let mut minutes = Vec::new();
    loop {
        let payload = json!({"Records": [message("m", &body.to_string())]});
        let response = handler.handle(LambdaEvent::new(payload, Context::default())).await.unwrap();
        let response = serde_json::to_value(response).unwrap();
        let next = memory.contents().queue.uploads.pop();
        let Some((_, Round { chain, delay })) = next else {
            assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "m"}]}), "the queue retries it");
            break;
        };
        assert_eq!(response, json!({"batchItemFailures": []}));
        minutes.push(delay.as_secs() / 60);
        body["chain"] = json!(chain);
    }
    assert_eq!(minutes, [2, 4, 8, 15, 15, 15, 15, 15, 15, 15, 15, 15]);
    let recorded = memory.contents().runs.clone();
    let ids: BTreeSet<_> = recorded.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(ids.len(), 1, "all attempts are one run");
    let last = recorded.last().unwrap();
    assert_eq!(last.status, RunStatus::Failed);
    let why = last.reasons.last().unwrap();
    let command = format!("hubctl run replay {}", last.run_id);
    assert!(why.starts_with("13 consecutive invocations made no progress") && why.ends_with(&command), "{why}");
}

#[tokio::test]
async fn a_run_states_that_its_upload_is_in_the_dead_letter_queue() {
    let bodies = ["unconnected.json", "denied.json"].map(created);
    let (response, memory) = handle_last(&bodies).await;
    let failures = ["m0", "m1"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(response, json!({ "batchItemFailures": failures }));
    let recorded = memory.contents().runs.clone();
    for key in ["unconnected.json", "denied.json"] {
        let source = format!("s3://scans/{key}");
        let run = recorded.iter().rfind(|run| run.upload.source == source).unwrap();
        let why = run.reasons.last().unwrap();
        let replay = format!("hubctl run replay {}", run.run_id);
        let command = if key == "denied.json" { format!("hubctl export {source}") } else { replay };
        assert_eq!(run.status, RunStatus::Failed, "{key}");
        assert!(why.contains("dead-letter queue") && why.ends_with(&command), "{why}");
    }
}

#[tokio::test]
async fn a_message_that_can_t_be_parsed_is_never_deleted() {
    let unknown = [json!({"hello": "world"}), json!({"job": "dance"}), json!({"Type": "Notification"})];
    let failures = ["m0", "m1", "m2"].map(|id| json!({ "itemIdentifier": id }));
    let records: Vec<_> =
        unknown.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), &body.to_string())).collect();
    let (response, _) = handle(json!({ "Records": records })).await;
    assert_eq!(response.unwrap(), json!({ "batchItemFailures": failures }));
    assert_eq!(
        handle_last(&unknown).await.0,
        json!({ "batchItemFailures": failures }),
        "SQS moves the message to the dead-letter queue"
    );
}

#[tokio::test]
async fn a_transient_failure_of_a_direct_invocation_is_an_error() {
    for (key, kind) in
        [("denied.json", "UploadNotOpened"), ("locked.json", "UploadLocked"), ("unconnected.json", "ExportFailed")]
    {
        let (response, _) = handle(created(key)).await;
        assert_eq!(Diagnostic::from(response.unwrap_err()).error_type, kind, "{key}");
    }
    let (response, _) = handle(json!({"hello": "world"})).await;
    assert_eq!(Diagnostic::from(response.unwrap_err()).error_type, "UnknownEvent");
}

#[tokio::test]
async fn a_source_that_is_not_authorized_is_published_once() {
    let memory = aws();
    let source = ScanSource { prefix: None, uploader_account: Some("210987654321".to_owned()) };
    let integration = Integration::new(account_id(ACCOUNT));
    let scan_sources = Some(vec![source]);
    let integration =
        integration.with(|settings| (settings.only_failed, settings.scan_sources) = (false, scan_sources));
    memory.contents().put_integration(integration);
    let handler = Handler::new(memory.clone(), Settings::default());
    for (requester, kinds) in [
        (Some("123456789012"), vec![EventKind::SourceNotAuthorized]),
        (Some("123456789012"), vec![]),
        (Some("210987654321"), vec![]),
        (None, vec![EventKind::SourceNotAuthorized]),
    ] {
        // Export the same upload again: without its lock, it is not a duplicate.
        memory.contents().upload_locks.clear();
        let mut event = created("a.json");
        event["detail"]["object"]["etag"] = "e".into();
        event["detail"]["requester"] = json!(requester);
        let response = handler.handle(LambdaEvent::new(event, Context::default())).await.unwrap();
        let InvocationResponse::Direct { runs } = response else {
            panic!("expected the response to a direct invocation")
        };
        let is_authorized = requester == Some("210987654321");
        assert_eq!(runs[0].counts.has_unauthorized(), !is_authorized, "{requester:?}: {:?}", runs[0].counts);
        let published = published(&memory);
        assert_eq!(published.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds, "{requester:?}");
    }
}

#[tokio::test]
async fn services_without_results_are_published_once_after_an_export() {
    let memory = aws();
    let mut run = RunReport::new("run-1".to_owned(), upload_info("a"), "2026-11-23T08:00:00Z".parse().unwrap());
    let account = account_id(ACCOUNT);
    let lost = Uncovered {
        region: "me-central-1".parse().unwrap(),
        service: "ec2".to_owned(),
        reason: "no_region_results".to_owned(),
        findings: 20,
        since: run.started_at,
    };
    for (uncovered, kinds) in [
        (None, vec![]),
        (Some(vec![lost.clone()]), vec![EventKind::CoverageLost]),
        (Some(vec![lost]), vec![]),
        (None, vec![]),
        (Some(Vec::new()), vec![EventKind::CoverageRecovered]),
    ] {
        run.accounts.insert(account, AccountReport { uncovered, ..AccountReport::default() });
        notifications::publish(memory.as_ref(), &run, None).await;
        let published = published(&memory);
        assert_eq!(published.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds);
        assert!(published.iter().all(|event| event.detail.run_id.as_deref() == Some("run-1")));
    }
}

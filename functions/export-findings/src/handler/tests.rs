mod twin;

use std::collections::BTreeSet;

use asff::AccountId;
use exporter::jobs::{Chain, RETRY_DELAY};
use exporter::notifications::EventKind;
use exporter::report::{AccountReport, RunStatus, Uncovered};
use exporter::scan_source::ScanSource;
use exporter::upload::UploadInfo;
use lambda_runtime::Context;
use serde_json::json;

use self::twin::Twin;
use super::*;

fn created(key: &str) -> Value {
    json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "scans"}, "object": {"key": key}}})
}

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "eventSource": "aws:sqs", "body": body})
}

async fn handle(payload: Value) -> (Result<Value, HandlerError>, Arc<Twin>) {
    let twin = Arc::new(Twin::default());
    let handler = Handler::new(twin.clone(), Settings::default());
    let answer = handler.handle(LambdaEvent::new(payload, Context::default())).await;
    (answer.map(|answer| serde_json::to_value(answer).unwrap()), twin)
}

#[tokio::test]
async fn what_another_try_fixes_comes_again_alone_and_the_rest_is_done() {
    let bodies = [
        created("denied.json").to_string(),
        created("scan.json").to_string(),
        created("held.json").to_string(),
        created("gone.json").to_string(),
        created("page.json").to_string(),
        created("twice.json").to_string(),
        created("unconnected.json").to_string(),
        "not an event".to_owned(),
        json!({"Event": "s3:TestEvent"}).to_string(),
    ];
    let messages: Vec<_> = bodies.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), body)).collect();
    let (answer, twin) = handle(json!({ "Records": messages })).await;
    let again = ["m0", "m6", "m7"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": again }));
    let put_back = twin.put_back.lock().unwrap().clone();
    let waits = Chain { rounds: 1, idle_rounds: 1, ..Chain::default() };
    assert_eq!(put_back, [("held.json".to_owned(), waits, RETRY_DELAY)], "what another run works on waits for it");
    let recorded = twin.recorded.lock().unwrap();
    let last = |key: &str| {
        let source = format!("s3://scans/{key}");
        recorded.iter().rfind(|run| run.upload.source == source).map(|run| run.status)
    };
    assert_eq!(last("scan.json"), Some(RunStatus::Succeeded));
    assert_eq!(last("gone.json"), Some(RunStatus::Ignored), "an upload that is gone has its run, too");
    assert_eq!(last("page.json"), Some(RunStatus::Ignored));
    assert_eq!(last("unconnected.json"), Some(RunStatus::Failed));
    assert_eq!(last("denied.json"), None);
}

#[tokio::test]
async fn a_message_of_several_uploads_comes_again_for_one_of_them() {
    let record = |key: &str| {
        json!({"eventName": "ObjectCreated:Put", "eventSource": "aws:s3",
            "s3": {"bucket": {"name": "scans"}, "object": {"key": key}}})
    };
    let body = json!({"Records": [record("denied.json"), record("scan.json")]}).to_string();
    let (answer, twin) = handle(json!({"Records": [message("m", &body)]})).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "m"}]}));
    assert_eq!(*twin.opened.lock().unwrap(), ["denied.json", "scan.json"], "the second is not held up");
}

#[tokio::test]
async fn what_is_no_scan_by_its_key_is_not_opened() {
    let body = created("compliance/x_cis_aws.csv").to_string();
    let (answer, twin) = handle(json!({"Records": [message("m", &body)]})).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    assert!(twin.opened.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_direct_invocation_is_answered_with_its_runs() {
    let (answer, _) = handle(created("scan.json")).await;
    let answer = answer.unwrap();
    assert_eq!(answer["runs"][0]["status"], "succeeded");
    assert_eq!(answer["runs"][0]["counts"]["read"], 1);
    assert_eq!(answer["runs"][0]["counts"]["sent"], 1);
}

#[tokio::test]
async fn an_order_is_carried_out_dropped_or_comes_again() {
    let job = |name: &str, run_id: &str| json!({ "job": name, "run_id": run_id }).to_string();
    let bodies = [
        job("replay", "scan"),
        // Nothing of the run waits for an approval.
        job("approve", "scan"),
        job("replay", "unconnected"),
        job("undo_archive", "scan"),
        job("replay", "gone"),
        json!({ "job": "dance" }).to_string(),
    ];
    let messages: Vec<_> = bodies.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), body)).collect();
    let (answer, twin) = handle(json!({ "Records": messages })).await;
    let again = ["m2", "m5"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": again }), "the scan archived nothing, so it is dropped");
    assert_eq!(*twin.opened.lock().unwrap(), ["scan.json", "unconnected.json", "gone.json"]);
    assert_eq!(*twin.ordered.lock().unwrap(), []);

    let (answer, _) = handle(json!({ "job": "replay", "run_id": "scan" })).await;
    assert_eq!(answer.unwrap()["runs"][0]["status"], "succeeded");
    let (answer, _) = handle(json!({ "job": "undo_archive", "run_id": "scan" })).await;
    assert_eq!(Diagnostic::from(answer.unwrap_err()).error_type, "OrderRefused");
}

#[tokio::test]
async fn replays_continue_past_rejected_runs_but_not_past_retried_ones() {
    for (first, goes_on) in [("scan", true), ("gone", true), ("unconnected", false)] {
        let body = json!({ "job": "replay", "run_id": first, "next_run_ids": ["second", "third"] }).to_string();
        let (_, twin) = handle(json!({ "Records": [message("m", &body)] })).await;
        let ordered: Vec<_> = twin.ordered.lock().unwrap().iter().map(|(job, _)| json!(job)).collect();
        let next = json!({ "job": "replay", "run_id": "second", "next_run_ids": ["third"] });
        assert_eq!(ordered, if goes_on { vec![next] } else { Vec::new() }, "{first}");
    }
}

#[tokio::test]
async fn an_order_about_all_accounts_becomes_one_for_each() {
    let body = json!({ "job": "reconcile", "dry_run": true }).to_string();
    let (answer, twin) = handle(json!({ "Records": [message("m", &body)] })).await;
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": [] }));
    let ordered: Vec<_> = twin.ordered.lock().unwrap().iter().map(|(job, _)| json!(job)).collect();
    let part = |account: &str| json!({ "job": "reconcile", "provider": account, "dry_run": true });
    assert_eq!(ordered, [part("100000000001"), part("100000000002")]);
}

/// The messages of a batch in their last receive.
async fn handle_last(bodies: &[Value]) -> (Value, Arc<Twin>) {
    let last = |(body, id): (&Value, u32)| {
        json!({"messageId": format!("m{id}"), "eventSource": "aws:sqs", "body": body.to_string(),
            "attributes": {"ApproximateReceiveCount": "5"}})
    };
    let records: Vec<_> = bodies.iter().zip(0..).map(last).collect();
    let twin = Arc::new(Twin::default());
    let handler = Handler::new(twin.clone(), Settings::default()).with_max_receive_count(5);
    let answer = handler.handle(LambdaEvent::new(json!({ "Records": records }), Context::default())).await;
    (serde_json::to_value(answer.unwrap()).unwrap(), twin)
}

#[tokio::test]
async fn an_upload_of_a_locked_account_backs_off_in_one_run_and_ends() {
    let twin = Arc::new(Twin::default());
    let handler = Handler::new(twin.clone(), Settings::default()).with_max_receive_count(5);
    let mut body = created("busy.json");
    let mut minutes = Vec::new();
    loop {
        let payload = json!({"Records": [message("m", &body.to_string())]});
        let answer = handler.handle(LambdaEvent::new(payload, Context::default())).await.unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        let Some((_, chain, delay)) = twin.put_back.lock().unwrap().pop() else {
            assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m"}]}), "the queue retries it");
            break;
        };
        assert_eq!(answer, json!({"batchItemFailures": []}));
        minutes.push(delay.as_secs() / 60);
        body["chain"] = json!(chain);
    }
    assert_eq!(minutes, [2, 4, 8, 15, 15, 15, 15, 15, 15, 15, 15, 15]);
    let recorded = twin.recorded.lock().unwrap();
    let ids: BTreeSet<_> = recorded.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(ids.len(), 1, "not a failed run for each attempt");
    let last = recorded.last().unwrap();
    assert_eq!(last.status, RunStatus::Failed);
    let why = last.reasons.last().unwrap();
    let command = format!("hubctl run replay {}", last.run_id);
    assert!(why.starts_with("13 rounds in a row made no progress") && why.ends_with(&command), "{why}");
}

#[tokio::test]
async fn the_run_of_an_upload_that_goes_to_the_dead_letter_queue_says_so() {
    let bodies = ["unconnected.json", "denied.json"].map(created);
    let (answer, twin) = handle_last(&bodies).await;
    let failures = ["m0", "m1"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(answer, json!({ "batchItemFailures": failures }));
    let recorded = twin.recorded.lock().unwrap();
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
async fn a_message_that_is_not_understood_is_never_deleted() {
    let unknown = [json!({"hello": "world"}), json!({"job": "dance"}), json!({"Type": "Notification"})];
    let failures = ["m0", "m1", "m2"].map(|id| json!({ "itemIdentifier": id }));
    let records: Vec<_> =
        unknown.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), &body.to_string())).collect();
    let (answer, _) = handle(json!({ "Records": records })).await;
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": failures }));
    assert_eq!(handle_last(&unknown).await.0, json!({ "batchItemFailures": failures }), "the queue moves it");
}

#[tokio::test]
async fn a_direct_invocation_that_another_try_fixes_is_an_error() {
    for (key, kind) in
        [("denied.json", "UploadNotOpened"), ("held.json", "UploadHeld"), ("unconnected.json", "ExportFailed")]
    {
        let (answer, _) = handle(created(key)).await;
        assert_eq!(Diagnostic::from(answer.unwrap_err()).error_type, kind, "{key}");
    }
    let (answer, _) = handle(json!({"hello": "world"})).await;
    assert_eq!(Diagnostic::from(answer.unwrap_err()).error_type, "UnknownEvent");
}

#[tokio::test]
async fn a_source_that_is_not_authorized_is_published_once() {
    let twin = Arc::new(Twin::default());
    let source = ScanSource { prefix: None, uploader_account: Some("210987654321".to_owned()) };
    *twin.scan_sources.lock().unwrap() = Some(vec![source]);
    let handler = Handler::new(twin.clone(), Settings::default());
    for (requester, kinds) in [
        (Some("123456789012"), vec![EventKind::SourceNotAuthorized]),
        (Some("123456789012"), vec![]),
        (Some("210987654321"), vec![]),
        (None, vec![EventKind::SourceNotAuthorized]),
    ] {
        let mut event = created("a.json");
        event["detail"]["object"]["etag"] = "e".into();
        event["detail"]["requester"] = json!(requester);
        let answer = handler.handle(LambdaEvent::new(event, Context::default())).await.unwrap();
        let Answer::Direct { runs } = answer else { panic!("it came directly") };
        let is_authorized = requester == Some("210987654321");
        assert_eq!(runs[0].counts.has_unauthorized(), !is_authorized, "{requester:?}: {:?}", runs[0].counts);
        let published: Vec<_> = twin.published.lock().unwrap().drain(..).collect();
        assert_eq!(published.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds, "{requester:?}");
    }
}

#[tokio::test]
async fn services_without_results_are_published_once_after_an_export() {
    let twin = Twin::default();
    let info = UploadInfo {
        source: "s3://scans/a".to_owned(),
        etag: "e".to_owned(),
        bytes: 0,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new("run-1".to_owned(), info, "2026-11-23T08:00:00Z".parse().unwrap());
    let account: AccountId = "123456789012".parse().unwrap();
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
        notifications::publish(&twin, &run, None).await;
        let published: Vec<_> = twin.published.lock().unwrap().drain(..).collect();
        assert_eq!(published.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds);
        assert!(published.iter().all(|event| event.detail.run_id.as_deref() == Some("run-1")));
    }
}

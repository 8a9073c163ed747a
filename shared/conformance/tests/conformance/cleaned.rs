//! No finding stays active after a run, even if the run is interrupted.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use conformance::{ID_PREFIX, clean_up, run};
use serde_json::{Value, json};
use simulator::{Caller, Deviation, Fault, Operation, Rates};

use crate::stage::{ACCOUNT, REGION, Stage};

/// Polls a future at most this number of times. Returns whether it completed.
async fn poll_at_most(polls: usize, future: impl Future) -> bool {
    let mut future = pin!(future);
    let mut remaining = polls;
    std::future::poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        remaining = remaining.saturating_sub(1);
        if remaining == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_at_any_call_leaves_no_active_finding() {
    let (mut polls, mut was_active) = (1, false);
    loop {
        let stage = Stage::new(&[]);
        let session = stage.session();
        let is_complete = poll_at_most(polls, run(&session, |_, _, _, _| ())).await;
        was_active |= !stage.stored("ACTIVE").is_empty();
        let done = clean_up(&session, false).await.unwrap();
        assert!(done.is_complete(), "{polls}: {done:?}");
        assert!(stage.stored("ACTIVE").is_empty(), "{polls}");
        if is_complete {
            break;
        }
        polls += 7;
    }
    assert!(was_active && polls > 100, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn findings_of_an_interrupted_run_are_found_and_archived() {
    let stage = Stage::new(&[]);
    let interrupted = stage.session();
    let mut polls = 1;
    while stage.stored("ACTIVE").is_empty() {
        poll_at_most(polls, run(&interrupted, |_, _, _, _| ())).await;
        polls += 7;
    }
    // A new process has no record of the findings.
    let session = stage.session();
    let done = clean_up(&session, true).await.unwrap();
    assert!(done.is_complete() && done.archived >= 1, "{done:?}");
    assert!(stage.stored("ACTIVE").is_empty());
    assert_eq!(clean_up(&session, true).await.unwrap().archived, 0, "no active finding remains");
}

#[tokio::test(start_paused = true)]
async fn findings_of_other_tools_are_never_changed() {
    let stage = Stage::new(&[Deviation::RecordStateFilterIgnored]);
    let product = "arn:aws:securityhub:eu-west-1::product/prowler/prowler";
    let finding = |id: &str| -> Value {
        json!({
            "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": product, "GeneratorId": "prowler-check",
            "AwsAccountId": ACCOUNT, "CreatedAt": "2026-11-01T00:00:00Z", "UpdatedAt": "2026-11-01T00:00:00Z", "Title": "t",
            "Description": "d", "Severity": { "Label": "HIGH" }, "Types": [], "Resources": [{ "Type": "Other", "Id": "r" }],
        })
    };
    let ids = ["prowler-check-123456789012-eu-west-1-0123456ab", "securityhub-exporter-sample-1"];
    let body = json!({ "Findings": ids.map(finding) }).to_string();
    let stored = stage.simulator.batch_import_findings(&Caller::user(ACCOUNT), REGION, body.as_bytes());
    assert_eq!(stored.json()["SuccessCount"], 2);
    let of_others = || {
        let mut found = stage.simulator.findings(ACCOUNT, REGION);
        found.retain(|finding| !finding["Id"].as_str().unwrap().starts_with(ID_PREFIX));
        found
    };
    let before = of_others();
    stage.run().await.unwrap();
    clean_up(&stage.session(), true).await.unwrap();
    assert_eq!((before.len(), of_others()), (2, before));
}

#[tokio::test(start_paused = true)]
async fn throttled_and_failed_calls_are_retried() {
    let stage = Stage::new(&[]);
    stage.simulator.inject(Fault::error(429).on(Operation::GetFindings).times(3));
    stage.simulator.inject(Fault::error(503).on(Operation::BatchImportFindings).times(2));
    let report = stage.run().await.unwrap();
    assert_eq!((report.counts.deviates, report.counts.holds), (0, 39), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_stays_within_the_quotas() {
    let stage = Stage::with(Stage::config(&[], Rates::default()));
    let report = stage.run().await.unwrap();
    assert_eq!((report.counts.deviates, report.counts.holds), (0, 39), "{report:#?}");
    let throttled = stage.simulator.calls().iter().filter(|call| call.status == 429).count();
    assert_eq!(throttled, 0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_a_deviation() {
    let stage = Stage::new(&[]);
    let session = stage.session();
    let report = run(&session, |number, _, _, _| {
        if number == 10 {
            stage.simulator.inject(Fault::error(503));
        }
    });
    let report = report.await.unwrap();
    assert_eq!((report.counts.deviates, report.counts.holds), (0, 10), "{report:#?}");
    assert!(clean_up(&session, false).await.is_err(), "findings may still be active, which the caller must report");
}

//! Runs and claims as items of the table.

use std::collections::BTreeMap;

use exporter::model::upload::UploadInfo;
use exporter::ports::{AccountLocks, Claim, Runs, UploadLocks};
use exporter::report::{AccountReport, ArchiveSkipped, Fate, RegionReport, RunReport, RunStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cloud;
use crate::wire::{Reply, Wire};

const IDENTITY: &str = "s3://scans/a.json#etag";

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

async fn claim(wire: &Wire, again: bool) -> Claim {
    let until = now() + SignedDuration::from_mins(15);
    cloud(&wire.url).await.claim(IDENTITY, "run-2", again, now(), until).await.unwrap()
}

/// A table whose conditional writes fail, with this item as the existing one.
async fn taken(item: Value) -> Wire {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let answer = json!({"__type": kind, "message": "The conditional request failed", "Item": item}).to_string();
    Wire::serve(move |_, _| Reply::new(400, answer.clone())).await
}

#[tokio::test]
async fn a_claim_is_one_conditional_write() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    assert_eq!(claim(&wire, false).await, Claim::Granted);
    assert_eq!(claim(&wire, true).await, Claim::Granted);
    let [first, again] = wire.requests().try_into().unwrap();
    let (first, again) = (first.json(), again.json());
    let item = &first["Item"];
    let key = item["pk"]["S"].as_str().unwrap();
    assert!(key.starts_with("upload#") && key.len() == "upload#".len() + 64, "{key}");
    assert_eq!(item["sk"]["S"], "claim");
    assert_eq!(item["identity"]["S"], IDENTITY);
    let number = |name: &str| item[name]["N"].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(number("locked_until"), now().as_millisecond() + 15 * 60 * 1000);
    assert_eq!(number("expires_at"), now().as_second() + 15 * 60 + 14 * 24 * 3600);
    assert_eq!(
        first["ConditionExpression"],
        "attribute_not_exists(pk) OR expires_at <= :now_s OR (#state = :in_progress AND locked_until <= :now) OR (#state = :completed AND \
         :again = :yes)"
    );
    assert_eq!(first["ExpressionAttributeValues"][":again"]["S"], "no");
    assert_eq!(again["ExpressionAttributeValues"][":again"]["S"], "yes");
    assert_eq!(first["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn a_lock_is_renewed_only_by_its_run() {
    let (account, until) = ("123456789012".parse().unwrap(), now() + SignedDuration::from_mins(15));
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    assert!(cloud(&wire.url).await.renew_claim(IDENTITY, "run-2", until).await.unwrap());
    assert!(cloud(&wire.url).await.renew(account, "run-2", until).await.unwrap());
    let [claim, hold] = wire.requests().try_into().unwrap();
    let (claim, hold) = (claim.json(), hold.json());
    assert_eq!(claim["ConditionExpression"], "run_id = :run_id AND #state = :in_progress");
    assert_eq!(hold["ConditionExpression"], "locked_by = :run_id");
    for request in [claim, hold] {
        assert_eq!(request["ExpressionAttributeValues"][":run_id"]["S"], "run-2");
        assert_eq!(request["ExpressionAttributeValues"][":until"]["N"], until.as_millisecond().to_string());
    }
    let wire = taken(json!({"locked_by": {"S": "run-3"}, "run_id": {"S": "run-3"}})).await;
    assert!(!cloud(&wire.url).await.renew_claim(IDENTITY, "run-2", until).await.unwrap(), "another run has the lock");
    assert!(!cloud(&wire.url).await.renew(account, "run-2", until).await.unwrap(), "another run has the lock");
}

#[tokio::test]
async fn an_existing_claim_has_its_run() {
    let held = |run: &str| json!({"state": {"S": "in_progress"}, "run_id": {"S": run}});
    let wire = taken(json!({"state": {"S": "completed"}, "run_id": {"S": "run-1"}})).await;
    assert_eq!(claim(&wire, false).await, Claim::Completed { run_id: "run-1".to_owned() });
    assert_eq!(claim(&taken(held("run-1")).await, false).await, Claim::InProgress { run_id: "run-1".to_owned() });
    // The claim is of this run: the response to the first attempt was lost, and the SDK retried.
    assert_eq!(claim(&taken(held("run-2")).await, false).await, Claim::Granted);
}

#[tokio::test]
async fn only_the_run_of_a_claim_completes_or_releases_it() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    for done in [true, false] {
        cloud(&wire.url).await.finish_claim(IDENTITY, "run-2", done).await.unwrap();
    }
    let [done, released] = wire.requests().try_into().unwrap();
    assert!(done.header("x-amz-target").unwrap().ends_with(".UpdateItem"));
    assert!(released.header("x-amz-target").unwrap().ends_with(".DeleteItem"));
    for request in [done.json(), released.json()] {
        assert_eq!(request["ConditionExpression"], "run_id = :run_id");
        assert_eq!(request["ExpressionAttributeValues"][":run_id"]["S"], "run-2");
    }
    // The lease expired and another run locked the upload: this run changes nothing.
    let wire = taken(json!({})).await;
    for done in [true, false] {
        cloud(&wire.url).await.finish_claim(IDENTITY, "run-2", done).await.unwrap();
    }
}

/// A report as long as that of a scan of many accounts.
pub(crate) fn huge_report(accounts: u32) -> RunReport {
    let upload = UploadInfo {
        source: "s3://scans/a.json".to_owned(),
        etag: "e".to_owned(),
        bytes: 1,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new("run-2".to_owned(), upload, now());
    run.status = RunStatus::Degraded;
    run.reasons = vec!["ü".repeat(2_000); 20_000];
    let mut part = AccountReport { problem: Some("p".repeat(2_000)), ..AccountReport::default() };
    for number in 0..40 {
        let region = format!("eu-west-{number}").parse().unwrap();
        part.counts.add(Fate::RegionUnavailable(region, "hub_not_enabled".to_owned()), 7);
        part.regions.insert(region, RegionReport::default());
    }
    run.counts.merge(&part.counts);
    run.accounts = (0..accounts).map(|number| (format!("{number:012}").parse().unwrap(), part.clone())).collect();
    run
}

/// The item of the run that was recorded first.
fn recorded(wire: &Wire) -> Value {
    wire.requests()[0].json()["TransactItems"][0]["Put"]["Item"].clone()
}

#[tokio::test]
async fn a_recorded_run_is_shortened_to_fit_the_item_size_limit() {
    let report = huge_report(6_000);
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    cloud(&wire.url).await.record(&report).await.unwrap();
    let item = &recorded(&wire);
    assert!(item.to_string().len() < 400_000, "{} bytes", item.to_string().len());
    assert_eq!((&item["pk"]["S"], &item["sk"]["S"]), (&json!("run"), &json!("run-2")));
    assert_eq!(item["status"]["S"], "degraded");
    assert_eq!(item["expires_at"]["N"], (now().as_second() + 90 * 24 * 3600).to_string());

    let answer = json!({ "Items": [item] }).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let [listed] = cloud(&wire.url).await.list_runs(10, None).await.unwrap().try_into().unwrap();
    assert_eq!(listed.counts, report.counts);
    assert_eq!(listed.reasons.len(), 21);
    assert_eq!(listed.reasons[20], "19980 more in the report");
    assert_eq!(listed.accounts.len(), 20);
    assert_eq!(
        RunReport { reasons: Vec::new(), accounts: BTreeMap::new(), ..listed },
        RunReport { reasons: Vec::new(), accounts: BTreeMap::new(), ..report }
    );
}

#[tokio::test]
async fn a_recorded_run_has_the_accounts_that_need_attention() {
    let mut report = huge_report(40);
    for (number, part) in report.accounts.values_mut().enumerate() {
        *part = AccountReport::default();
        if number == 39 {
            part.archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
        }
    }
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    cloud(&wire.url).await.record(&report).await.unwrap();
    let answer = json!({ "Items": [recorded(&wire)] }).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let [listed] = cloud(&wire.url).await.list_runs(10, None).await.unwrap().try_into().unwrap();
    let pending = listed.accounts.values().filter(|part| part.has_pending()).count();
    assert_eq!((listed.accounts.len(), pending), (20, 1), "the last account of the file is in the list");
}

#[tokio::test]
async fn a_list_is_newest_first_and_ends_at_its_limit() {
    let upload =
        UploadInfo { source: "s".to_owned(), etag: "e".to_owned(), bytes: 1, modified_at: None, requester: None };
    let recorded = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    let report = RunReport::new("run".to_owned(), upload, now());
    cloud(&recorded.url).await.record(&report).await.unwrap();
    let item = recorded.requests()[0].json()["Item"].clone();
    let page = json!({"Items": [item, item], "LastEvaluatedKey": {"pk": {"S": "run"}, "sk": {"S": "x"}}}).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, page.clone())).await;
    let account = "123456789012".parse().unwrap();
    assert_eq!(cloud(&wire.url).await.list_runs(3, Some(&account)).await.unwrap().len(), 3);
    assert_eq!(wire.requests().len(), 2);
    let query = wire.requests()[0].json();
    assert_eq!(query["ScanIndexForward"], false);
    assert_eq!(query["FilterExpression"], "contains(accounts, :account) AND expires_at > :now");
    assert_eq!(query["ExpressionAttributeValues"][":account"]["S"], "123456789012");
    assert_eq!(cloud(&wire.url).await.list_runs(2, None).await.unwrap().len(), 2);
    assert_eq!(wire.requests()[2].json()["Limit"], 2);
}

#[tokio::test]
async fn a_run_is_its_report_or_the_summary_in_the_table() {
    let report = huge_report(50);
    let whole = serde_json::to_string(&report).unwrap();
    let wire = Wire::serve(move |_, _| Reply::new(200, whole.clone())).await;
    assert_eq!(cloud(&wire.url).await.run("run-2").await.unwrap(), Some(report));
    assert!(wire.requests()[0].path.starts_with("/state/runs/run-2/report.json"), "{}", wire.requests()[0].path);

    let gone = "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>";
    let wire = Wire::serve(move |_, request| match request.method.as_str() {
        "GET" => Reply::new(404, gone),
        _ => Reply::new(200, "{}"),
    })
    .await;
    assert_eq!(cloud(&wire.url).await.run("run-3").await.unwrap(), None);
    assert_eq!(wire.requests()[1].json()["Key"]["sk"]["S"], "run-3");
}

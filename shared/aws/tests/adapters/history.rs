//! The history as items of the table.

use exporter::ports::Runs as _;
use exporter::ports::settings_store::{HistoryPage, Page, RunLog as _};
use exporter::report::{HistoryEntry, IntegrationRun, RunReport, RunStatus};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::cloud;
use crate::runs::huge_report;
use crate::wire::{Reply, Request, Wire};

const FROM: Date = date(2026, 11, 1);
const TO: Date = date(2026, 11, 28);

async fn recorded(report: &RunReport) -> Vec<Request> {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    cloud(&wire.url).await.record(report).await.unwrap();
    wire.requests()
}

fn target(request: &Request) -> String {
    request.header("x-amz-target").unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_finished_run_and_its_entry_are_written_together() {
    let mut report = huge_report(1);
    let [request] = recorded(&report).await.try_into().unwrap();
    assert_eq!(target(&request), "TransactWriteItems");
    let items = request.json()["TransactItems"].clone();
    let [run, entry] = [0, 1].map(|index| items[index]["Put"]["Item"].clone());
    assert_eq!((&run["pk"]["S"], &run["sk"]["S"]), (&json!("run"), &json!("run-2")));
    assert_eq!((&entry["pk"]["S"], &entry["sk"]["S"]), (&json!("history"), &json!("2026-11-23#run-2")));
    assert_eq!(entry["expires_at"], run["expires_at"]);
    assert_eq!(items[1]["Put"]["ConditionExpression"], Value::Null, "a retry overwrites the entry");

    report.status = RunStatus::Running;
    let [request] = recorded(&report).await.try_into().unwrap();
    assert_eq!(target(&request), "PutItem");
}

#[tokio::test]
async fn an_export_is_written_with_an_entry_for_each_integration() {
    let mut report = huge_report(150);
    for (index, part) in report.accounts.values_mut().enumerate() {
        part.integration = format!("{:012}", index % 120).parse().ok();
    }
    let written = recorded(&report).await;
    let keys = |request: &Request| {
        let items = request.json()["TransactItems"].as_array().unwrap().clone();
        let key = |item: &Value, name: &str| item["Put"]["Item"][name]["S"].as_str().unwrap().to_owned();
        items.iter().map(|item| (key(item, "pk"), key(item, "sk"))).collect::<Vec<_>>()
    };
    let [first, second] = [0, 1].map(|index| keys(&written[index]));
    assert_eq!((first.len(), second.len()), (100, 22), "a transaction has at most 100 items");
    assert_eq!(first[7], ("integration_run".to_owned(), "000000000007#run-2".to_owned()));
    let last = second[20..].iter().map(|(partition, _)| partition.as_str()).collect::<Vec<_>>();
    assert_eq!(last, ["run", "history"], "a run that has ended has its entries");

    let item = written[0].json()["TransactItems"][7]["Put"]["Item"].clone();
    let wire = Wire::serve(move |_, _| Reply::new(200, json!({ "Items": [item] }).to_string())).await;
    let integration = "000000000007".parse().unwrap();
    let page = Page { limit: 1, after: None };
    let found = cloud(&wire.url).await.integration_runs(&integration, &page).await.unwrap().entries;
    assert_eq!(found, [IntegrationRun::all_of(&report).remove(&integration).unwrap()]);
    let query = wire.requests()[0].json();
    assert_eq!(query["KeyConditionExpression"], "pk = :pk AND begins_with(sk, :prefix)");
    assert_eq!((&query["ScanIndexForward"], &query["Limit"]), (&json!(false), &json!(2)));
    assert_eq!(query["ExpressionAttributeValues"][":prefix"]["S"], "000000000007#");
}

#[tokio::test]
async fn the_items_of_the_largest_run_fit_the_table() {
    let [request] = recorded(&huge_report(6_000)).await.try_into().unwrap();
    let items = request.json()["TransactItems"].clone();
    for item in items.as_array().unwrap() {
        let bytes = item["Put"]["Item"].to_string().len();
        assert!(bytes < 400_000, "{}: {bytes} bytes", item["Put"]["Item"]["pk"]);
    }
}

#[tokio::test]
async fn a_run_is_recorded_with_its_entry_or_an_error_is_returned() {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons = json!([{"Code": "None"}, {"Code": "TransactionConflict"}]);
    let busy = json!({ "__type": kind, "Message": "no", "CancellationReasons": reasons }).to_string();
    let first = busy.clone();
    let wire = Wire::serve(move |number, _| match number {
        0 => Reply::new(400, first.clone()),
        _ => Reply::new(200, "{}"),
    })
    .await;
    cloud(&wire.url).await.record(&huge_report(1)).await.unwrap();
    assert_eq!(wire.requests().len(), 2);
    let wire = Wire::serve(move |_, _| Reply::new(400, busy.clone())).await;
    let error = cloud(&wire.url).await.record(&huge_report(1)).await.unwrap_err();
    assert_eq!(error.action, "record run run-2");
    assert_eq!(wire.requests().len(), 5);
}

/// The item of a run that started on this day.
fn item(id: usize, day: Date) -> Value {
    let entry = json!({"M": {
        "run_id": {"S": format!("run-{id}")}, "started_at": {"S": format!("{day}T03:00:00Z")}, "kind": {"S": "export"},
        "status": {"S": "succeeded"}, "accounts": {"M": {}},
    }});
    json!({"pk": {"S": "history"}, "sk": {"S": format!("{day}#run-{id}")}, "entry": entry})
}

/// A table that never ends: each page has two runs, and `day` returns the day of each run by its number.
async fn read(day: impl Fn(usize) -> Date + Send + Sync + 'static) -> (Wire, Result<HistoryPage, String>) {
    let wire = Wire::serve(move |number, _| {
        let items = [item(2 * number, day(2 * number)), item(2 * number + 1, day(2 * number + 1))];
        let last = json!({"pk": {"S": "history"}, "sk": {"S": format!("{number}")}});
        Reply::new(200, json!({ "Items": items, "LastEvaluatedKey": last }).to_string())
    })
    .await;
    let page = cloud(&wire.url).await.history(FROM, TO).await.map_err(|error| error.to_string());
    (wire, page)
}

#[tokio::test]
async fn a_response_has_complete_days_of_a_limited_number_of_pages() {
    // Three runs per day: 16 runs are read, but only one of the sixth day.
    let (wire, page) =
        read(|number| TO.saturating_sub(jiff::Span::new().days(i64::try_from(number / 3).unwrap()))).await;
    let page = page.unwrap();
    assert_eq!((wire.requests().len(), page.entries.len(), page.next), (8, 15, Some(date(2026, 11, 23))));
    assert!(page.entries.iter().all(|entry| entry.day() >= date(2026, 11, 24)));
    let query = wire.requests()[0].json();
    assert_eq!(query["ScanIndexForward"], false);
    assert_eq!(query["KeyConditionExpression"], "pk = :pk AND sk BETWEEN :from AND :to");
    let value = |name: &str| query["ExpressionAttributeValues"][name]["S"].clone();
    assert_eq!([":pk", ":from", ":to"].map(value), ["history", "2026-11-01#", "2026-11-28#~"].map(|text| json!(text)));
    assert!(wire.requests()[1].json()["ExclusiveStartKey"]["sk"]["S"] == "0");
}

#[tokio::test]
async fn a_day_that_exceeds_a_response_is_read_completely() {
    let (wire, page) = read(|number| if number < 41 { TO } else { FROM }).await;
    let page = page.unwrap();
    assert_eq!((wire.requests().len(), page.entries.len(), page.next), (21, 41, Some(FROM)));
    let (wire, page) = read(|_| TO).await;
    assert!(page.unwrap_err().contains("the runs of one day exceed 64 pages"));
    assert!(wire.requests().len() <= 65, "{}", wire.requests().len());
}

#[tokio::test]
async fn an_entry_is_read_as_it_was_written() {
    let report = huge_report(3);
    let [request] = recorded(&report).await.try_into().unwrap();
    let item = request.json()["TransactItems"][1]["Put"]["Item"].clone();
    let wire = Wire::serve(move |_, _| Reply::new(200, json!({ "Items": [item] }).to_string())).await;
    let page = cloud(&wire.url).await.history(FROM, TO).await.unwrap();
    assert_eq!(page, HistoryPage { entries: vec![HistoryEntry::of(&report).unwrap().into()], next: None });
}

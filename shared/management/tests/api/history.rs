//! Sums of runs.

use exporter::model::upload::UploadInfo;
use exporter::report::{AccountReport, Fate, RegionReport, RunReport, RunStatus};
use exporter::testing::TestClock;
use management::wire::HistoryList;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

const OTHER: &str = "210987654321";

/// A run that sent findings of accounts in one Region, and quarantined one finding of each account.
fn run(id: &str, at: &str, accounts: &[(&str, u64)]) -> RunReport {
    let upload =
        UploadInfo { source: "s3://b/k".to_owned(), etag: String::new(), bytes: 1, modified_at: None, requester: None };
    let mut run = RunReport::new(id.to_owned(), upload, at.parse().unwrap());
    run.status = RunStatus::Degraded;
    for (account, sent) in accounts {
        let mut part = AccountReport::default();
        let region = RegionReport { sent: *sent, throttled: 2, ..RegionReport::default() };
        part.regions.insert("eu-west-1".parse().unwrap(), region);
        part.counts.add(Fate::Sent, *sent);
        part.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 1);
        run.counts.merge(&part.counts);
        run.accounts.insert(account.parse().unwrap(), part);
    }
    run
}

/// The API at 17:00 UTC on November 28, with four finished runs and one that is running.
fn api() -> Api {
    let api = Api::new();
    let mut running = run("running", "2026-11-28T16:59:00Z", &[(ACCOUNT, 100)]);
    running.status = RunStatus::Running;
    let mut contents = api.memory.contents();
    contents.clock = TestClock::Fixed("2026-11-28T17:00:00Z".parse().unwrap());
    *contents.runs = vec![
        run("1", "2026-10-29T23:59:59Z", &[(ACCOUNT, 1_000)]),
        run("2", "2026-10-30T00:00:00Z", &[(ACCOUNT, 1)]),
        run("3", "2026-11-26T23:59:59Z", &[(ACCOUNT, 10), (OTHER, 20)]),
        run("4", "2026-11-28T00:00:00Z", &[(OTHER, 3)]),
        running,
    ];
    drop(contents);
    api
}

/// The values of a field of all items, by the key of the item.
fn column(body: &Value, key: &str, name: &str) -> Vec<(String, u64)> {
    let items = body["items"].as_array().unwrap().iter();
    items.map(|item| (item[key].as_str().unwrap().to_owned(), item[name].as_u64().unwrap())).collect()
}

fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
}

#[tokio::test]
async fn the_history_has_whole_utc_days_up_to_today() {
    let api = api();
    let body = api.get("/history?days=3").await.body;
    assert_eq!((&body["from"], &body["to"], &body["next"]), (&json!("2026-11-26"), &json!("2026-11-28"), &Value::Null));
    assert_eq!(column(&body, "day", "sent"), pairs(&[("2026-11-28", 3), ("2026-11-27", 0), ("2026-11-26", 30)]));
    assert_eq!(column(&body, "day", "runs"), pairs(&[("2026-11-28", 1), ("2026-11-27", 0), ("2026-11-26", 1)]));
    let month = api.get("/history").await.body;
    assert_eq!((&month["from"], month["items"].as_array().unwrap().len()), (&json!("2026-10-30"), 30));
    assert_eq!(column(&month, "day", "sent").iter().map(|(_, sent)| sent).sum::<u64>(), 34, "run 1 is too old");
}

#[tokio::test]
async fn the_history_is_summed_by_region_and_by_account() {
    let api = api();
    let regions = api.get("/history?by=region").await.body;
    assert_eq!(column(&regions, "region", "sent"), pairs(&[("eu-west-1", 34), ("other", 0)]));
    assert_eq!(column(&regions, "region", "errors"), pairs(&[("eu-west-1", 0), ("other", 4)]));
    assert_eq!(regions["items"][0]["throttled"], 8);
    assert_eq!(
        regions["items"][0]["days"],
        json!({"2026-10-30": {"sent": 1, "throttled": 2}, "2026-11-26": {"sent": 30, "throttled": 4}, "2026-11-28": {"sent": 3, "throttled": 2}})
    );
    let accounts = api.get("/history?by=account").await.body;
    assert_eq!(column(&accounts, "account", "sent"), pairs(&[(ACCOUNT, 11), (OTHER, 23)]));
    let one = api.get(&format!("/history?by=region&account={OTHER}")).await.body;
    assert_eq!(column(&one, "region", "sent"), pairs(&[("eu-west-1", 23), ("other", 0)]));
    let none = api.get("/history?by=account&account=000000000000").await.body;
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn each_page_has_whole_days_and_all_pages_are_the_history() {
    let api = api();
    let whole = api.get("/history").await.body;
    api.memory.contents().history_days_max = Some(1);
    let (mut items, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = api.get(&format!("/history?{after}")).await.body;
        items.extend(page["items"].as_array().unwrap().clone());
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("after={next}");
    }
    assert_eq!((items, pages), (whole["items"].as_array().unwrap().clone(), 3));
    let newest = api.get("/history?by=region").await.body;
    assert_eq!((&newest["from"], &newest["to"]), (&json!("2026-11-27"), &json!("2026-11-28")));
    // Midnight has passed since the previous page was read. The day that its cursor names is read anyway.
    api.memory.contents().clock = TestClock::Fixed("2026-11-29T00:00:01Z".parse().unwrap());
    let last = api.get("/history?after=2026-10-30").await.body;
    assert_eq!(column(&last, "day", "sent"), pairs(&[("2026-10-30", 1)]));
    let later = api.get("/history?days=1&after=2027-01-01").await.body;
    assert_eq!(column(&later, "day", "sent"), pairs(&[("2026-11-29", 0)]));
}

#[tokio::test]
async fn the_history_has_active_findings_and_the_last_scan() {
    let api = api();
    {
        let contents = &mut *api.memory.contents();
        for (run, active) in contents.runs.iter_mut().zip([None, Some(70), Some(40), None, None]) {
            run.scanned_at = run.started_at.checked_sub(jiff::SignedDuration::from_mins(5)).ok();
            let regions = run.accounts.values_mut().flat_map(|part| part.regions.values_mut());
            regions.for_each(|region| region.active = active);
        }
    }
    let newest = json!({"at": "2026-11-26T23:59:59Z", "run_id": "3", "findings": 40});
    let both = json!({"at": "2026-11-26T23:59:59Z", "run_id": "3", "findings": 80});
    let accounts = api.get("/history?by=account").await.body;
    assert_eq!((&accounts["items"][0]["active"], &accounts["items"][1]["active"]), (&newest, &newest));
    assert_eq!(accounts["items"][0]["last_scan_at"], "2026-11-26T23:54:59Z");
    assert_eq!(
        accounts["items"][1]["last_scan_at"], "2026-11-27T23:55:00Z",
        "the newest run did not determine the number"
    );
    let regions = api.get("/history?by=region").await.body;
    assert_eq!((&regions["items"][0]["active"], &regions["items"][0]["last_scan_at"]), (&both, &Value::Null));
    let one = api.get(&format!("/history?by=region&account={OTHER}")).await.body;
    assert_eq!(one["items"][0]["active"], newest);
    let today = api.get("/history?by=account&days=1").await.body;
    assert_eq!(today["items"][0]["active"], Value::Null, "unknown is not 0");
    // The newest number of several pages counts, whichever page is added.
    api.memory.contents().history_days_max = Some(1);
    let page = async |after: &str| -> HistoryList {
        serde_json::from_value(api.get(&format!("/history?by=account{after}")).await.body).unwrap()
    };
    let mut joined = page("").await;
    while let Some(next) = joined.next {
        joined.append(page(&format!("&after={next}")).await);
    }
    assert_eq!(serde_json::to_value(&joined.items).unwrap(), accounts["items"]);
}

#[tokio::test]
async fn invalid_history_parameters_are_rejected() {
    let api = api();
    for (query, field) in [
        ("by=week", "by"),
        ("days=0", "days"),
        ("days=91", "days"),
        ("days=%2B5", "days"),
        ("days=3&days=3", "days"),
        ("account=1", "account"),
        ("after=yesterday", "after"),
        ("after=20261128", "after"),
        ("after=2026-02-30", "after"),
        ("limit=5", "limit"),
    ] {
        let response = api.get(&format!("/history?{query}")).await;
        assert_eq!((response.status.as_u16(), response.fields()), (422, vec![field]), "{query}");
    }
    api.memory.contents().faults.fail_all("throttled");
    assert_eq!(api.get("/history").await.status.as_u16(), 503);
}

use std::collections::BTreeSet;
use std::sync::Mutex;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use exporter::integration::Integration;
use exporter::order::OrderRecord;
use exporter::ports::{
    Accounts, Begun, CallError, Claim, Clock, ConnectError, Doubt, Hub, HubState, Hubs, ImportOutcome, Integrations,
    Object, ObjectWriter, Objects, Only, Page, Runs, Scan,
};
use exporter::report::{AccountReport, Uncovered};
use exporter::telling::{Event, EventKind, Told};
use futures::StreamExt as _;
use jiff::Timestamp;
use lambda_runtime::Context;
use serde_json::json;

use super::*;

/// A genuine scan of one finding, of account 123456789012.
const SCAN: &[u8] = include_bytes!("../../../../tests/scans/5.46.0-one-finding.ocsf.json");

/// A cloud whose objects are what their keys say.
#[derive(Default)]
struct Twin {
    opened: Mutex<Vec<String>>,
    recorded: Mutex<Vec<RunReport>>,
    put_back: Mutex<Vec<(String, Duration)>>,
    ordered: Mutex<Vec<(Placed, Duration)>>,
    told: Mutex<(Told, u64)>,
    published: Mutex<Vec<Event>>,
}

impl Telling for Twin {
    async fn told(&self, _: AccountId) -> Result<(Told, u64), PortError> {
        Ok(self.told.lock().unwrap().clone())
    }

    async fn write_told(&self, _: AccountId, told: &Told, number: u64) -> Result<bool, PortError> {
        *self.told.lock().unwrap() = (told.clone(), number + 1);
        Ok(true)
    }

    async fn publish(&self, events: &[Event]) -> Result<BTreeSet<usize>, PortError> {
        self.published.lock().unwrap().extend_from_slice(events);
        Ok((0..events.len()).collect())
    }
}

impl Scans for Twin {
    async fn open(&self, upload: &Upload) -> Result<Scan, OpenError> {
        self.opened.lock().unwrap().push(upload.key.clone());
        let body = match upload.key.as_str() {
            "gone.json" => return Err(OpenError::NotFound { url: upload.url() }),
            "denied.json" => return Err(failure("open").into()),
            "page.json" => "<!DOCTYPE html><html></html>".into(),
            _ => Bytes::from_static(SCAN),
        };
        let info =
            UploadInfo { source: upload.url(), etag: "e".to_owned(), bytes: body.len() as u64, modified_at: None };
        Ok(Scan { info, body: futures::stream::iter([Ok(body)]).boxed() })
    }
}

impl Integrations for Twin {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        Ok(Some(Integration { only_failed: false, ..Integration::new(*account) }))
    }
}

impl Runs for Twin {
    async fn claim(&self, identity: &str, _: &str, _: bool, _: Timestamp, _: Timestamp) -> Result<Claim, PortError> {
        let run_id = "earlier".to_owned();
        Ok(match identity {
            "s3://scans/held.json#e" => Claim::Held { run_id },
            "s3://scans/twice.json#e" => Claim::Done { run_id },
            _ => Claim::Taken,
        })
    }

    async fn renew_claim(&self, _: &str, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn settle_claim(&self, _: &str, _: &str, _: bool) -> Result<(), PortError> {
        Ok(())
    }

    async fn record(&self, report: &RunReport) -> Result<(), PortError> {
        self.recorded.lock().unwrap().push(report.clone());
        Ok(())
    }
}

impl Accounts for Twin {
    async fn begin(&self, _: AccountId, _: &str, _: Timestamp, _: Timestamp, _: Timestamp) -> Result<Begun, PortError> {
        Ok(Begun::Taken { doubt: Doubt::default() })
    }

    async fn renew(&self, _: AccountId, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn holder(&self, _: AccountId, _: Timestamp) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn standing(&self, _: AccountId) -> Result<Option<(Timestamp, Doubt)>, PortError> {
        Ok(None)
    }

    async fn end(&self, _: AccountId, _: &str, _: Doubt) -> Result<(), PortError> {
        Ok(())
    }
}

impl Queue for Twin {
    async fn put_back(&self, upload: &Upload, after: Duration) -> Result<bool, PortError> {
        self.put_back.lock().unwrap().push((upload.key.clone(), after));
        Ok(true)
    }

    async fn order(&self, order: &Placed, after: Duration) -> Result<bool, PortError> {
        self.ordered.lock().unwrap().push((order.clone(), after));
        Ok(true)
    }
}

/// No order of these tests has an id, so nothing is kept of any.
impl OrderLog for Twin {
    async fn order_record(&self, _: &str) -> Result<Option<OrderRecord>, PortError> {
        Ok(None)
    }

    async fn record_order(&self, record: &OrderRecord) -> Result<bool, PortError> {
        Err(failure(&record.id))
    }

    async fn call_off_order(&self, record: &OrderRecord) -> Result<(), PortError> {
        Err(failure(&record.id))
    }
}

struct Sink;

impl Objects for Twin {
    type Writer = Sink;

    async fn create(&self, _: &str, _: Only) -> Result<Sink, PortError> {
        Ok(Sink)
    }

    /// Every upload has an earlier run of its key's name.
    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let Some(run_id) = key.strip_prefix("runs/").and_then(|key| key.strip_suffix("/report.json")) else {
            return Ok(None);
        };
        let source = format!("s3://scans/{run_id}.json");
        let info = UploadInfo { source, etag: "e".to_owned(), bytes: 0, modified_at: None };
        let report = RunReport::begin(run_id.to_owned(), info, Timestamp::now());
        let body = serde_json::to_vec(&report).unwrap().into();
        Ok(Some(Object { etag: "1".to_owned(), body: futures::stream::iter([Ok(body)]).boxed() }))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let states =
            ["state/100000000001/eu-west-1.zst", "state/100000000001/us-east-1.zst", "state/100000000002/x.zst"];
        Ok(states.into_iter().filter(|key| key.starts_with(prefix)).map(str::to_owned).collect())
    }
}

impl ObjectWriter for Sink {
    async fn write(&mut self, _: Bytes) -> Result<(), PortError> {
        Ok(())
    }

    async fn finish(self) -> Result<(), PortError> {
        Ok(())
    }
}

/// A hub that takes everything.
#[derive(Clone)]
struct Open;

impl Hubs for Twin {
    type Hub = Open;

    async fn connect(&self, _: AccountId, _: &Integration) -> Result<Open, ConnectError> {
        match self.opened.lock().unwrap().last().map(String::as_str) {
            Some("unconnected.json") => Err(failure("connect").into()),
            _ => Ok(Open),
        }
    }
}

impl Hub for Open {
    async fn import(&self, _: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let body: Value = serde_json::from_slice(&body).unwrap();
        let success_count = body["Findings"].as_array().unwrap().len();
        Ok(ImportOutcome { success_count, ..ImportOutcome::default() })
    }

    async fn since(&self, _: &RegionName) -> Result<Option<String>, CallError> {
        Ok(None)
    }

    async fn findings(&self, _: &RegionName, _: Option<String>) -> Result<Page, CallError> {
        Ok(Page::default())
    }

    async fn finding(&self, _: &RegionName, _: &str) -> Result<Option<Bytes>, CallError> {
        Ok(None)
    }

    async fn state(&self, _: &RegionName) -> Result<HubState, CallError> {
        Ok(HubState { product_accepted: true })
    }
}

impl Clock for Twin {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn failure(action: &str) -> PortError {
    PortError { action: action.to_owned(), message: "no".to_owned() }
}

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
async fn what_another_try_mends_comes_again_alone_and_the_rest_is_done() {
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
    let again = ["m0", "m6"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": again }));
    let put_back = twin.put_back.lock().unwrap().clone();
    assert_eq!(put_back, [("held.json".to_owned(), BUSY_DELAY)], "what another run works on waits for it");
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
    let order = |name: &str, run_id: &str| json!({ "order": name, "run_id": run_id }).to_string();
    let bodies = [
        order("replay", "scan"),
        // Nothing of the run waits for an approval.
        order("approve", "scan"),
        order("replay", "unconnected"),
        order("undo_archive", "scan"),
        order("replay", "gone"),
        json!({ "order": "dance" }).to_string(),
    ];
    let messages: Vec<_> = bodies.iter().zip(0..).map(|(body, id)| message(&format!("m{id}"), body)).collect();
    let (answer, twin) = handle(json!({ "Records": messages })).await;
    let again = json!([{ "itemIdentifier": "m2" }]);
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": again }), "the scan archived nothing, so it is dropped");
    assert_eq!(*twin.opened.lock().unwrap(), ["scan.json", "unconnected.json", "gone.json"]);
    assert_eq!(*twin.ordered.lock().unwrap(), []);

    let (answer, _) = handle(json!({ "order": "replay", "run_id": "scan" })).await;
    assert_eq!(answer.unwrap()["runs"][0]["status"], "succeeded");
    let (answer, _) = handle(json!({ "order": "undo_archive", "run_id": "scan" })).await;
    assert_eq!(Diagnostic::from(answer.unwrap_err()).error_type, "OrderRefused");
}

#[tokio::test]
async fn replays_follow_one_another_past_what_can_not_be_replayed_but_not_past_what_is_to_be_tried_again() {
    for (first, goes_on) in [("scan", true), ("gone", true), ("unconnected", false)] {
        let body = json!({ "order": "replay", "run_id": first, "then": ["second", "third"] }).to_string();
        let (_, twin) = handle(json!({ "Records": [message("m", &body)] })).await;
        let ordered: Vec<_> = twin.ordered.lock().unwrap().iter().map(|(order, _)| json!(order)).collect();
        let next = json!({ "order": "replay", "run_id": "second", "then": ["third"] });
        assert_eq!(ordered, if goes_on { vec![next] } else { Vec::new() }, "{first}");
    }
}

#[tokio::test]
async fn an_order_about_all_accounts_becomes_one_for_each() {
    let body = json!({ "order": "reconcile", "dry_run": true }).to_string();
    let (answer, twin) = handle(json!({ "Records": [message("m", &body)] })).await;
    assert_eq!(answer.unwrap(), json!({ "batchItemFailures": [] }));
    let ordered: Vec<_> = twin.ordered.lock().unwrap().iter().map(|(order, _)| json!(order)).collect();
    let part = |account: &str| json!({ "order": "reconcile", "provider": account, "dry_run": true });
    assert_eq!(ordered, [part("100000000001"), part("100000000002")]);
}

#[tokio::test]
async fn a_direct_invocation_that_another_try_mends_is_an_error() {
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
async fn services_without_results_are_published_once_after_an_export() {
    let twin = Twin::default();
    let info = UploadInfo { source: "s3://scans/a".to_owned(), etag: "e".to_owned(), bytes: 0, modified_at: None };
    let mut run = RunReport::begin("run-1".to_owned(), info, "2026-11-23T08:00:00Z".parse().unwrap());
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
        coverage::publish(&twin, &run, None).await;
        let published: Vec<_> = twin.published.lock().unwrap().drain(..).collect();
        assert_eq!(published.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds);
        assert!(published.iter().all(|event| event.detail.run_id.as_deref() == Some("run-1")));
    }
}

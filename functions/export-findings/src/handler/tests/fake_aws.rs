//! In-memory AWS for the handler: the key of an object selects its behavior.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use exporter::integration::Integration;
use exporter::jobs::{Chain, JobMessage, JobProgress, JobRecord, JobStore, Queue, Round};
use exporter::notifications::{Event, Notifications, Notified};
use exporter::ports::{
    AccountLocks, Acquired, CallError, Claim, Clock, ConnectError, Hub, HubState, Hubs, ImportOutcome, InDoubt,
    Integrations, Newest, Object, ObjectWriter, Objects, OpenError, Page, PortError, PutMode, Runs, Scan, Scans,
    UploadLocks,
};
use exporter::report::RunReport;
use exporter::scan_source::ScanSource;
use exporter::upload::{Upload, UploadInfo};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;

/// A real scan with one finding, of account 123456789012.
const SCAN: &[u8] = include_bytes!("../../../../../tests/scans/5.46.0-one-finding.ocsf.json");

/// In-memory AWS, in which keys select behavior.
#[derive(Default)]
pub(super) struct FakeAws {
    pub(super) opened: Mutex<Vec<String>>,
    pub(super) recorded: Mutex<Vec<RunReport>>,
    pub(super) requeued: Mutex<Vec<(String, Chain, Duration)>>,
    pub(super) enqueued_jobs: Mutex<Vec<(JobMessage, Duration)>>,
    pub(super) notified: Mutex<(Notified, u64)>,
    pub(super) published: Mutex<Vec<Event>>,
    pub(super) scan_sources: Mutex<Option<Vec<ScanSource>>>,
}

impl Notifications for FakeAws {
    async fn notified(&self, _: AccountId) -> Result<(Notified, u64), PortError> {
        Ok(self.notified.lock().unwrap().clone())
    }

    async fn write_notified(&self, _: AccountId, notified: &Notified, number: u64) -> Result<bool, PortError> {
        *self.notified.lock().unwrap() = (notified.clone(), number + 1);
        Ok(true)
    }

    async fn publish(&self, events: &[Event]) -> Result<BTreeSet<usize>, PortError> {
        self.published.lock().unwrap().extend_from_slice(events);
        Ok((0..events.len()).collect())
    }
}

impl Scans for FakeAws {
    async fn open(&self, upload: &Upload) -> Result<Scan, OpenError> {
        self.opened.lock().unwrap().push(upload.key.clone());
        let body = match upload.key.as_str() {
            "gone.json" => return Err(OpenError::NotFound { url: upload.url() }),
            "denied.json" => return Err(failure("open").into()),
            "page.json" => "<!DOCTYPE html><html></html>".into(),
            _ => Bytes::from_static(SCAN),
        };
        let info = UploadInfo {
            source: upload.url(),
            etag: "e".to_owned(),
            bytes: body.len() as u64,
            modified_at: None,
            requester: upload.requester_of("e"),
        };
        Ok(Scan { info, body: futures::stream::iter([Ok(body)]).boxed() })
    }
}

impl Integrations for FakeAws {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        let scan_sources = self.scan_sources.lock().unwrap().clone();
        let integration = Integration::new(*account);
        Ok(Some(integration.with(|settings| (settings.only_failed, settings.scan_sources) = (false, scan_sources))))
    }
}

impl UploadLocks for FakeAws {
    async fn claim(&self, identity: &str, _: &str, _: bool, _: Timestamp, _: Timestamp) -> Result<Claim, PortError> {
        let run_id = "earlier".to_owned();
        Ok(match identity {
            "s3://scans/held.json#e" => Claim::InProgress { run_id },
            "s3://scans/twice.json#e" => Claim::Completed { run_id },
            _ => Claim::Granted,
        })
    }

    async fn renew_claim(&self, _: &str, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn finish_claim(&self, _: &str, _: &str, _: bool) -> Result<(), PortError> {
        Ok(())
    }
}

impl Runs for FakeAws {
    async fn record(&self, report: &RunReport) -> Result<(), PortError> {
        self.recorded.lock().unwrap().push(report.clone());
        Ok(())
    }

    async fn newest_runs(&self, _: AccountId, _: usize) -> Result<Vec<RunReport>, PortError> {
        Ok(Vec::new())
    }
}

impl AccountLocks for FakeAws {
    async fn acquire(
        &self,
        _: AccountId,
        _: &str,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Acquired, PortError> {
        Ok(match self.opened.lock().unwrap().last().map(String::as_str) {
            Some("busy.json") => Acquired::Locked { run_id: "another".to_owned() },
            _ => Acquired::Granted { in_doubt: InDoubt::default() },
        })
    }

    async fn renew(&self, _: AccountId, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn locked_by(&self, _: AccountId, _: Timestamp) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn lock_status(&self, _: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        Ok(None)
    }

    async fn release(&self, _: AccountId, _: &str, _: InDoubt, _: Option<Timestamp>) -> Result<(), PortError> {
        Ok(())
    }
}

impl Queue for FakeAws {
    async fn requeue(&self, upload: &Upload, round: &Round) -> Result<bool, PortError> {
        self.requeued.lock().unwrap().push((upload.key.clone(), round.chain.clone(), round.delay));
        Ok(true)
    }

    async fn enqueue_job(&self, job: &JobMessage, after: Duration) -> Result<bool, PortError> {
        self.enqueued_jobs.lock().unwrap().push((job.clone(), after));
        Ok(true)
    }
}

/// Jobs of these tests have no ID, so that none is recorded.
impl JobStore for FakeAws {
    async fn job_record(&self, _: &str) -> Result<Option<JobRecord>, PortError> {
        Ok(None)
    }

    async fn record_job(&self, record: &JobRecord) -> Result<bool, PortError> {
        Err(failure(&record.id))
    }

    async fn record_progress(&self, _: &str, _: &JobProgress) -> Result<bool, PortError> {
        Ok(false)
    }

    async fn cancel_job(&self, record: &JobRecord) -> Result<(), PortError> {
        Err(failure(&record.id))
    }
}

pub(super) struct Sink;

impl Objects for FakeAws {
    type Writer = Sink;

    async fn create(&self, _: &str, _: PutMode) -> Result<Sink, PortError> {
        Ok(Sink)
    }

    /// Each upload has an earlier run with the name of its key.
    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let Some(run_id) = key.strip_prefix("runs/").and_then(|key| key.strip_suffix("/report.json")) else {
            return Ok(None);
        };
        let source = format!("s3://scans/{run_id}.json");
        let info = UploadInfo { source, etag: "e".to_owned(), bytes: 0, modified_at: None, requester: None };
        let report = RunReport::new(run_id.to_owned(), info, Timestamp::now());
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

/// A hub that accepts all findings.
#[derive(Clone)]
pub(super) struct OpenHub;

impl Hubs for FakeAws {
    type Hub = OpenHub;

    async fn connect(&self, _: AccountId, _: &Integration) -> Result<OpenHub, ConnectError> {
        match self.opened.lock().unwrap().last().map(String::as_str) {
            Some("unconnected.json") => Err(failure("connect").into()),
            _ => Ok(OpenHub),
        }
    }
}

impl Hub for OpenHub {
    async fn import(&self, _: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let body: Value = serde_json::from_slice(&body).unwrap();
        let success_count = body["Findings"].as_array().unwrap().len();
        Ok(ImportOutcome { success_count, ..ImportOutcome::default() })
    }

    async fn enabled_at(&self, _: &RegionName) -> Result<Option<String>, CallError> {
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

impl Clock for FakeAws {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(super) fn failure(action: &str) -> PortError {
    PortError { action: action.to_owned(), message: "no".to_owned() }
}

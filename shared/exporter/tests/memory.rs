//! Memory of a file of many accounts, in a process of its own: what one more Region of one more account takes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test: it may fail, and says what it measured")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use asff::{AccountId, RegionName};
use bytes::Bytes;
use exporter::export::{Exporter, Options};
use exporter::integration::Integration;
use exporter::ports::{
    AccountLocks, Acquired, CallError, Claim, Clock, ConnectError, Hub, HubState, Hubs, ImportOutcome, InDoubt,
    Integrations, Newest, Object, ObjectWriter, Objects, Page, PortError, PutMode, Runs, Scan, UploadLocks,
};
use exporter::report::{RunReport, RunStatus};
use exporter::settings::Settings;
use exporter::upload::UploadInfo;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::json;

/// Accounts of a file: few first, then more, which shows what one takes.
const ACCOUNTS: [u64; 2] = [200, 600];
const REGIONS: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "sa-east-1",
];
/// Bytes that a Region of an account may take: 34,000 of them, 2,000 accounts in 17 Regions, stay below the budget of 256 MB.
const BYTES_MAX: u64 = 6 * 1024;

/// Stores that keep everything, and a Security Hub that takes everything.
#[derive(Clone, Default)]
struct World {
    objects: Arc<Mutex<BTreeMap<String, Bytes>>>,
    newest: Arc<Mutex<BTreeMap<AccountId, Timestamp>>>,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Integrations for World {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        let mut integration = Integration::new(*account);
        integration.archive_previous_findings = true;
        Ok(Some(integration))
    }
}

impl UploadLocks for World {
    async fn claim(&self, _: &str, _: &str, _: bool, _: Timestamp, _: Timestamp) -> Result<Claim, PortError> {
        Ok(Claim::Granted)
    }

    async fn renew_claim(&self, _: &str, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn finish_claim(&self, _: &str, _: &str, _: bool) -> Result<(), PortError> {
        Ok(())
    }
}

impl Runs for World {
    async fn record(&self, _: &RunReport) -> Result<(), PortError> {
        Ok(())
    }

    async fn newest_runs(&self, _: AccountId, _: usize) -> Result<Vec<RunReport>, PortError> {
        Ok(Vec::new())
    }
}

impl AccountLocks for World {
    async fn acquire(
        &self,
        account: AccountId,
        _: &str,
        _: &str,
        scanned_at: Timestamp,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Acquired, PortError> {
        self.newest.lock().unwrap().insert(account, scanned_at);
        Ok(Acquired::Granted { in_doubt: InDoubt::default() })
    }

    async fn renew(&self, _: AccountId, _: &str, _: Timestamp) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        let newest = self.newest.lock().unwrap().get(&account).copied();
        Ok(newest.map(|newest| (newest.into(), InDoubt::default())))
    }

    async fn locked_by(&self, _: AccountId, _: Timestamp) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn release(&self, _: AccountId, _: &str, _: InDoubt, _: Option<Timestamp>) -> Result<(), PortError> {
        Ok(())
    }
}

struct Writing {
    world: World,
    key: String,
    bytes: Vec<u8>,
}

impl ObjectWriter for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self) -> Result<(), PortError> {
        self.world.objects.lock().unwrap().insert(self.key, self.bytes.into());
        Ok(())
    }
}

impl Objects for World {
    type Writer = Writing;

    async fn create(&self, key: &str, _: PutMode) -> Result<Writing, PortError> {
        Ok(Writing { world: self.clone(), key: key.to_owned(), bytes: Vec::new() })
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let bytes = self.objects.lock().unwrap().get(key).cloned();
        Ok(bytes.map(|bytes| Object { etag: String::new(), body: futures::stream::iter([Ok(bytes)]).boxed() }))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let objects = self.objects.lock().unwrap();
        let range = objects.range(prefix.to_owned()..);
        Ok(range.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect())
    }
}

impl Hubs for World {
    type Hub = Taking;

    async fn connect(&self, _: AccountId, _: &Integration) -> Result<Taking, ConnectError> {
        Ok(Taking)
    }
}

#[derive(Clone)]
struct Taking;

impl Hub for Taking {
    async fn import(&self, _: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let success_count = request["Findings"].as_array().unwrap().len();
        Ok(ImportOutcome { success_count, ..ImportOutcome::default() })
    }

    async fn enabled_at(&self, _: &RegionName) -> Result<Option<String>, CallError> {
        Ok(Some("2026-01-01T00:00:00Z".to_owned()))
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

fn entry(account: u64, region: &str, hours: i64) -> String {
    let account = format!("{:012}", 100_000_000_000 + account);
    let at = 1_772_000_000 + hours * 3600;
    json!({
        "class_uid": 2004, "severity": "High", "status_code": "FAIL", "status": "New", "message": "It fails.",
        "status_detail": "It fails.", "time": at,
        "metadata": { "event_code": "s3_bucket_default_encryption", "version": "1.4.0",
            "product": { "name": "Prowler", "vendor_name": "Prowler", "version": "5.46.0" } },
        "finding_info": { "created_time": at, "title": "It is encrypted", "types": [],
            "uid": format!("prowler-aws-s3_bucket_default_encryption-{account}-{region}-bucket") },
        "resources": [{ "cloud_partition": "aws", "region": region, "type": "AwsS3Bucket",
            "uid": format!("arn:aws:s3:::bucket-{region}"), "labels": [], "data": { "metadata": {} } }],
        "cloud": { "account": { "uid": account }, "provider": "aws", "region": region },
        "remediation": { "desc": "Encrypt it.", "references": [] },
    })
    .to_string()
}

fn scan(hours: i64, accounts: u64) -> Scan {
    let account = move |number: u64| {
        let begin = if number == 0 { "[" } else { "," };
        let end = if number == accounts - 1 { "]" } else { "" };
        let entries: Vec<String> = REGIONS.iter().map(|region| entry(number, region, hours)).collect();
        Ok(Bytes::from(format!("{begin}{}{end}", entries.join(","))))
    };
    let info = UploadInfo {
        source: format!("s3://scans/{hours}"),
        etag: "e".to_owned(),
        bytes: 1,
        modified_at: None,
        requester: None,
    };
    Scan { info, body: futures::stream::iter((0..accounts).map(account)).boxed() }
}

/// The most memory that this process ever had.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "the peak is read from /proc")]
async fn a_suspended_region_uses_at_most_6_kb() {
    let number = |text: String| text.parse().ok();
    let accounts = std::env::var("ACCOUNTS").ok().and_then(number).map_or(ACCOUNTS, |most: u64| [most / 4, most]);
    let mut peaks = Vec::new();
    for accounts in accounts {
        let world = World::default();
        let findings = accounts * REGIONS.len() as u64;
        for hours in 0..2 {
            let exporter = Exporter::new(Arc::new(world.clone()), Settings::default());
            let report = exporter.export(scan(hours, accounts), Options::default()).await.unwrap();
            assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons.first());
            let delivered = if hours == 0 { report.counts.sent } else { report.counts.unchanged };
            assert_eq!(delivered, findings, "{:?}", report.counts);
        }
        let kept: usize = world.objects.lock().unwrap().values().map(Bytes::len).sum();
        // What the stores of this test keep is in S3 otherwise.
        peaks.push(peak_bytes() - u64::try_from(kept).unwrap());
        let peak = peak_bytes() >> 20;
        println!(
            "{accounts} accounts in {} Regions: peak {peak} MB, of it {} MB are the stores",
            REGIONS.len(),
            kept >> 20
        );
    }
    let more = (accounts[1] - accounts[0]) * REGIONS.len() as u64;
    // Suspended accounts take next to nothing: what the stores hold may grow faster than the peak.
    let each = peaks[1].saturating_sub(peaks[0]) / more;
    println!("each Region of each account: {each} bytes");
    assert!(each < BYTES_MAX, "{each} bytes");
}

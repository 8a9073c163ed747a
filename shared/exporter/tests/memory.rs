//! Memory for a file of many accounts, measured in a separate process: the memory of one more Region of one more account.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test: it may fail, and says what it measured")]

use std::sync::Arc;

use asff::AccountId;
use bytes::Bytes;
use exporter::export::{Exporter, Options};
use exporter::model::integration::Integration;
use exporter::model::settings::Settings;
use exporter::model::upload::UploadInfo;
use exporter::ports::Scan;
use exporter::report::RunStatus;
use exporter::testing::InMemory;
use futures::StreamExt;
use serde_json::json;

/// Numbers of accounts in the file. The difference between the two peaks is the memory of the additional accounts.
const ACCOUNTS: [u64; 2] = [100, 300];
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
/// Maximum memory of a Region of an account, in bytes. With 34,000 of them, in 2,000 accounts with 17 Regions, the process stays
/// below the budget of 256 MB.
const BYTES_MAX: u64 = 6 * 1024;

/// Stores that save everything, and a Security Hub that accepts all findings and stores none.
fn memory(accounts: u64) -> InMemory {
    let memory = InMemory::default();
    memory.hubs().contents().discards_findings = true;
    for number in 0..accounts {
        let mut integration = Integration::new(account_id(number).parse::<AccountId>().unwrap());
        integration.archive_previous_findings = true;
        memory.contents().put_integration(integration);
    }
    memory
}

fn account_id(number: u64) -> String {
    format!("{:012}", 100_000_000_000 + number)
}

fn entry(account: u64, region: &str, hours: i64) -> String {
    let account = account_id(account);
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

/// The peak memory of this process.
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
        let memory = memory(accounts);
        let findings = accounts * REGIONS.len() as u64;
        for hours in 0..2 {
            let exporter = Exporter::new(Arc::new(memory.clone()), Settings::default());
            let report = exporter.export(scan(hours, accounts), Options::default()).await.unwrap();
            assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons.first());
            let delivered = if hours == 0 { report.counts.sent } else { report.counts.unchanged };
            assert_eq!(delivered, findings, "{:?}", report.counts);
        }
        let kept: usize = memory.contents().objects.values().map(|(_, bytes)| bytes.len()).sum();
        // The content of the stores is subtracted: in production, it is in S3.
        peaks.push(peak_bytes() - u64::try_from(kept).unwrap());
        let peak = peak_bytes() >> 20;
        println!(
            "{accounts} accounts in {} Regions: peak {peak} MB, of it {} MB are the stores",
            REGIONS.len(),
            kept >> 20
        );
    }
    let more = (accounts[1] - accounts[0]) * REGIONS.len() as u64;
    // Suspended accounts use almost no memory, so that the content of the stores may grow faster than the peak.
    let each = peaks[1].saturating_sub(peaks[0]) / more;
    println!("each Region of each account: {each} bytes");
    assert!(each < BYTES_MAX, "{each} bytes");
}

//! Scans made up for the tests: what an account looks like, as the OCSF file that Prowler would write, and what Security Hub
//! should hold afterwards.

use std::collections::BTreeMap;

use asff::AccountId;
use bytes::Bytes;
use exporter::integration::{Integration, MutedFindings};
use exporter::ports::Scan;
use exporter::upload::UploadInfo;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

/// One check's result for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Result {
    pub(crate) check: &'static str,
    pub(crate) region: &'static str,
    pub(crate) resource: String,
    pub(crate) failed: bool,
    pub(crate) muted: bool,
    /// The check leaves the verdict to a person.
    pub(crate) manual: bool,
    pub(crate) detail: u32,
}

/// What Security Hub should say of a finding: the status and the description.
pub(crate) type Expected = BTreeMap<(String, String), (&'static str, String)>;

/// A scan of one account.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) account: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) results: Vec<Result>,
}

impl Result {
    pub(crate) fn id(&self, account: AccountId) -> String {
        let digest = Sha512::digest(self.resource.as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("prowler-{}-{account}-{}-{}", self.check, self.region, &hash[..9])
    }

    fn description(&self) -> String {
        format!("{} is as it is, take {}", self.resource, self.detail)
    }

    fn ocsf(&self, account: AccountId, at: Timestamp) -> Value {
        json!({
            "class_uid": 2004,
            "metadata": { "event_code": self.check, "product": { "name": "Prowler", "version": "5.46.0" } },
            "severity": "High",
            "status_code": if self.manual { "MANUAL" } else if self.failed { "FAIL" } else { "PASS" },
            "status_id": if self.muted { 3 } else { 1 },
            "status_detail": self.description(),
            "unmapped": { "compliance": { "CIS-5.0": ["1.1"] }, "provider": "aws" },
            "finding_info": {
                "created_time": at.as_second(),
                "title": "Something is as it should be",
                "types": ["Software and Configuration Checks"],
                "uid": format!("prowler-aws-{}-{account}-{}-{}", self.check, self.region, self.resource),
            },
            "resources": [{
                "cloud_partition": "aws",
                "region": self.region,
                "type": "AwsS3Bucket",
                "uid": self.resource,
                "labels": [],
                "data": { "metadata": {} },
            }],
            "cloud": { "account": { "uid": account }, "provider": "aws", "region": self.region },
            "remediation": { "desc": "Mend it.", "references": ["https://hub.prowler.com/check/it"] },
        })
    }
}

impl Scanned {
    /// The file, as an upload under a key of its own.
    pub(crate) fn upload(&self, key: &str) -> Scan {
        let findings: Vec<_> = self.results.iter().map(|result| result.ocsf(self.account, self.at)).collect();
        open(key, &serde_json::to_vec_pretty(&findings).unwrap())
    }

    /// Where checks leave the verdict to a person: what is there stays as it is.
    pub(crate) fn left_alone(&self) -> impl Iterator<Item = (String, String)> {
        let manual = self.results.iter().filter(|result| result.manual);
        manual.map(|result| (result.region.to_owned(), result.id(self.account)))
    }

    /// What an integration wants to be active in Security Hub after this scan, by Region and Id.
    pub(crate) fn wanted(&self, integration: &Integration) -> Expected {
        let mut expected = Expected::new();
        for result in &self.results {
            let status = match (result.muted, result.failed) {
                (true, _) => "WARNING",
                (false, true) => "FAILED",
                (false, false) => "PASSED",
            };
            let sends_muted = match integration.muted {
                MutedFindings::AsProwler => !integration.only_failed,
                MutedFindings::Omit => false,
                MutedFindings::Send => true,
            };
            let sent = match status {
                _ if result.manual => false,
                "FAILED" => true,
                "WARNING" => sends_muted,
                _ => !integration.only_failed,
            };
            if sent {
                let place = (result.region.to_owned(), result.id(self.account));
                expected.insert(place, (status, result.description()));
            }
        }
        expected
    }
}

/// An upload of these bytes.
pub(crate) fn open(key: &str, bytes: &[u8]) -> Scan {
    let digest = Sha512::digest(bytes);
    let etag: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let info = UploadInfo { source: format!("s3://scans/{key}"), etag, bytes: bytes.len() as u64, modified_at: None };
    let chunks: Vec<_> = bytes.chunks(60_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Scan { info, body: futures::stream::iter(chunks).boxed() }
}

//! Generated scans: the results of an account, the OCSF file that Prowler would write for them, and the findings that Security
//! Hub should have afterwards.

use std::collections::BTreeMap;

use asff::AccountId;
use bytes::Bytes;
use exporter::model::integration::{Integration, MutedFindings};
use exporter::model::upload::UploadInfo;
use exporter::ports::Scan;
use futures::StreamExt;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::scan_evidence::Says;

/// One check's result for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Result {
    pub(crate) check: &'static str,
    pub(crate) region: &'static str,
    pub(crate) resource: String,
    pub(crate) failed: bool,
    pub(crate) muted: bool,
    /// The check leaves the verdict to a user.
    pub(crate) manual: bool,
    pub(crate) detail: u32,
    /// The entry's own scan time, if it differs from the scan's.
    pub(crate) at: Option<Timestamp>,
}

/// The layout of the entries in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One JSON array: its end shows that the file is complete.
    #[default]
    Array,
    /// One object with a `Findings` array: its end shows that the file is complete.
    Findings,
    /// One object per line: the end of the file can't be detected.
    Lines,
}

/// An element of the file that is not a result: its text, the place where it could belong, and the number of the result before
/// which it is.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) text: String,
    pub(crate) place: Where,
    pub(crate) before: usize,
}

/// The account, Region, and check of a malformed entry, as far as they are known. `None` could be any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Where {
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) check: Option<String>,
}

/// Expected findings in Security Hub by Region and Id: the status and the description.
pub(crate) type Expected = BTreeMap<(String, String), (&'static str, String)>;

/// A scan of one account.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) account: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) results: Vec<Result>,
    pub(crate) layout: Layout,
    /// Elements that are not results.
    pub(crate) extra: Vec<Extra>,
    /// The file is truncated within the result with this number.
    pub(crate) cut: Option<usize>,
}

impl Result {
    pub(crate) fn id(&self, account: AccountId) -> String {
        let digest = Sha512::digest(self.resource.as_bytes());
        let start = digest.iter().take(5).fold(0, |start, byte| start << 8 | u64::from(*byte));
        format!("prowler-{}-{account}-{}-{:09x}", self.check, self.region, start >> 4)
    }

    pub(crate) fn description(&self) -> String {
        format!("{} is as it is, take {}", self.resource, self.detail)
    }

    /// The meaning of the result for an integration.
    pub(crate) fn says(&self, integration: &Integration) -> Says {
        let sends_muted = match integration.muted {
            MutedFindings::AsProwler => !integration.only_failed,
            MutedFindings::Omit => false,
            MutedFindings::Send => true,
        };
        match (self.muted, self.failed) {
            _ if self.manual => Says::Manual,
            (true, _) if sends_muted => Says::Send("WARNING"),
            (true, _) => Says::Muted,
            (false, true) => Says::Send("FAILED"),
            (false, false) if integration.only_failed => Says::Passed,
            (false, false) => Says::Send("PASSED"),
        }
    }

    pub(crate) fn ocsf(&self, account: AccountId, at: Timestamp) -> Value {
        let at = self.at.unwrap_or(at);
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
    pub(crate) fn new(account: AccountId, at: Timestamp, results: Vec<Result>) -> Self {
        Self { account, at, results, layout: Layout::default(), extra: Vec::new(), cut: None }
    }

    /// Adds passed results for some of the failed ones, as checks report that examine several entries of a resource.
    pub(crate) fn repeat(&mut self, random: &mut StdRng) {
        let failed: Vec<Result> = self.results.iter().filter(|one| one.failed && !one.manual).cloned().collect();
        for one in failed {
            if random.random_bool(0.2) {
                let at = random.random_range(0..=self.results.len());
                self.results.insert(at, Result { failed: false, ..one });
                self.cut = self.cut.map(|cut| if at < cut { cut + 1 } else { cut });
                for extra in self.extra.iter_mut().filter(|extra| extra.before > at) {
                    extra.before += 1;
                }
            }
        }
    }

    /// The newest scan time among the entries that are read.
    pub(crate) fn newest(&self) -> Timestamp {
        let read = self.results.iter().take(self.cut.unwrap_or(self.results.len()));
        read.map(|one| one.at.unwrap_or(self.at)).max().unwrap_or(self.at)
    }

    /// The file, as an upload with this key.
    pub(crate) fn upload(&self, key: &str) -> Scan {
        open(key, &self.bytes())
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut elements: Vec<String> = Vec::new();
        let whole = self.cut.unwrap_or(self.results.len());
        for (number, result) in self.results.iter().enumerate().take(whole) {
            elements.extend(self.extra_at(number));
            let entry = result.ocsf(self.account, self.at);
            let is_pretty = self.layout == Layout::Array;
            elements.push(if is_pretty { format!("{entry:#}") } else { entry.to_string() });
        }
        let cut = self.cut.map(|number| self.results[number].ocsf(self.account, self.at).to_string());
        if cut.is_none() {
            elements.extend(self.extra_at(whole));
        }
        elements.extend(cut.map(|text| text[..text.len() / 2].to_owned()));
        let (open, between, close) = match self.layout {
            Layout::Array => ("[\n", ",\n", "\n]"),
            Layout::Findings => ("{\"Findings\": [\n", ",\n", "\n]}"),
            Layout::Lines => ("", "\n", "\n"),
        };
        let close = if self.cut.is_some() { "" } else { close };
        format!("{open}{}{close}", elements.join(between)).into_bytes()
    }

    fn extra_at(&self, number: usize) -> impl Iterator<Item = String> {
        self.extra.iter().filter(move |extra| extra.before == number).map(|extra| extra.text.clone())
    }

    /// The MANUAL results, whose findings must be unchanged.
    pub(crate) fn left_alone(&self) -> impl Iterator<Item = (String, String)> {
        let manual = self.results.iter().filter(|result| result.manual);
        manual.map(|result| (result.region.to_owned(), result.id(self.account)))
    }

    /// The findings that should be active in Security Hub after this scan, by Region and Id.
    pub(crate) fn wanted(&self, integration: &Integration) -> Expected {
        let mut expected = Expected::new();
        for result in &self.results {
            if let Says::Send(status) = result.says(integration) {
                let place = (result.region.to_owned(), result.id(self.account));
                // Of several entries of one finding, the worst status counts.
                let known = expected.get(&place).map(|(known, _)| badness(known));
                if known.is_none_or(|known| known < badness(status)) {
                    expected.insert(place, (status, result.description()));
                }
            }
        }
        expected
    }
}

fn badness(status: &str) -> u8 {
    match status {
        "FAILED" => 2,
        "WARNING" => 1,
        _ => 0,
    }
}

/// An upload of these bytes.
pub(crate) fn open(key: &str, bytes: &[u8]) -> Scan {
    let digest = Sha512::digest(bytes);
    let etag: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let info = UploadInfo {
        source: format!("s3://scans/{key}"),
        etag,
        bytes: bytes.len() as u64,
        modified_at: None,
        requester: None,
    };
    let chunks: Vec<_> = bytes.chunks(60_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Scan { info, body: futures::stream::iter(chunks).boxed() }
}

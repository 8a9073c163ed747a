//! The content of a scan file: the counts of `hubctl convert` and `hubctl validate`, and their JSON.

use std::collections::BTreeMap;

use asff::{
    AccountId, Ending, Identity, Location, Mapped, Outcome, QuarantineCode, RegionName, ScanFormat, SeverityLabel,
    Status,
};
use exporter::report::ReadStatus;
use jiff::Timestamp;
use serde::Serialize;

use super::pipeline::{Encoded, Finished, Item};

/// Maximum number of examples for each kind of problem.
const EXAMPLES_MAX: usize = 3;
/// Maximum number of distinct repairs, versions, and messages: a hostile file could contain millions.
const KINDS_MAX: usize = 100;

/// The content of a scan file.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ScanSummary {
    /// The file's name.
    pub(crate) source: String,
    /// Its size as stored, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// The format, if detected from the content.
    pub(crate) format: Option<ScanFormat>,
    /// Whether it was read to its end.
    pub(crate) read_status: ReadStatus,
    /// Versions of Prowler in the file; one in a real scan.
    pub(crate) prowler_versions: Vec<String>,
    /// The first and the last time among the findings.
    pub(crate) scanned_at: Option<[Timestamp; 2]>,
    /// Findings mapped, by account.
    pub(crate) accounts: BTreeMap<AccountId, u64>,
    /// Findings mapped, by Region.
    pub(crate) regions: BTreeMap<RegionName, u64>,
    /// Findings mapped, by the status that is sent.
    pub(crate) statuses: BTreeMap<Status, u64>,
    /// Findings mapped, by severity.
    pub(crate) severities: BTreeMap<SeverityLabel, u64>,
    /// Entries of the file. Equal to mapped + skipped + quarantined + malformed.
    pub(crate) read: u64,
    /// Findings within the service's limits.
    pub(crate) mapped: u64,
    /// Findings that are never sent to Security Hub, by reason.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Findings that would be quarantined, by code.
    pub(crate) quarantined: BTreeMap<QuarantineCode, u64>,
    /// Malformed entries.
    pub(crate) malformed: u64,
    /// Mapped findings that were repaired to satisfy the service's limits.
    pub(crate) repaired: u64,
    /// Mapped findings that are duplicates in the file.
    pub(crate) duplicates: u64,
    /// Mapped findings that got a longer Id because another resource has the same short hash.
    pub(crate) collisions: u64,
    /// The repairs.
    pub(crate) repairs: Vec<Repaired>,
    /// Quarantined and malformed entries, with examples.
    pub(crate) problems: Vec<Problem>,
}

/// A kind of repair.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Repaired {
    /// The ASFF field.
    pub(crate) field: &'static str,
    /// What was changed.
    pub(crate) what: String,
    /// Number of repaired findings.
    pub(crate) findings: u64,
    /// Ids of some repaired findings.
    pub(crate) examples: Vec<String>,
}

/// A kind of entry that can't be sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    /// `malformed`, or the quarantine's code.
    pub(crate) code: &'static str,
    /// Number of entries.
    pub(crate) entries: u64,
    /// Examples.
    pub(crate) examples: Vec<Example>,
}

/// An entry that can't be sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Example {
    /// Byte offset in the decompressed file.
    pub(crate) offset: u64,
    /// Why it can't be sent.
    pub(crate) message: String,
    /// The check, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<String>,
    /// The account, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<AccountId>,
    /// The Region, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<RegionName>,
}

impl ScanSummary {
    /// An empty summary of a file.
    pub(crate) fn new(source: String, bytes: Option<u64>) -> Self {
        Self { source, bytes, ..Self::default() }
    }

    /// Counts an entry.
    pub(crate) fn take(&mut self, item: &Item) {
        self.read += 1;
        match item {
            Item::Finding(mapped, identity, encoded) => self.take_finding(mapped, *identity, encoded),
            Item::Other(outcome) => self.take_other(outcome),
        }
    }

    fn take_finding(&mut self, mapped: &Mapped, identity: Identity, encoded: &Encoded) {
        if let Err(too_large) = encoded {
            let example = Example {
                offset: mapped.offset,
                message: too_large.to_string(),
                check: Some(mapped.check_id.to_string()),
                account: Some(mapped.account),
                region: Some(mapped.region),
            };
            return self.quarantine(QuarantineCode::TooLarge, example);
        }
        self.mapped += 1;
        *self.accounts.entry(mapped.account).or_default() += 1;
        *self.regions.entry(mapped.region).or_default() += 1;
        *self.statuses.entry(mapped.status).or_default() += 1;
        *self.severities.entry(mapped.severity).or_default() += 1;
        let [first, last] = self.scanned_at.unwrap_or([mapped.scanned_at; 2]);
        self.scanned_at = Some([first.min(mapped.scanned_at), last.max(mapped.scanned_at)]);
        if let Some(version) = mapped.finding.product_fields.get("ProviderVersion") {
            let known = self.prowler_versions.iter().any(|other| other == version);
            if !known && self.prowler_versions.len() < KINDS_MAX {
                self.prowler_versions.push(version.to_owned());
            }
        }
        match identity {
            Identity::First => {}
            Identity::Duplicate | Identity::Worse | Identity::Older | Identity::Newer => self.duplicates += 1,
            Identity::Collision => self.collisions += 1,
        }
        self.note_repairs(mapped);
    }

    fn note_repairs(&mut self, mapped: &Mapped) {
        if !mapped.repairs.is_empty() {
            self.repaired += 1;
        }
        for repair in &mapped.repairs {
            let known = self.repairs.iter().position(|other| other.field == repair.field && other.what == repair.what);
            let index = match known {
                Some(index) => index,
                None if self.repairs.len() < KINDS_MAX => {
                    let (field, what) = (repair.field, repair.what.to_string());
                    self.repairs.push(Repaired { field, what, findings: 0, examples: Vec::new() });
                    self.repairs.len() - 1
                }
                None => continue,
            };
            let kind = &mut self.repairs[index];
            kind.findings += 1;
            if kind.examples.len() < EXAMPLES_MAX {
                kind.examples.push(mapped.finding.id.to_string());
            }
        }
    }

    fn take_other(&mut self, outcome: &Outcome) {
        match outcome {
            // The finding has no ASFF, since it was not mapped.
            Outcome::Finding(_) => {}
            Outcome::Skipped(skip) => *self.skipped.entry(skip.as_str()).or_default() += 1,
            Outcome::Malformed(broken) => {
                self.malformed += 1;
                let message = format!("{} ({} bytes)", broken.reason, broken.length);
                let Location { account, region, check_id } = broken.location.clone();
                let check = check_id.map(|check| check.to_string());
                let example = Example { offset: broken.offset, message, check, account, region };
                self.problem("malformed", example);
            }
            Outcome::Quarantined(kept) => {
                let example = Example {
                    offset: kept.offset,
                    message: kept.message.clone(),
                    check: kept.check_id.as_ref().map(ToString::to_string),
                    account: kept.account,
                    region: kept.region,
                };
                self.quarantine(kept.code, example);
            }
        }
    }

    fn quarantine(&mut self, code: QuarantineCode, example: Example) {
        *self.quarantined.entry(code).or_default() += 1;
        self.problem(code.as_str(), example);
    }

    fn problem(&mut self, code: &'static str, example: Example) {
        let index = self.problems.iter().position(|problem| problem.code == code).unwrap_or_else(|| {
            self.problems.push(Problem { code, entries: 0, examples: Vec::new() });
            self.problems.len() - 1
        });
        let problem = &mut self.problems[index];
        problem.entries += 1;
        if problem.examples.len() < EXAMPLES_MAX {
            problem.examples.push(example);
        }
    }

    /// Adds what is known at the end of the file.
    pub(crate) fn finish(&mut self, finished: Finished) {
        self.format = finished.format;
        self.read_status = match finished.ending {
            None => ReadStatus::Stopped,
            Some(Ending::Complete) => ReadStatus::Complete,
            Some(Ending::Truncated { offset, reason }) => ReadStatus::Truncated { offset, reason },
            Some(Ending::Rejected(rejection)) => ReadStatus::Rejected { message: rejection.to_string() },
        };
        self.prowler_versions.sort();
    }

    /// Entries that can't be sent.
    pub(crate) fn quarantined_total(&self) -> u64 {
        self.quarantined.values().sum()
    }
}

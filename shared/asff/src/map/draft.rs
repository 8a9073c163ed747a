//! A draft has the fields of a finding from any format, and becomes a finding within Security Hub's limits.
//!
//! Values that Security Hub would reject are shortened or dropped, which is recorded as a repair. If a value can't be
//! repaired, the finding is rejected.

use std::borrow::Cow;

use jiff::Timestamp;
use sha2::{Digest, Sha512};

use super::frameworks::Frameworks;
use super::parts;
use super::tags::Tag;
use crate::finding::{
    Compliance, Finding, FindingProviderFields, Recommendation, Remediation, Resource, Severity, SeverityLabel, Status,
};
use crate::limits;
use crate::outcome::{Mapped, QuarantineCode, RawStatus, Repair};
use crate::{
    AccountId, CheckId, FindingId, Location, Manual, ManualSubject, Partition, RegionName, Regions, ResourceHash,
    Unsent,
};

/// Number of hexadecimal digits of the resource's hash in a finding's ID. It is Prowler's and must never change.
const ID_HASH_DIGITS: usize = 9;

/// A finding as it is in its file.
pub(super) struct Draft<'a> {
    /// The ID, if the file contains it (ASFF).
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) version: Option<Cow<'a, str>>,
    pub(super) check_id: Cow<'a, str>,
    pub(super) account: Cow<'a, str>,
    pub(super) partition: Option<Cow<'a, str>>,
    pub(super) region: Cow<'a, str>,
    pub(super) resource_type: Cow<'a, str>,
    pub(super) resource_uid: Cow<'a, str>,
    pub(super) resource_region: Cow<'a, str>,
    /// What Prowler hashed for the ID, if it is not the UID.
    pub(super) hashed: Option<Cow<'a, str>>,
    pub(super) tags: Vec<Tag<'a>>,
    /// The result of the check. `None` for a manual check.
    pub(super) verdict: Option<Verdict>,
    pub(super) severity: Cow<'a, str>,
    pub(super) title: Cow<'a, str>,
    pub(super) description: Cow<'a, str>,
    pub(super) types: Vec<Cow<'a, str>>,
    pub(super) scanned_at: Timestamp,
    pub(super) created_at: Timestamp,
    pub(super) frameworks: Frameworks,
    pub(super) advice: Cow<'a, str>,
    pub(super) link: Cow<'a, str>,
    pub(super) product_fields: Vec<Tag<'a>>,
    /// The repairs that were made while reading.
    pub(super) repairs: Vec<Repair>,
}

/// The result of a check.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    /// The result before muting, if the file contains it.
    pub(super) raw: Option<RawStatus>,
    /// The status to send.
    pub(super) status: Status,
}

/// Why a finding can't be sent.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) code: QuarantineCode,
    pub(super) message: String,
    /// Whether the entry has all parts of a finding, so that a later release may be able to map it.
    pub(super) is_whole: bool,
}

impl Rejection {
    pub(super) fn new(code: QuarantineCode, message: impl Into<String>) -> Self {
        let is_whole = !matches!(code, QuarantineCode::MissingField | QuarantineCode::NotAScanResult);
        Self { code, message: message.into(), is_whole }
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new(QuarantineCode::MissingField, format!("the finding has no {field}"))
    }
}

/// The account, Region, and check of a finding.
struct Home {
    account: AccountId,
    partition: Partition,
    region: RegionName,
    check_id: CheckId,
}

impl Draft<'_> {
    /// Creates the finding.
    pub(super) fn finish(mut self, offset: u64, regions: &Regions) -> Result<Box<Mapped>, Rejection> {
        let mut repairs = std::mem::take(&mut self.repairs);
        let home = self.region_and_account(regions, &mut repairs)?;
        let verdict = self.verdict.ok_or_else(|| Rejection::missing("status"))?;
        let resource_hash = self.resource_hash()?;
        let severity = SeverityLabel::of(&self.severity).ok_or_else(|| {
            let message = format!("the severity {:?} is not a severity of Security Hub", self.severity);
            Rejection::new(QuarantineCode::InvalidField, message)
        })?;
        let id = self.finding_id(&home, resource_hash)?;
        let finding = Finding {
            id,
            product_arn: product_arn(home.partition, home.region),
            generator_id: ["prowler-", home.check_id.as_str()].concat(),
            aws_account_id: home.account,
            created_at: self.created_at,
            title: parts::title(&self.title, &self.check_id, &mut repairs),
            description: parts::description(&self.description, &self.title, &self.check_id, &mut repairs),
            resources: [Resource {
                r#type: parts::resource_type(&self.resource_type, &mut repairs),
                id: parts::resource_id(&self.resource_uid, &mut repairs),
                partition: home.partition.is_named_in_findings().then_some(home.partition),
                region: parts::resource_region(&self.resource_region, home.region, &mut repairs),
                tags: parts::tags(self.tags, &mut repairs),
            }],
            compliance: Compliance {
                status: verdict.status,
                related_requirements: self.frameworks.requirements,
                associated_standards: self.frameworks.standards,
            },
            remediation: Remediation {
                recommendation: Recommendation {
                    text: parts::advice(&self.advice, &mut repairs),
                    url: parts::link(&self.link, &mut repairs),
                },
            },
            finding_provider_fields: FindingProviderFields {
                severity: Severity { label: severity },
                types: parts::types(self.types, &mut repairs),
            },
            product_fields: parts::product_fields(self.version, &self.resource_uid, self.product_fields, &mut repairs),
        };
        let mapped = Mapped {
            finding,
            check_id: home.check_id,
            account: home.account,
            partition: home.partition,
            region: home.region,
            status: verdict.status,
            raw_status: verdict.raw,
            muted: verdict.status == Status::Warning,
            severity,
            scanned_at: self.scanned_at,
            resource_hash,
            repairs,
            offset,
        };
        within_size(mapped)
    }

    /// The data of a manual check.
    pub(super) fn manual(&self, regions: &Regions) -> Manual {
        let subject = ManualSubject::of(&self.resource_uid);
        Manual { location: self.location(), subject, unsent: self.identify(regions) }
    }

    /// The account, Region, and check that the finding names.
    pub(super) fn location(&self) -> Location {
        Location::parse(&self.account, &self.region, &self.check_id)
    }

    /// The identity of a finding that is not sent. `None` if the entry doesn't contain it.
    fn identify(&self, regions: &Regions) -> Option<Unsent> {
        let home = self.region_and_account(regions, &mut Vec::new()).ok()?;
        let resource_hash = self.resource_hash().ok()?;
        let id = self.finding_id(&home, resource_hash).ok()?;
        let Home { account, partition, region, check_id } = home;
        let scanned_at = self.scanned_at;
        Some(Unsent { id, check_id, account, partition, region, scanned_at, resource_hash })
    }

    fn resource_hash(&self) -> Result<ResourceHash, Rejection> {
        if parts::is_blank(&self.resource_uid) {
            return Err(Rejection::missing("resource uid"));
        }
        Ok(ResourceHash(first_bits(&Sha512::digest(self.resource_uid.as_bytes()))))
    }

    fn region_and_account(&self, regions: &Regions, repairs: &mut Vec<Repair>) -> Result<Home, Rejection> {
        if parts::is_blank(&self.check_id) {
            return Err(Rejection::missing("check (metadata.event_code)"));
        }
        let invalid = |error: crate::InvalidName| Rejection::new(QuarantineCode::InvalidField, error.to_string());
        let check_id: CheckId = self.check_id.parse().map_err(invalid)?;
        if self.account.is_empty() {
            return Err(Rejection::missing("account"));
        }
        let account = self
            .account
            .parse()
            .map_err(|error: crate::InvalidName| Rejection::new(QuarantineCode::InvalidAccount, error.to_string()))?;
        let (region, partition) = self.home(regions, repairs)?;
        Ok(Home { account, partition, region, check_id })
    }

    fn finding_id(&self, home: &Home, uid: ResourceHash) -> Result<FindingId, Rejection> {
        if let Some(id) = &self.id {
            return id
                .parse()
                .map_err(|error: crate::InvalidName| Rejection::new(QuarantineCode::InvalidField, error.to_string()));
        }
        let hash = match &self.hashed {
            Some(hashed) => first_bits(&Sha512::digest(hashed.as_bytes())),
            None => uid.0,
        };
        let hash = hash >> (u128::BITS as usize - 4 * ID_HASH_DIGITS);
        let id = format!(
            "prowler-{}-{}-{}-{hash:0width$x}",
            home.check_id,
            home.account,
            home.region,
            width = ID_HASH_DIGITS
        );
        id.parse().map_err(|error: crate::InvalidName| Rejection::new(QuarantineCode::InvalidField, error.to_string()))
    }
}

/// The ARN of Prowler's product in a Region.
fn product_arn(partition: Partition, region: RegionName) -> String {
    ["arn:", partition.as_str(), ":securityhub:", region.as_str(), ":", super::product::PRODUCT_ARN_END].concat()
}

fn first_bits(digest: &[u8]) -> u128 {
    digest.iter().take(16).fold(0, |bits, &byte| bits << 8 | u128::from(byte))
}

/// Maximum number of bytes of one byte of text in JSON: a control character becomes `\u0000`.
const ESCAPED_BYTES_MAX: usize = 6;
/// An upper bound for the bytes of an encoded finding without its texts.
const FRAME_BYTES: usize = 4096;

/// Rejects a finding that exceeds Security Hub's limit. Only findings with very long tags and fields need to be encoded to
/// determine that.
fn within_size(mapped: Mapped) -> Result<Box<Mapped>, Rejection> {
    if parts::text_bytes(&mapped.finding) * ESCAPED_BYTES_MAX + FRAME_BYTES > limits::FINDING_BYTES_MAX {
        mapped
            .encode(&mapped.first_stamps())
            .map_err(|error| Rejection::new(QuarantineCode::TooLarge, error.to_string()))?;
    }
    Ok(Box::new(mapped))
}

//! A finding in the AWS Security Finding Format, as we send it.
//!
//! Only what a Prowler finding holds is here, in the order in which Prowler writes it. Severity and Types stand in
//! `FindingProviderFields` and nowhere else, as AWS asks of providers (contract 1.6), so that what analysts change stays.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

use crate::{AccountId, FindingId, Partition};

/// The only version of the format there is (contract 1.3).
pub const SCHEMA_VERSION: &str = "2018-10-08";

/// A finding, complete and within the service's limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Unique within the product, the account and the Region.
    pub id: FindingId,
    /// `arn:<partition>:securityhub:<region>::product/prowler/prowler`.
    pub product_arn: String,
    /// Prowler's own fields, in its order.
    pub product_fields: Pairs,
    /// `prowler-<check>`.
    pub generator_id: String,
    /// The account that the finding is about; the caller must be of it.
    pub aws_account_id: AccountId,
    /// When the scan made it: `CreatedAt`, which the service keeps from the first import.
    pub created_at: Timestamp,
    /// What the check looks for.
    pub title: String,
    /// What it found.
    pub description: String,
    /// The one resource.
    pub resources: [Resource; 1],
    /// How the resource stands, and against which standards.
    pub compliance: Compliance,
    /// What to do.
    pub remediation: Remediation,
    /// Severity and Types.
    pub finding_provider_fields: FindingProviderFields,
}

/// A map of texts that keeps its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(Cow<'static, str>, String)>);

impl Pairs {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resource {
    /// A type of the format's list, or `Other`.
    pub r#type: String,
    /// Its ARN, or what Prowler names it by.
    pub id: String,
    /// Left out where the service does not know the partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Where it is.
    pub region: String,
    /// Left out when empty.
    #[serde(skip_serializing_if = "no_pairs")]
    pub tags: Pairs,
}

fn no_pairs(pairs: &Pairs) -> bool {
    pairs.0.is_empty()
}

/// How the resource stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Compliance {
    /// The outcome of the check.
    pub status: Status,
    /// `<framework> <requirements>`, at most 32.
    pub related_requirements: Vec<String>,
    /// The frameworks, at most 20.
    pub associated_standards: Vec<Standard>,
}

/// A standard that the check belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Standard {
    /// Prowler's name of the framework.
    pub standards_id: String,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Remediation {
    /// The advice.
    pub recommendation: Recommendation,
}

/// Advice in words, by a link, or both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Recommendation {
    /// At most 512 characters; left out when there is none, as the service rejects an empty one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where to read more.
    pub url: Cow<'static, str>,
}

/// The provider's own view, which analysts cannot change and we never fight over with them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FindingProviderFields {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is, in the format's taxonomy; never empty.
    pub types: Vec<Cow<'static, str>>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Severity {
    /// One of five words.
    pub label: SeverityLabel,
}

/// How bad a finding is, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Severity))]
#[serde(rename_all = "UPPERCASE")]
pub enum SeverityLabel {
    /// No issue was found.
    Informational,
    /// Needs no action on its own.
    Low,
    /// Must be seen to, not urgently.
    Medium,
    /// Must be seen to first.
    High,
    /// Must be seen to at once.
    Critical,
}

impl SeverityLabel {
    /// Every label, least first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The label as the service writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// The label of a word in any case.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.as_str().eq_ignore_ascii_case(word))
    }
}

/// The outcome of a check as Security Hub knows it, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// All is well.
    Passed,
    /// Muted in Prowler, whatever its outcome.
    Warning,
    /// It is not.
    Failed,
}

impl Status {
    /// Every status, best first.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Warning, Self::Failed];

    /// The status as the service writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Warning => "WARNING",
            Self::Failed => "FAILED",
        }
    }
}

/// Whether a finding is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordState {
    /// It is.
    #[default]
    Active,
    /// It is over; the service deletes it after 30 days.
    Archived,
}

/// What each sending decides again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// Live or archived.
    pub record_state: RecordState,
    /// When this finding was first seen, by whatever scan.
    pub first_observed_at: Timestamp,
    /// Must be later than every value sent before, else the service ignores the update without a word.
    pub updated_at: Timestamp,
}

/// A finding with its stamps: what goes over the wire.
pub(crate) struct Stamped<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) stamps: &'a Stamps,
}

impl Serialize for Stamped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { finding, stamps } = self;
        let mut out = serializer.serialize_struct("AwsSecurityFinding", 16)?;
        out.serialize_field("SchemaVersion", SCHEMA_VERSION)?;
        out.serialize_field("Id", &finding.id)?;
        out.serialize_field("ProductArn", &finding.product_arn)?;
        out.serialize_field("RecordState", &stamps.record_state)?;
        out.serialize_field("ProductFields", &finding.product_fields)?;
        out.serialize_field("GeneratorId", &finding.generator_id)?;
        out.serialize_field("AwsAccountId", &finding.aws_account_id)?;
        out.serialize_field("FirstObservedAt", &stamps.first_observed_at)?;
        out.serialize_field("UpdatedAt", &Milliseconds(stamps.updated_at))?;
        out.serialize_field("CreatedAt", &finding.created_at)?;
        out.serialize_field("Title", &finding.title)?;
        out.serialize_field("Description", &finding.description)?;
        out.serialize_field("Resources", &finding.resources)?;
        out.serialize_field("Compliance", &finding.compliance)?;
        out.serialize_field("Remediation", &finding.remediation)?;
        out.serialize_field("FindingProviderFields", &finding.finding_provider_fields)?;
        out.end()
    }
}

/// Always three digits, so that two sendings within a second differ.
struct Milliseconds(Timestamp);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

//! A finding in the AWS Security Finding Format, as it is sent.
//!
//! It contains only the fields of a Prowler finding, in Prowler's order. Severity and Types are only in
//! `FindingProviderFields`, as AWS requires from providers (contract 1.6), so that changes by analysts are preserved.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

use crate::{AccountId, FindingId, Partition};

/// The only existing version of the format (contract 1.3).
pub const SCHEMA_VERSION: &str = "2018-10-08";

/// A finding, complete and within Security Hub's limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The ID, which is unique within the product, the account, and the Region.
    pub id: FindingId,
    /// `arn:<partition>:securityhub:<region>::product/prowler/prowler`.
    pub product_arn: String,
    /// Prowler's product fields, in its order.
    pub product_fields: Pairs,
    /// `prowler-<check>`.
    pub generator_id: String,
    /// The account of the finding, to which the caller must belong.
    pub aws_account_id: AccountId,
    /// The scan time, as `CreatedAt`: Security Hub keeps the value of the first import.
    pub created_at: Timestamp,
    /// What the check examines.
    pub title: String,
    /// What the check found.
    pub description: String,
    /// The only resource.
    pub resources: [Resource; 1],
    /// The result for the resource, with the standards.
    pub compliance: Compliance,
    /// The recommended fix.
    pub remediation: Remediation,
    /// Severity and Types.
    pub finding_provider_fields: FindingProviderFields,
}

/// A map of strings that preserves its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(Cow<'static, str>, String)>);

impl Pairs {
    /// The value of `key`. `None` if the map doesn't contain it.
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

/// The resource of a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resource {
    /// A resource type of the format's list, or `Other`.
    pub r#type: String,
    /// The ARN, or Prowler's name for the resource.
    pub id: String,
    /// Omitted if the format doesn't define the partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// The Region of the resource.
    pub region: String,
    /// Omitted if empty.
    #[serde(skip_serializing_if = "no_pairs")]
    pub tags: Pairs,
}

fn no_pairs(pairs: &Pairs) -> bool {
    pairs.0.is_empty()
}

/// The result of the check for the resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Compliance {
    /// The status.
    pub status: Status,
    /// `<framework> <requirements>`; at most 32.
    pub related_requirements: Vec<String>,
    /// The frameworks; at most 20.
    pub associated_standards: Vec<Standard>,
}

/// A standard that the check belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Standard {
    /// Prowler's name of the framework.
    pub standards_id: String,
}

/// The recommended fix.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Remediation {
    /// The recommendation.
    pub recommendation: Recommendation,
}

/// A recommendation as text, a link, or both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Recommendation {
    /// At most 512 characters. Omitted if empty, since Security Hub rejects an empty text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A link to more information.
    pub url: Cow<'static, str>,
}

/// The fields of the provider, which analysts can't change and updates don't overwrite for them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FindingProviderFields {
    /// The severity.
    pub severity: Severity,
    /// The types of the finding in the format's taxonomy; never empty.
    pub types: Vec<Cow<'static, str>>,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Severity {
    /// The severity label.
    pub label: SeverityLabel,
}

/// The severity label of a finding, least severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Severity))]
#[serde(rename_all = "UPPERCASE")]
pub enum SeverityLabel {
    /// No issue was found.
    Informational,
    /// No action is required for this finding alone.
    Low,
    /// The issue must be fixed, but not urgently.
    Medium,
    /// The issue must be fixed as a priority.
    High,
    /// The issue must be fixed immediately.
    Critical,
}

impl SeverityLabel {
    /// Every label, least severe first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The label in Security Hub's spelling.
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

    /// Parses a label, ignoring case.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.as_str().eq_ignore_ascii_case(word))
    }
}

/// The compliance status in Security Hub, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The check passed.
    Passed,
    /// The finding is muted in Prowler, regardless of the check's result.
    Warning,
    /// The check failed.
    Failed,
}

impl Status {
    /// Every status, best first.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Warning, Self::Failed];

    /// The status in Security Hub's spelling.
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
    /// The finding is active.
    #[default]
    Active,
    /// The finding is resolved. Security Hub deletes it after 30 days.
    Archived,
}

/// The fields that are set each time a finding is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// Active or archived.
    pub record_state: RecordState,
    /// When any scan first contained the finding.
    pub first_observed_at: Timestamp,
    /// Must be later than every value sent before. Otherwise, Security Hub ignores the update without an error.
    pub updated_at: Timestamp,
}

/// A finding with its stamps, as it is serialized for Security Hub.
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

/// A time with exactly three decimal digits, so that two updates within a second have different times.
struct Milliseconds(Timestamp);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

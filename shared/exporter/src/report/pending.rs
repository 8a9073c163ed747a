//! A finding that requires approval to be archived, as a line of the run's list.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of `runs/<run_id>/pending.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingFinding {
    /// The account.
    pub account: AccountId,
    /// The finding's ID.
    pub finding_id: String,
    /// The check's ID.
    pub check_id: String,
    /// The check's ID up to the first underscore.
    pub service: String,
    /// The Region of the resource.
    pub region: RegionName,
    /// The severity label.
    pub severity: String,
    /// The ID of the first resource: an ARN, mostly.
    pub resource_id: String,
    /// When a scan first contained it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_observed_at: Timestamp,
    /// The evidence.
    pub class: PendingClass,
    /// Why approval is required: `archive_limit`, or the reason for which the finding is unproven, such as
    /// `no_service_results`.
    pub reason: String,
}

/// The reason of findings that the scan shows as resolved, but that exceed the archive limit.
pub const ARCHIVE_LIMIT: &str = "archive_limit";

/// The evidence of a scan about a finding that requires approval to be archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PendingClass {
    /// The finding passed.
    Passed,
    /// The finding is muted.
    Muted,
    /// The Security Hub of the finding's own Region has it now; this is the copy in the fallback Region.
    Moved,
    /// The finding is absent, and its check has results in its Region.
    Proven,
    /// The finding is absent from as many consecutive scans as the integration requires.
    Absent,
    /// The scan proves nothing about the finding.
    Unproven,
}

impl PendingClass {
    /// The value in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Muted => "muted",
            Self::Moved => "moved",
            Self::Proven => "proven",
            Self::Absent => "absent",
            Self::Unproven => "unproven",
        }
    }
}

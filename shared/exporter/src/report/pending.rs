//! A finding that is archived upon approval, as a line of the run's list.

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
    /// When a scan first had it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_observed_at: Timestamp,
    /// The evidence.
    pub class: PendingClass,
    /// What the approval is needed for: `archive_limit`, or why the finding is unproven, such as `no_service_results`.
    pub reason: String,
}

/// The reason of findings that are resolved by the scan, and more than the limit.
pub const ARCHIVE_LIMIT: &str = "archive_limit";

/// What a scan says of a finding that is archived upon approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PendingClass {
    /// It passed.
    Passed,
    /// It is muted.
    Muted,
    /// Its own Region's Security Hub has it by now; this is the copy in the fallback Region.
    Moved,
    /// It is absent, and its check has results in its Region.
    Proven,
    /// It is absent from as many consecutive scans as the integration asks for.
    Absent,
    /// The scan proves nothing about it.
    Unproven,
}

impl PendingClass {
    /// The word that tables show.
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

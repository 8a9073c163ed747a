//! The part of a run's report that is about one account.

use std::collections::BTreeMap;

use asff::RegionName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Counts, Drift, PendingArchive};
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;

/// The results of one Region of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionReport {
    /// Findings stored.
    pub sent: u64,
    /// The findings to send, compared with what was last sent.
    #[serde(default)]
    pub changes: Changes,
    /// Findings that Security Hub already has with this content.
    pub unchanged: u64,
    /// Findings filtered.
    #[serde(default)]
    pub filtered: u64,
    /// Findings of earlier scans that were archived.
    pub archived: u64,
    /// Active findings in the Region's Security Hub after the run, by the state. Includes copies of other Regions' findings. Absent
    /// if the state was not read or not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u64>,
    /// When these findings were archived, by the state; `undo-archive` finds them by this time. A Region's findings are all
    /// archived at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub archived_at: Option<Timestamp>,
    /// Findings adopted from Security Hub.
    pub adopted: u64,
    /// Pages of the Region's findings that were read and saved, after which a later run continues.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub pages_read: u64,
    /// Why nothing was adopted, although it should have been. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_skipped: Option<String>,
    /// Set if it can't be determined whether Security Hub was disabled and enabled again since the state was saved: the
    /// reason and the remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_unverified: Option<String>,
    /// The differences between Security Hub and the state, if the run compared them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Calls made, retries included.
    pub calls: u64,
    /// Calls that were throttled.
    pub throttled: u64,
    /// Calls that failed for another transient reason.
    pub retried: u64,
    /// Why it is unknown which findings of this Region are resolved; a retry of the run determines it. Absent if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// Why this Region is unavailable, and the command that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Problem>,
}

/// Findings to send, by reason. They were not necessarily delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Never sent before.
    pub new: u64,
    /// Its content changed, or it is unknown whether it arrived.
    pub changed: u64,
    /// It was archived and failed again.
    pub reactivated: u64,
    /// Not sent for so long that Security Hub would soon delete it, or sent with every scan because the integration is
    /// configured to do so.
    pub refresh_due: u64,
}

impl Changes {
    /// The sum of all reasons.
    pub fn total(&self) -> u64 {
        self.new + self.changed + self.reactivated + self.refresh_due
    }
}

/// The results of one account of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountReport {
    /// The integration of the account. Absent if the account has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub integration: Option<ProviderId>,
    /// The outcome of the account's findings.
    pub counts: Counts,
    /// Why nothing could be sent for the account, and how to fix it. Absent if findings could be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why findings were not archived although the settings would archive them. Absent if they were archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSkipped>,
    /// The findings that are archived upon approval, by service and Region, if there are any. Lists of runs don't have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_archive: Option<PendingArchive>,
    /// Active findings that the scan proves nothing about, by their Region, service, and reason.
    #[serde(default, skip_serializing_if = "Unproven::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>))]
    pub unproven: Unproven,
    /// The times of the file's scans, if it has several of the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, format = DateTime))]
    pub scan_times: Vec<Timestamp>,
    /// How the scan differs from the last whole scan, if it looks partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_scan: Option<PartialScan>,
    /// The services without results in a Region although findings of them are active. Absent if the run did not determine
    /// them, since its settings archive nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncovered: Option<Vec<Uncovered>>,
    /// Quarantined and undelivered findings by Region: that of the resource, or the fallback Region that they go to. They are among
    /// `counts`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<RegionName, u64>,
    /// The results by Region.
    pub regions: BTreeMap<RegionName, RegionReport>,
}

impl AccountReport {
    /// Adds quarantined and undelivered findings.
    pub(crate) fn add_errors(&mut self, errors: &BTreeMap<RegionName, u64>) {
        for (region, findings) in errors {
            *self.errors.entry(*region).or_default() += findings;
        }
    }
}

/// Numbers of unproven findings, by Region, service, and reason.
pub type Unproven = BTreeMap<RegionName, BTreeMap<String, BTreeMap<String, u64>>>;

/// A scan that looks partial, compared with the last whole scan of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartialScan {
    /// PASS and FAIL entries.
    pub verdicts: u64,
    /// Distinct checks with PASS or FAIL entries.
    pub checks: u64,
    /// PASS and FAIL entries of the last whole scan.
    pub last_verdicts: u64,
    /// Distinct checks of the last whole scan.
    pub last_checks: u64,
    /// The time of the last whole scan.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_scanned_at: Timestamp,
}

/// A service without results in a Region although findings of it are active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Uncovered {
    /// The Region of the findings.
    pub region: RegionName,
    /// The service: a check's ID up to the first underscore.
    pub service: String,
    /// The reason, such as `no_service_results`.
    pub reason: String,
    /// Active findings without evidence.
    pub findings: u64,
    /// The time of the first scan without results.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}

/// Why a run did not archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ArchiveSkipped {
    /// More findings than the archive limit are resolved: archiving them requires approval.
    ArchiveRequiresApproval {
        /// Findings that the scan shows as resolved.
        pending: u64,
        /// Active findings before the run.
        active: u64,
    },
    /// The scan is incomplete or can't be trusted.
    Incomplete {
        /// The reason.
        why: String,
    },
}

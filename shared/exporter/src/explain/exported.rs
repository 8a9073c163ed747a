//! The data of a finding that its ID and the Region states contain.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The parts of a finding's ID: `prowler-<check>-<account>-<region>-<hash of the resource>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindingName {
    /// The check's ID. It may contain hyphens and underscores.
    pub check: String,
    /// The account.
    pub account: AccountId,
    /// The Region of the resource.
    pub region: RegionName,
    /// The beginning of the resource's hash: 9 digits, or 32 if two resources have the same 9.
    pub hash: String,
}

impl FindingName {
    /// Parses an ID. `None` if it is not an ID of Prowler.
    pub fn parse(id: &str) -> Option<Self> {
        let (rest, hash) = id.strip_prefix("prowler-")?.rsplit_once('-')?;
        let is_hash = [9, 32].contains(&hash.len()) && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        // A Region's name contains no group of 12 digits, so the last such group is the account.
        let (check, account, region) = rest.match_indices('-').rev().find_map(|(at, _)| {
            let (account, region) = rest[at + 1..].split_once('-')?;
            Some((&rest[..at], account.parse().ok()?, region.parse().ok()?))
        })?;
        (is_hash && !check.is_empty()).then(|| Self { check: check.to_owned(), account, region, hash: hash.to_owned() })
    }
}

/// Entry of a finding in a Region state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedState {
    /// The Region to which it was sent.
    pub region: RegionName,
    /// `active`, `archived`, or `uncertain`: the call that sent it had no response.
    pub state: String,
    /// The finding's status; for an archived finding, the status while it was active.
    pub status: String,
    /// Why the finding is archived: `absent`, `passed`, or `muted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_as: Option<String>,
    /// For an active finding: the number of consecutive scans in which it was absent, if absence is the only evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<u8>,
    /// When a scan first contained it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// When it was last sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_sent: Timestamp,
    /// The `UpdatedAt` with which it was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// The content hash as 16 hex digits, which is compared with the next scan's. Zeros if it is unknown.
    pub content: String,
    /// The run that sent it last, if that is one of the newest runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_by: Option<String>,
    /// The finding as it was last sent.
    pub finding: Value,
}

//! What the ID and the Region states contain about a finding.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a finding's Id says: `prowler-<check>-<account>-<region>-<hash of the resource>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindingName {
    /// The check. It may hold dashes and underscores.
    pub check: String,
    /// The account.
    pub account: AccountId,
    /// The Region of the resource.
    pub region: RegionName,
    /// The beginning of the resource's hash: 9 digits, or 32 where two resources share those.
    pub hash: String,
}

impl FindingName {
    /// Takes an Id apart. None, if it is not one of Prowler's.
    pub fn parse(id: &str) -> Option<Self> {
        let (rest, hash) = id.strip_prefix("prowler-")?.rsplit_once('-')?;
        let is_hash = [9, 32].contains(&hash.len()) && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        // A Region's name holds no group of twelve digits, so the last one is the account.
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
    /// `active`, `archived`, or `uncertain`: a call that carried it had no answer.
    pub state: String,
    /// Its status, or the one that it had while it was active.
    pub status: String,
    /// Why it is archived: `absent`, `passed` or `muted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_as: Option<String>,
    /// In how many scans in a row it was absent, if it is active, and absence is the only evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<u8>,
    /// When a scan first had it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// When it was last sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_sent: Timestamp,
    /// The `UpdatedAt` that it was sent with.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// The hash of its content, by which the next scan is compared, as 16 digits. Zeros if it is unknown.
    pub content: String,
    /// The run that sent it last, where it is among the last runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_by: Option<String>,
    /// The finding as it was last sent.
    pub finding: Value,
}

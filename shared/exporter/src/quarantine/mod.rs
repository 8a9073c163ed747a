//! What could not be sent and will not become sendable by itself: kept with its bytes and the reason, as JSON lines
//! beside the run's report.
//!
//! Promises: constant memory; of what can't be mapped only the fields that we know are carried along, since a scan can hold secrets
//! anywhere else.

mod entries;
mod rewrite;

use asff::{AccountId, Malformed, Mapped, Quarantined, RegionName, TooLarge};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::entries::EntryReader;
pub(crate) use self::rewrite::{EntryOutcome, rewrite};

use crate::json_lines::{JsonLines, WriterTask};
use crate::ports::Objects;
use crate::report::RunReport;
use crate::state::FindingMeta;

/// Bytes of a finding that is too large at most, for it to be kept: four times what the service takes.
const KEPT_BYTES_MAX: usize = 4 * asff::limits::FINDING_BYTES_MAX;

/// A finding that the service rejected, with its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) id: String,
    pub(crate) meta: FindingMeta,
    pub(crate) json: Bytes,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// One line of the quarantine object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it was found out.
    pub stage: Stage,
    /// The reason's short name: ours, or the service's error code.
    pub code: String,
    /// The reason, or the service's words.
    pub message: String,
    /// The finding's Id, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The Region whose Security Hub rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// Where it begins in the decompressed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The finding: as ASFF where it was mapped, otherwise the known fields of the element, as text where it is damaged. None where
    /// it is too large to be kept.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub finding: serde_json::Value,
}

/// Where a finding was found to be unfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The element is broken in the file.
    Reading,
    /// It can't be mapped to ASFF.
    Mapping,
    /// Security Hub rejected it.
    Delivery,
}

impl Stage {
    /// The word that tables show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Mapping => "mapping",
            Self::Delivery => "delivery",
        }
    }
}

impl Entry {
    /// An element that is broken in the file.
    pub(crate) fn malformed(malformed: &Malformed) -> Self {
        Self {
            stage: Stage::Reading,
            code: "malformed".to_owned(),
            message: format!("{} ({} bytes)", malformed.reason, malformed.length),
            id: None,
            account: malformed.place.account,
            region: malformed.place.region,
            offset: Some(malformed.offset),
            finding: String::from_utf8_lossy(&malformed.excerpt).into(),
        }
    }

    /// A finding that can't be mapped.
    pub(crate) fn unmappable(quarantined: Quarantined) -> Self {
        let text = || String::from_utf8_lossy(&quarantined.element).into();
        Self {
            stage: Stage::Mapping,
            code: quarantined.code.as_str().to_owned(),
            message: quarantined.message,
            id: None,
            account: quarantined.account,
            region: quarantined.region,
            offset: Some(quarantined.offset),
            finding: serde_json::from_slice(&quarantined.element).unwrap_or_else(|_| text()),
        }
    }

    /// A finding that is larger than the service takes, whatever is cut. It is kept where it is not much larger.
    pub(crate) fn too_large(mapped: &Mapped, error: &TooLarge) -> Self {
        let finding = if error.bytes <= KEPT_BYTES_MAX {
            serde_json::from_slice(&mapped.encode_whole(&mapped.first_stamps())).unwrap_or_default()
        } else {
            serde_json::Value::Null
        };
        Self {
            stage: Stage::Mapping,
            code: asff::QuarantineCode::TooLarge.as_str().to_owned(),
            message: error.to_string(),
            id: Some(mapped.finding.id.to_string()),
            account: Some(mapped.account),
            region: Some(mapped.region),
            offset: Some(mapped.offset),
            finding,
        }
    }

    /// A finding that Security Hub rejected.
    pub(crate) fn rejected(account: AccountId, region: RegionName, rejected: Rejected) -> Self {
        Self {
            stage: Stage::Delivery,
            code: rejected.code,
            message: rejected.message,
            id: Some(rejected.id),
            account: Some(account),
            region: Some(region),
            offset: None,
            finding: serde_json::from_slice(&rejected.json).unwrap_or_default(),
        }
    }
}

/// The way into a run's quarantine.
pub type Quarantine = JsonLines<Entry>;

impl Quarantine {
    /// Opens a run's quarantine.
    pub(crate) fn for_run<P: Objects + Send + Sync + 'static>(
        ports: std::sync::Arc<P>,
        run_id: &str,
    ) -> (Self, WriterTask) {
        Self::open(ports, RunReport::quarantine_key(run_id))
    }
}

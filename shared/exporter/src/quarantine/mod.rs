//! The quarantine: findings that can't be sent without a change, with their bytes and the reason, as JSON lines next to the
//! run's report.
//!
//! Guarantees: constant memory; of an element that can't be mapped, only known fields are saved, since any other field of a
//! scan may contain secrets.

mod entries;
mod rewrite;

use asff::{AccountId, Malformed, Mapped, Quarantined, RegionName, TooLarge};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::entries::EntryReader;
pub(crate) use self::rewrite::{EntryOutcome, rewrite};

use crate::lines::writer::{JsonLines, WriterTask};
use crate::ports::Objects;
use crate::report::RunReport;
use crate::state::FindingMeta;

/// Maximum size of a finding that is quarantined because it is too large: four times Security Hub's limit. A larger one is
/// quarantined without its content.
const KEPT_BYTES_MAX: usize = 4 * asff::limits::FINDING_BYTES_MAX;

/// A finding that Security Hub rejected, with the error.
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
    /// The stage that rejected the entry.
    pub stage: Stage,
    /// A short name of the reason, or Security Hub's error code.
    pub code: String,
    /// The reason, or Security Hub's error message.
    pub message: String,
    /// The finding's ID, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The Region whose Security Hub rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// The offset of the element in the decompressed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The finding: as ASFF if it was mapped, otherwise the known fields of the element; as a string if the element is
    /// malformed. Null if the finding is too large to be saved.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub finding: serde_json::Value,
}

/// The stage at which a finding was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The element is malformed in the file.
    Reading,
    /// The element can't be mapped to ASFF.
    Mapping,
    /// Security Hub rejected the finding.
    Delivery,
}

impl Stage {
    /// The value in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Mapping => "mapping",
            Self::Delivery => "delivery",
        }
    }
}

impl Entry {
    /// An element that is malformed in the file.
    pub(crate) fn malformed(malformed: &Malformed) -> Self {
        Self {
            stage: Stage::Reading,
            code: "malformed".to_owned(),
            message: format!("{} ({} bytes)", malformed.reason, malformed.length),
            id: None,
            account: malformed.location.account,
            region: malformed.location.region,
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

    /// A finding that exceeds Security Hub's limit even if all text is shortened. It is saved unless it is much larger.
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

/// A handle with which a run's tasks write its quarantine.
pub type Quarantine = JsonLines<Entry>;

impl Quarantine {
    /// Creates the handle and the writer task of a run's quarantine.
    pub(crate) fn for_run<P: Objects + Send + Sync + 'static>(
        ports: std::sync::Arc<P>,
        run_id: &str,
    ) -> (Self, WriterTask) {
        Self::open(ports, RunReport::quarantine_key(run_id))
    }
}

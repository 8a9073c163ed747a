//! Findings of the state as they are resent: archived, reactivated, or unchanged.

use asff::{Regions, Status};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::finding::{FindingMeta, Stored};

/// How a finding was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The scan no longer has the finding, or another Region has it.
    Gone,
    /// The check passes now.
    Passed,
    /// The finding is muted now.
    Muted,
}

impl Resolution {
    /// The status with which the finding is archived. `None` if it keeps its own status.
    fn status(self) -> Option<Status> {
        match self {
            Self::Gone => None,
            Self::Passed => Some(Status::Passed),
            Self::Muted => Some(Status::Warning),
        }
    }
}

/// The finding as last sent, archived.
///
/// # Errors
///
/// When the JSON is not an object.
pub fn archived(json: &[u8], ended: Resolution, updated_at: Timestamp) -> serde_json::Result<Vec<u8>> {
    with_record_state(json, "ARCHIVED", ended.status(), updated_at)
}

/// The finding as last sent, active with this status.
///
/// # Errors
///
/// When the JSON is not an object.
pub fn reactivated(json: &[u8], status: Status, updated_at: Timestamp) -> serde_json::Result<Vec<u8>> {
    with_record_state(json, "ACTIVE", Some(status), updated_at)
}

/// The finding as last sent, with a later time, so that the service accepts it.
///
/// # Errors
///
/// When the JSON is not an object.
pub fn resent(json: &[u8], updated_at: Timestamp) -> serde_json::Result<Vec<u8>> {
    let mut finding: Map<String, Value> = serde_json::from_slice(json)?;
    finding.insert("UpdatedAt".to_owned(), format!("{updated_at:.3}").into());
    serde_json::to_vec(&finding)
}

/// The status that a finding has, or had while it was active. If it is uncertain, the status is derived from the
/// content hash.
pub(crate) fn status_of(meta: &FindingMeta, json: &Bytes, regions: &Regions) -> Status {
    match meta.stored {
        Stored::Active(status) | Stored::Archived(status) => status,
        Stored::Uncertain => {
            let is_it = |status: &Status| {
                let active = reactivated(json, *status, Timestamp::UNIX_EPOCH).unwrap_or_default();
                asff::map_asff(&active.into(), regions).is_some_and(|mapped| mapped.content_hash() == meta.content)
            };
            Status::ALL.into_iter().find(is_it).unwrap_or(Status::Failed)
        }
    }
}

/// Whether a finding was last sent as archived.
pub(crate) fn is_archived(json: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Sent<'a> {
        #[serde(rename = "RecordState")]
        record_state: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Sent<'_>>(json).is_ok_and(|sent| sent.record_state == "ARCHIVED")
}

fn with_record_state(
    json: &[u8],
    record_state: &str,
    status: Option<Status>,
    updated_at: Timestamp,
) -> serde_json::Result<Vec<u8>> {
    let mut finding: Map<String, Value> = serde_json::from_slice(json)?;
    finding.insert("RecordState".to_owned(), record_state.into());
    finding.insert("UpdatedAt".to_owned(), format!("{updated_at:.3}").into());
    if let Some(status) = status {
        let compliance = finding.entry("Compliance").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(compliance) = compliance {
            compliance.insert("Status".to_owned(), status.as_str().into());
        }
    }
    serde_json::to_vec(&finding)
}

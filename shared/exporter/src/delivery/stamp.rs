//! The times and the `ProductArn` that a finding is sent with.

use asff::{Mapped, Stamps};
use jiff::{SignedDuration, Timestamp};

use crate::delivery::pack::Outgoing;
use crate::ports::PortError;
use crate::state::{FindingMeta, Stored};

pub(super) fn finding_id(json: &[u8]) -> serde_json::Result<String> {
    #[derive(serde::Deserialize)]
    struct FindingHead {
        #[serde(rename = "Id")]
        id: String,
    }
    serde_json::from_slice::<FindingHead>(json).map(|head| head.id)
}

/// A finding of the state to be resent as updated at `updated_ms`. `write` returns its JSON for that time.
pub(crate) fn resend_stored(
    meta: &FindingMeta,
    stored: Stored,
    updated_ms: i64,
    now: Timestamp,
    write: impl FnOnce(Timestamp) -> serde_json::Result<Vec<u8>>,
) -> Result<Outgoing, PortError> {
    let failed = |error: &dyn std::fmt::Display| PortError {
        action: "resend a finding of the Region state".to_owned(),
        message: error.to_string(),
    };
    let updated_at = Timestamp::from_millisecond(updated_ms).map_err(|error| failed(&error))?;
    let json = write(updated_at).map_err(|error| failed(&error))?;
    let id = finding_id(&json).map_err(|error| failed(&error))?;
    let absent = if meta.is_unarchived() { 0 } else { meta.absent };
    let meta = FindingMeta { updated_ms, sent_ms: now.as_millisecond(), stored, absent, ..*meta };
    Ok(Outgoing { id, json: json.into(), meta, apart: false })
}

/// Converts a finding for another Region's Security Hub; its resource stays in its own Region.
pub(super) fn retarget(finding: &Outgoing, product_arn: &str) -> serde_json::Result<Vec<u8>> {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&finding.json)?;
    fields.insert("ProductArn".to_owned(), product_arn.into());
    for (name, ms) in [("FirstObservedAt", finding.meta.first_seen_ms), ("UpdatedAt", finding.meta.updated_ms)] {
        if let Ok(time) = Timestamp::from_millisecond(ms) {
            fields.insert(name.to_owned(), format!("{time:.3}").into());
        }
    }
    serde_json::to_vec(&fields)
}

/// Computes the times of a finding. It is first observed when it was first seen according to the state. It is updated
/// at the scan time, but never in the future, since Security Hub would ignore every correct update until then; later
/// than the version last sent; and later than the versions that this run may have sent: `repeats` entries of the file
/// came after the first.
pub(super) fn compute_stamps(mapped: &Mapped, repeats: u32, last: Option<&FindingMeta>, now: Timestamp) -> Stamps {
    let scanned_at = mapped.scanned_at.min(now);
    let after_last = last.and_then(|last| Timestamp::from_millisecond(last.updated_ms + 1).ok());
    let updated_at = after_last.map_or(scanned_at, |after_last| scanned_at.max(after_last));
    let updated_at = updated_at.saturating_add(SignedDuration::from_millis(repeats.into())).unwrap_or(updated_at);
    // A version that this run already sent is older than the clock, so that the clock's time is later than its time.
    let updated_at = updated_at.min(now.max(after_last.unwrap_or(now)));
    let first_seen = last.and_then(|last| Timestamp::from_millisecond(last.first_seen_ms).ok());
    let first_observed_at = first_seen.map_or(scanned_at, |first_seen| first_seen.min(scanned_at));
    Stamps { updated_at, first_observed_at, ..mapped.first_stamps() }
}

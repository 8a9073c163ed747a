//! Requests with an idempotency key take effect once.

use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{IdempotencyRecord, Stored};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Service;
use super::resource::StoredResource;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;

/// Retention of idempotency records: longer than any client retries a request.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);
/// Number of characters of an idempotency key.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// Idempotency key of a request, which may be delivered more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key that the client chose.
    pub key: String,
    /// Hash of the request, including its access key: a request with the same idempotency key and another access key differs. The
    /// hash doesn't reveal the access key, which has 240 random bits.
    pub fingerprint: String,
}

impl<P: Ports> Service<P> {
    /// The resource that an earlier request with the same key created.
    pub(super) async fn find_earlier<T: StoredResource>(
        &self,
        idempotency_key: Option<&IdempotencyKey>,
        caller: &Caller,
    ) -> Result<Option<Stored<T>>, ApiError> {
        let Some(idempotency_key) = idempotency_key else { return Ok(None) };
        if !KEY_CHARS.contains(&idempotency_key.key.len())
            || !idempotency_key.key.bytes().all(|letter| letter.is_ascii_graphic())
        {
            return Err(ApiError::field("Idempotency-Key", "must have 1 to 255 visible ASCII characters"));
        }
        let found = self.ports.idempotency_record(&idempotency_key.record_key(caller), self.ports.now()).await?;
        let Some(earlier) = found else { return Ok(None) };
        if earlier.fingerprint != idempotency_key.fingerprint {
            return Err(ApiError::IdempotencyKeyReused);
        }
        let made = T::read(self.ports.as_ref(), &earlier.made).await?;
        // A late delivery must neither recreate a deleted resource nor return a resource that another request created.
        let made = made.filter(|stored| stored.created_at.as_second() == requested_at(&earlier).as_second());
        made.map(Some).ok_or(ApiError::IdempotencyKeyTargetDeleted { kind: T::KIND, id: earlier.made })
    }
}

/// Time of a recorded request, with second precision.
fn requested_at(idempotency_record: &IdempotencyRecord) -> Timestamp {
    idempotency_record.until.saturating_sub(RETENTION).unwrap_or(Timestamp::MIN)
}

impl IdempotencyKey {
    /// Key of the record, which is unique among all callers.
    pub(super) fn record_key(&self, Caller(caller): &Caller) -> String {
        let hash = Sha256::new().chain_update(caller.as_bytes()).chain_update([0]).chain_update(self.key.as_bytes());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn to_record(&self, caller: &Caller, made: &ProviderId, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            key: self.record_key(caller),
            fingerprint: self.fingerprint.clone(),
            made: made.clone(),
            until: now.saturating_add(RETENTION).unwrap_or(Timestamp::MAX),
        }
    }
}

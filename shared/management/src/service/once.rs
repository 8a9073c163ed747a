//! A request that creates something takes effect once, however often it comes.

use exporter::provider::ProviderId;
use exporter::registry::{IdempotencyRecord, Stored};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Service;
use super::resource::StoredResource;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;

/// How long a request is remembered that created something: longer than any client retries.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// Characters of an idempotency key.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// A request that creates something, and may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What the client calls it.
    pub key: String,
    /// A hash of all that is asked, an access key included: the same key with another one is another request. The hash tells
    /// nothing of it, since an access key has 240 random bits.
    pub fingerprint: String,
}

impl<P: Ports> Service<P> {
    /// What an earlier request of the same key made.
    pub(super) async fn earlier<T: StoredResource>(
        &self,
        once: Option<&IdempotencyKey>,
        caller: &Caller,
    ) -> Result<Option<Stored<T>>, ApiError> {
        let Some(once) = once else { return Ok(None) };
        if !KEY_CHARS.contains(&once.key.len()) || !once.key.bytes().all(|letter| letter.is_ascii_graphic()) {
            return Err(ApiError::field("Idempotency-Key", "must have 1 to 255 visible ASCII characters"));
        }
        let found = self.ports.idempotency_record(&once.scoped(caller), self.ports.now()).await?;
        let Some(earlier) = found else { return Ok(None) };
        if earlier.fingerprint != once.fingerprint {
            return Err(ApiError::IdempotencyKeyReused);
        }
        let made = T::read(self.ports.as_ref(), &earlier.made).await?;
        // What was deleted is not made again by a request that came late, nor is what another request made this one's.
        let made = made.filter(|stored| stored.created_at.as_second() == made_at(&earlier).as_second());
        made.map(Some).ok_or(ApiError::IdempotencyKeyTargetDeleted { noun: T::NOUN, id: earlier.made })
    }
}

/// When a remembered request was run, to the second.
fn made_at(idempotency_record: &IdempotencyRecord) -> Timestamp {
    idempotency_record.until.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN)
}

impl IdempotencyKey {
    /// The key among those of all callers.
    pub(super) fn scoped(&self, Caller(caller): &Caller) -> String {
        let hash = Sha256::new().chain_update(caller.as_bytes()).chain_update([0]).chain_update(self.key.as_bytes());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn remember(&self, caller: &Caller, made: &ProviderId, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            key: self.scoped(caller),
            fingerprint: self.fingerprint.clone(),
            made: made.clone(),
            until: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
        }
    }
}

//! The verbs. Each checks what it is given, changes one thing under the version that the caller saw, and writes who did it
//! into the trail in the same step.

mod create;
mod credentials;
mod declarable;
mod declare;
mod integrations;
mod judge;
mod kept;
mod keys;
mod orders;
mod providers;
mod removal;
mod runs;
mod switch;
mod test;
mod version;
mod view;

use std::sync::Arc;

use exporter::ports::PortError;
use exporter::registry::{Page, Remembered, Stored};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

pub use self::declare::{Declaration, Retraction, Standing, Thing};
use self::kept::Kept;
pub use self::version::{IfMatch, etag};
use crate::ports::{Caller, Ports};
use crate::problem::Refusal;

/// How long a request is remembered that created something: longer than any client retries.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// Tries of a change that names no version, when others change the same thing.
const TRIES_MAX: usize = 4;
/// Characters of an idempotency key.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// What a deployment is made of, as far as the verbs need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the names of the secrets begin that the exporter may read.
    pub secret_prefix: String,
}

/// The verbs, over ports.
pub struct Service<P> {
    ports: Arc<P>,
    settings: Settings,
}

/// A request that creates something, and may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What the client calls it.
    pub key: String,
    /// A hash of all that is asked, an access key included: the same key with another one is another request. The hash tells
    /// nothing of it, since an access key has 240 random bits.
    pub fingerprint: String,
}

/// What was created, or was before by the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<T> {
    /// It.
    pub view: T,
    /// Whether an earlier request did it.
    pub replayed: bool,
}

impl<P: Ports> Service<P> {
    /// The verbs over these ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings }
    }

    /// What an earlier request of the same key made.
    async fn earlier<T: Kept>(&self, once: Option<&Once>, caller: &Caller) -> Result<Option<Stored<T>>, Refusal> {
        let Some(once) = once else { return Ok(None) };
        if !KEY_CHARS.contains(&once.key.len()) || !once.key.bytes().all(|letter| letter.is_ascii_graphic()) {
            return Err(Refusal::field("Idempotency-Key", "must have 1 to 255 visible ASCII characters"));
        }
        let found = self.ports.remembered(&once.scoped(caller), self.ports.now()).await?;
        let Some(earlier) = found else { return Ok(None) };
        if earlier.fingerprint != once.fingerprint {
            return Err(Refusal::KeyReused);
        }
        let made = T::read(self.ports.as_ref(), &earlier.made).await?;
        // What was deleted is not made again by a request that came late, nor is what another request made this one's.
        let made = made.filter(|stored| stored.created_at.as_second() == made_at(&earlier).as_second());
        made.map(Some).ok_or(Refusal::KeySpent { noun: T::NOUN, id: earlier.made })
    }
}

/// When a remembered request was carried out, to the second.
fn made_at(remembered: &Remembered) -> Timestamp {
    remembered.until.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN)
}

impl Once {
    /// The key among those of all callers.
    fn scoped(&self, Caller(caller): &Caller) -> String {
        let hash = Sha256::new().chain_update(caller.as_bytes()).chain_update([0]).chain_update(self.key.as_bytes());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn remember(&self, caller: &Caller, made: &exporter::provider::ProviderId, now: Timestamp) -> Remembered {
        Remembered {
            key: self.scoped(caller),
            fingerprint: self.fingerprint.clone(),
            made: made.clone(),
            until: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
        }
    }
}

/// A page from its beginning.
fn first(limit: usize) -> Page {
    Page { limit, after: None }
}

/// A defect: the registry refused a step that has no condition.
fn impossible(step: usize) -> Refusal {
    Refusal::Port(PortError {
        action: "write the change".to_owned(),
        message: format!("the registry refused step {step}, which has no condition"),
    })
}

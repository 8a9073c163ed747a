//! One finding as it was last sent.

use asff::Status;
use bytes::{Buf, Bytes};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// A finding's place in a state: the first 64 bits of the SHA-256 of its Id. Among a million findings of one Region two
/// share it with a probability below one in ten million; they would then share a first-seen time, not their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

impl Key {
    /// The key of a finding's Id.
    pub fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        let (head, _) = digest.split_at(8);
        Self(head.iter().fold(0, |key, &byte| key << 8 | u64::from(byte)))
    }
}

/// A fingerprint of a name, such as a check's: the first 32 bits of its SHA-256.
pub fn fingerprint(name: &str) -> u32 {
    let digest = Sha256::digest(name.as_bytes());
    let (head, _) = digest.split_at(4);
    head.iter().fold(0, |print, &byte| print << 8 | u32::from(byte))
}

/// What the service holds of a finding, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is as we sent it.
    Active(Status),
    /// It is archived; the status is the one that it had while it was active.
    Archived(Status),
    /// A call that carried it had no answer: it may be there or not. It is sent again when seen, archived when gone.
    Uncertain,
}

/// The facts of a finding by which the next scan is compared. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The finding.
    pub key: Key,
    /// Hash of what does not change with every scan (`asff::Mapped::content_hash`). 0 where nobody knows.
    pub content: u64,
    /// Fingerprint of the resource, which tells who holds the Id where two resources share its short hash.
    pub resource: u32,
    /// Fingerprint of the check.
    pub check: u32,
    /// When it was first seen.
    pub first_seen_ms: i64,
    /// The last UpdatedAt sent. The next must be later.
    pub updated_ms: i64,
    /// When it was last sent.
    pub sent_ms: i64,
    /// What the service holds.
    pub stored: Stored,
}

/// Prowler stamps a scan with whole seconds.
pub(crate) const SCANS_APART_MS: i64 = 1000;

/// Bytes of a slot in the file.
pub(crate) const SLOT_BYTES: usize = 49;

impl Slot {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.0.to_le_bytes());
        out.extend_from_slice(&self.content.to_le_bytes());
        out.extend_from_slice(&self.resource.to_le_bytes());
        out.extend_from_slice(&self.check.to_le_bytes());
        for time in [self.first_seen_ms, self.updated_ms, self.sent_ms] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.push(match self.stored {
            Stored::Active(Status::Passed) => 0,
            Stored::Active(Status::Warning) => 1,
            Stored::Active(Status::Failed) => 2,
            Stored::Uncertain => 4,
            Stored::Archived(Status::Passed) => 5,
            Stored::Archived(Status::Warning) => 6,
            Stored::Archived(Status::Failed) => 7,
        });
    }

    pub(crate) fn read(bytes: &[u8; SLOT_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let (key, content) = (Key(rest.get_u64_le()), rest.get_u64_le());
        let (resource, check) = (rest.get_u32_le(), rest.get_u32_le());
        let (first_seen_ms, updated_ms, sent_ms) = (rest.get_i64_le(), rest.get_i64_le(), rest.get_i64_le());
        let stored = match rest.get_u8() {
            0 => Stored::Active(Status::Passed),
            1 => Stored::Active(Status::Warning),
            2 => Stored::Active(Status::Failed),
            4 => Stored::Uncertain,
            5 => Stored::Archived(Status::Passed),
            6 => Stored::Archived(Status::Warning),
            7 => Stored::Archived(Status::Failed),
            _ => return None,
        };
        Some(Self { key, content, resource, check, first_seen_ms, updated_ms, sent_ms, stored })
    }

    /// Whether a newer scan than this one said what the service holds. Where a state was lost, or kept elsewhere, the order
    /// of the scans is known by this alone. Repeats within a scan differ by milliseconds, scans by a second at least.
    pub(crate) fn is_newer_than(&self, scanned_at: Option<Timestamp>) -> bool {
        scanned_at.is_some_and(|scanned_at| self.updated_ms >= scanned_at.as_millisecond() + SCANS_APART_MS)
    }

    /// Whether the finding is, or may be, live in Security Hub.
    pub fn is_live(&self) -> bool {
        !matches!(self.stored, Stored::Archived(_))
    }
}

/// A finding as it was last sent, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its facts.
    pub slot: Slot,
    /// Its ASFF, as sent.
    pub json: Bytes,
}

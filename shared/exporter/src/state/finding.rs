//! A finding as it was last sent.

use asff::Status;
use bytes::{Buf, Bytes};
use sha2::{Digest, Sha256};

/// The key of a finding in a state: the first 64 bits of the SHA-256 of its ID. Among a million findings of one Region,
/// the probability that two have the same key is below one in ten million; they would then share a first-seen time, not
/// their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FindingKey(pub u64);

impl FindingKey {
    /// The key of a finding's ID.
    pub fn from_id(id: &str) -> Self {
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

/// [`FindingMeta::first_seen_ms`] of a finding that was never sent.
const NEVER_SENT: i64 = i64::MAX;

/// Milliseconds for which Security Hub retains an active finding that is not updated.
const ACTIVE_RETENTION_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// What Security Hub has stored of a finding, according to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Active, as it was sent.
    Active(Status),
    /// Archived. The status is the one that it had while it was active.
    Archived(Status),
    /// A call that sent it had no response: it may be stored or not. It is resent if a scan has it, and archived if it
    /// is resolved.
    Uncertain,
}

/// The metadata of a finding with which the next scan is compared. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingMeta {
    /// The key of the finding.
    pub key: FindingKey,
    /// Hash of the content that does not change with every scan (`asff::Mapped::content_hash`). 0 if it is unknown.
    pub content: u64,
    /// Fingerprint of the resource. Shows to which of two resources with the same short hash the ID belongs.
    pub resource: u32,
    /// Fingerprint of the check.
    pub check: u32,
    /// When it was first seen.
    pub first_seen_ms: i64,
    /// The last `UpdatedAt` that was sent. The next one must be later.
    pub updated_ms: i64,
    /// When it was last sent.
    pub sent_ms: i64,
    /// What Security Hub has stored.
    pub stored: Stored,
    /// The newest scan that had the finding.
    pub seen: ScanCode,
    /// The number of consecutive scans in which the finding was absent, if absence is the only evidence. Other
    /// meanings: `UNATTRIBUTED` for an archived finding, `UNARCHIVED` for an uncertain one.
    pub absent: u8,
    /// The finding is of another Region, for which this one was the fallback Region.
    pub foreign: bool,
}

/// A scan as the entries of a state file refer to it: an index into the file's table of scans, so that it needs two
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScanCode(pub u16);

impl ScanCode {
    /// The newest scan of the whole account with which the state was compared.
    pub const NEWEST: Self = Self(0);
    /// The scan is unknown.
    pub const UNKNOWN: Self = Self(u16::MAX);
}

/// [`FindingMeta::absent`] of a finding that was found archived after an aborted run, and that no run's report counts
/// yet.
pub(crate) const UNATTRIBUTED: u8 = 15;

/// [`FindingMeta::absent`] of a finding that is uncertain because a call that archives it had no response, or was not
/// made: a retry with the same scan archives it.
pub(crate) const UNARCHIVED: u8 = 15;

/// Scans differ by at least this time, since Prowler records scan times in whole seconds.
pub(crate) const SCANS_APART_MS: i64 = 1000;

/// Bytes of a finding's metadata in the file.
pub(crate) const META_BYTES: usize = 51;
/// Bytes of the metadata in a file of the first version, which lacks the scan code.
pub(crate) const META_BYTES_1: usize = 49;

/// The byte before the scan code: three bits for what Security Hub has stored, one for [`FindingMeta::foreign`], and
/// four for [`FindingMeta::absent`]. In files of the first version, the bits for the last two are zero.
const STORED_BITS: u8 = 0b0000_0111;
const FOREIGN_BIT: u8 = 0b0000_1000;
const ABSENT_SHIFT: u32 = 4;
/// The largest count of absences: the largest number of four bits is reserved for [`UNATTRIBUTED`] and [`UNARCHIVED`].
pub(crate) const ABSENT_MAX: u8 = 14;

impl FindingMeta {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.0.to_le_bytes());
        out.extend_from_slice(&self.content.to_le_bytes());
        out.extend_from_slice(&self.resource.to_le_bytes());
        out.extend_from_slice(&self.check.to_le_bytes());
        for time in [self.first_seen_ms, self.updated_ms, self.sent_ms] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        let stored = match self.stored {
            Stored::Active(Status::Passed) => 0,
            Stored::Active(Status::Warning) => 1,
            Stored::Active(Status::Failed) => 2,
            Stored::Uncertain => 4,
            Stored::Archived(Status::Passed) => 5,
            Stored::Archived(Status::Warning) => 6,
            Stored::Archived(Status::Failed) => 7_u8,
        };
        out.push(stored | if self.foreign { FOREIGN_BIT } else { 0 } | self.absent << ABSENT_SHIFT);
        out.extend_from_slice(&self.seen.0.to_le_bytes());
    }

    /// Reads metadata of [`META_BYTES`], or of [`META_BYTES_1`] in a file of the first version.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        if rest.len() < META_BYTES_1 {
            return None;
        }
        let (key, content) = (FindingKey(rest.get_u64_le()), rest.get_u64_le());
        let (resource, check) = (rest.get_u32_le(), rest.get_u32_le());
        let (first_seen_ms, updated_ms, sent_ms) = (rest.get_i64_le(), rest.get_i64_le(), rest.get_i64_le());
        let bits = rest.get_u8();
        let stored = match bits & STORED_BITS {
            0 => Stored::Active(Status::Passed),
            1 => Stored::Active(Status::Warning),
            2 => Stored::Active(Status::Failed),
            4 => Stored::Uncertain,
            5 => Stored::Archived(Status::Passed),
            6 => Stored::Archived(Status::Warning),
            7 => Stored::Archived(Status::Failed),
            _ => return None,
        };
        let seen = if rest.len() >= 2 { ScanCode(rest.get_u16_le()) } else { ScanCode::UNKNOWN };
        let (absent, foreign) = (bits >> ABSENT_SHIFT, bits & FOREIGN_BIT != 0);
        Some(Self { key, content, resource, check, first_seen_ms, updated_ms, sent_ms, stored, seen, absent, foreign })
    }

    /// Whether the finding is, or may be, active in Security Hub.
    pub fn is_active(&self) -> bool {
        !matches!(self.stored, Stored::Archived(_))
    }

    /// Whether a run decided to archive the finding, and could not.
    pub(crate) fn is_unarchived(&self) -> bool {
        self.stored == Stored::Uncertain && self.absent == UNARCHIVED
    }

    /// The metadata of a finding that a scan shows as passed or muted, and that was never sent: an older scan that
    /// arrives later must not send it.
    pub(crate) fn tombstone(key: FindingKey, resource: u32, check: u32, scanned_ms: i64, now_ms: i64) -> Self {
        Self {
            key,
            content: 0,
            resource,
            check,
            first_seen_ms: NEVER_SENT,
            updated_ms: scanned_ms,
            sent_ms: now_ms,
            stored: Stored::Archived(Status::Passed),
            seen: ScanCode::UNKNOWN,
            absent: 0,
            foreign: false,
        }
    }

    /// Whether the finding was never sent.
    pub fn is_tombstone(&self) -> bool {
        self.first_seen_ms == NEVER_SENT
    }

    /// Whether Security Hub has deleted the finding by now: it deletes active findings that are not updated for 90 days
    /// (contract 1.8).
    pub(crate) fn is_expired(&self, now_ms: i64) -> bool {
        now_ms - self.sent_ms >= ACTIVE_RETENTION_MS
    }
}

/// A whole finding as it was last sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The metadata of the finding.
    pub meta: FindingMeta,
    /// The ASFF of the finding, as sent.
    pub json: Bytes,
}

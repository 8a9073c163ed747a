//! Deduplicates the findings of one file, and distinguishes findings whose short hashes collide.
//!
//! Prowler's ID contains 36 bits of a resource's hash. If a check has 100,000 resources in one Region, the probability that
//! two of them have the same ID is some percent, and Security Hub would take one for an update of the other. Here, the
//! second one gets an ID with more bits of its hash, which depends only on the resource.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hasher;

use hashbrown::HashTable;
use jiff::Timestamp;

use crate::finding::Status;
use crate::manual::Unsent;
use crate::outcome::Mapped;
use crate::{AccountId, CheckId, FindingId, RegionName, ResourceHash};

/// The relation of a finding to the earlier findings of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The first finding with its ID.
    First,
    /// The same check and resource again, with the same or a better status: must not be sent.
    Duplicate,
    /// The same check and resource again, from an older scan than an earlier one in the file: must not be sent.
    Older,
    /// The same check and resource again, from a newer scan: it replaces the earlier one.
    Newer,
    /// The same check and resource again, with a worse status: must be sent with a later `UpdatedAt` than the earlier one.
    Worse,
    /// Another resource with the same short hash: it got a longer ID and must be sent.
    Collision,
}

/// The IDs of one file. A finding needs 16 bytes, and at most 36 including spare capacity. A finding from another scan than
/// the file's first one needs the same amount again.
#[derive(Debug, Default)]
pub struct Deduplicator {
    entries: HashTable<Entry>,
    /// The time of the first scan in the file.
    first: Option<Timestamp>,
    /// The scan times of findings from other scans, by their keys.
    others: HashMap<u64, Timestamp>,
}

/// The stored data of an ID.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// A hash of the account, the Region, and the ID.
    key: u64,
    /// 61 bits of the resource's hash, a bit that is set if the finding was sent, and in the two lowest bits the worst
    /// status so far.
    resource_and_status: u64,
}

const STATUS_BITS: u64 = 0b011;
const SENT_BIT: u64 = 0b100;
const FACT_BITS: u64 = STATUS_BITS | SENT_BIT;

impl Entry {
    fn is_of(self, resource: ResourceHash) -> bool {
        self.resource_and_status | FACT_BITS == fingerprint(resource) | FACT_BITS
    }

    fn status(self) -> u64 {
        self.resource_and_status & STATUS_BITS
    }
}

impl Deduplicator {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares a finding with the earlier ones, and gives it a longer ID if it collides with one of them.
    pub fn deduplicate(&mut self, mapped: &mut Mapped) -> Identity {
        match self.enter(mapped) {
            Some(identity) => identity,
            None => {
                mapped.use_longer_id();
                match self.enter(mapped) {
                    Some(Identity::First) => Identity::Collision,
                    Some(identity) => identity,
                    // 128 bits don't collide in practice. If they did, the earlier finding would have precedence.
                    None => Identity::Duplicate,
                }
            }
        }
    }

    /// Reserves the finding's ID for its resource, which had the ID in an earlier scan. The resource then keeps its short ID
    /// regardless of the order in the file. Must be called before the first [`Self::deduplicate`].
    pub fn reserve(&mut self, mapped: &Mapped) {
        let key = key(mapped);
        let entry = Entry { key, resource_and_status: fingerprint(mapped.resource_hash) | STATUS_RESERVED };
        if self.entries.find(key, |known| known.key == key).is_none() {
            self.entries.insert_unique(key, entry, |known| known.key);
        }
    }

    /// Records that a finding is sent, so that a later entry for it in the file isn't sent in the same request.
    pub fn note_sent(&mut self, mapped: &Mapped) {
        let key = key(mapped);
        if let Some(known) = self.entries.find_mut(key, |known| known.key == key) {
            known.resource_and_status |= SENT_BIT;
        }
    }

    /// Records that a finding was removed from its batch before it was sent.
    pub fn note_removed(&mut self, mapped: &Mapped) {
        let key = key(mapped);
        if let Some(known) = self.entries.find_mut(key, |known| known.key == key) {
            known.resource_and_status &= !SENT_BIT;
        }
    }

    /// Whether an earlier entry of the file for the same check and resource was sent.
    #[must_use]
    pub fn was_sent(&self, mapped: &Mapped) -> bool {
        let key = key(mapped);
        self.entries.find(key, |known| known.key == key).is_some_and(|known| known.resource_and_status & SENT_BIT != 0)
    }

    /// The number of IDs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it contains no ID.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a finding under its ID. `None` if the ID belongs to another resource.
    fn enter(&mut self, mapped: &Mapped) -> Option<Identity> {
        let (key, status) = (key(mapped), status_bits(mapped.status));
        let fingerprint = fingerprint(mapped.resource_hash);
        let first = *self.first.get_or_insert(mapped.scanned_at);
        let before_at = self.others.get(&key).copied().unwrap_or(first);
        let Some(known) = self.entries.find_mut(key, |known| known.key == key) else {
            let entry = Entry { key, resource_and_status: fingerprint | status };
            self.entries.insert_unique(key, entry, |known| known.key);
            if mapped.scanned_at != first {
                self.others.insert(key, mapped.scanned_at);
            }
            return Some(Identity::First);
        };
        if !known.is_of(mapped.resource_hash) {
            return None;
        }
        let (before, sent) = (known.status(), known.resource_and_status & SENT_BIT);
        let order = if before == STATUS_RESERVED { Ordering::Equal } else { mapped.scanned_at.cmp(&before_at) };
        if order == Ordering::Less {
            return Some(Identity::Older);
        }
        if before == STATUS_RESERVED || order == Ordering::Greater || status > before {
            known.resource_and_status = fingerprint | sent | status;
        }
        if mapped.scanned_at != before_at {
            self.others.insert(key, mapped.scanned_at);
        }
        Some(match before {
            STATUS_RESERVED => Identity::First,
            _ if order == Ordering::Greater => Identity::Newer,
            before if status > before => Identity::Worse,
            _ => Identity::Duplicate,
        })
    }
}

/// The status of a reserved ID, which the file has not contained so far.
const STATUS_RESERVED: u64 = 0;

const fn status_bits(status: Status) -> u64 {
    match status {
        Status::Passed => 1,
        Status::Warning => 2,
        Status::Failed => 3,
    }
}

/// The bits of a resource's hash after those in the ID, except for the lowest three.
fn fingerprint(resource: ResourceHash) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is intended")]
    let low = resource.0 as u64;
    low & !FACT_BITS
}

/// A hash that is the same on every machine and in every run.
fn key(mapped: &Mapped) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(mapped.account.as_str().as_bytes());
    hasher.write(mapped.region.as_str().as_bytes());
    hasher.write_u8(b'/');
    hasher.write(mapped.finding.id.as_str().as_bytes());
    hasher.finish()
}

impl Mapped {
    /// Gives the finding the longer ID that it would get after a collision: for a resource whose short ID has belonged to
    /// another resource since an earlier scan. Must be called before [`Deduplicator::deduplicate`].
    pub fn use_longer_id(&mut self) {
        if let Some(id) = longer_id(&self.check_id, self.account, self.region, self.resource_hash) {
            self.finding.id = id;
        }
    }
}

impl Unsent {
    /// Sets the longer ID, with which the finding would be sent if another resource had the short one.
    pub fn use_longer_id(&mut self) {
        if let Some(id) = longer_id(&self.check_id, self.account, self.region, self.resource_hash) {
            self.id = id;
        }
    }
}

/// `prowler-<check>-<account>-<region>-<32 digits of the resource's hash>`. The parts were validated when the finding was
/// created, so the ID isn't too long.
fn longer_id(check: &CheckId, account: AccountId, region: RegionName, resource: ResourceHash) -> Option<FindingId> {
    format!("prowler-{check}-{account}-{region}-{:032x}", resource.0).parse().ok()
}

//! Tells the findings of one file apart: the same one twice, and two whose short hashes collide.
//!
//! Prowler's Id holds 36 bits of a resource's hash. With 100,000 resources of a check in one Region two of them share an Id with a
//! chance of some percent, and Security Hub would take one for an update of the other. Here the second gets an Id with more
//! of its hash, which depends on nothing but the resource.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hasher;

use hashbrown::HashTable;
use jiff::Timestamp;

use crate::finding::Status;
use crate::manual::Unsent;
use crate::outcome::Mapped;
use crate::{AccountId, CheckId, FindingId, RegionName, ResourceHash};

/// How a finding relates to those of the file before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The first with its Id.
    First,
    /// The same check and resource again, no worse than before: not to be sent.
    Duplicate,
    /// The same check and resource again, by a scan that is older than one before it in the file: not to be sent.
    Older,
    /// The same check and resource again, by a newer scan: it counts, and what came before does not.
    Newer,
    /// The same check and resource again, with a worse status: to be sent, with a later `UpdatedAt` than the one before.
    Worse,
    /// Another resource whose short hash is the same; it has been given a longer Id and is to be sent.
    Collision,
}

/// The Ids of one file. A finding takes 16 bytes, and with room to grow at most 36. One that is not of the file's first scan
/// takes as much again.
#[derive(Debug, Default)]
pub struct Identities {
    entries: HashTable<Entry>,
    /// The time of the first scan that was seen.
    first: Option<Timestamp>,
    /// The scans of findings that are of another one, by their keys.
    others: HashMap<u64, Timestamp>,
}

/// What is remembered of an Id.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// A hash of the account, the Region and the Id.
    key: u64,
    /// The resource, by 61 bits of its hash; whether it was sent; and in the lowest two bits the worst status seen.
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

impl Identities {
    /// No findings yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares `mapped` with what came before, and gives it a longer Id where it collides.
    pub fn settle(&mut self, mapped: &mut Mapped) -> Identity {
        match self.enter(mapped) {
            Some(identity) => identity,
            None => {
                mapped.use_longer_id();
                match self.enter(mapped) {
                    Some(Identity::First) => Identity::Collision,
                    Some(identity) => identity,
                    // 128 bits do not collide; were it so, the one before keeps its place.
                    None => Identity::Duplicate,
                }
            }
        }
    }

    /// Says whose Id it was in an earlier scan, so that the same resource keeps the short one whatever the order of the file.
    /// Call it before the first [`Self::settle`].
    pub fn reserve(&mut self, mapped: &Mapped) {
        let key = key(mapped);
        let entry = Entry { key, resource_and_status: fingerprint(mapped.resource_hash) | STATUS_RESERVED };
        if self.entries.find(key, |known| known.key == key).is_none() {
            self.entries.insert_unique(key, entry, |known| known.key);
        }
    }

    /// Notes that a finding is sent, so that what comes after it in the file is sent apart from it.
    pub fn note_sent(&mut self, mapped: &Mapped) {
        let key = key(mapped);
        if let Some(known) = self.entries.find_mut(key, |known| known.key == key) {
            known.resource_and_status |= SENT_BIT;
        }
    }

    /// Notes that what was to be sent of a finding was taken back.
    pub fn note_removed(&mut self, mapped: &Mapped) {
        let key = key(mapped);
        if let Some(known) = self.entries.find_mut(key, |known| known.key == key) {
            known.resource_and_status &= !SENT_BIT;
        }
    }

    /// Whether an entry of the file before this one, of the same check and resource, was sent.
    #[must_use]
    pub fn was_sent(&self, mapped: &Mapped) -> bool {
        let key = key(mapped);
        self.entries.find(key, |known| known.key == key).is_some_and(|known| known.resource_and_status & SENT_BIT != 0)
    }

    /// How many Ids are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Enters a finding under the Id that it has; `None` when that is another resource's.
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

/// Not seen in this file yet.
const STATUS_RESERVED: u64 = 0;

const fn status_bits(status: Status) -> u64 {
    match status {
        Status::Passed => 1,
        Status::Warning => 2,
        Status::Failed => 3,
    }
}

/// The bits of a resource's hash behind those that are in the Id, without the lowest three.
fn fingerprint(resource: ResourceHash) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = resource.0 as u64;
    low & !FACT_BITS
}

/// The same on every machine and in every run.
fn key(mapped: &Mapped) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(mapped.account.as_str().as_bytes());
    hasher.write(mapped.region.as_str().as_bytes());
    hasher.write_u8(b'/');
    hasher.write(mapped.finding.id.as_str().as_bytes());
    hasher.finish()
}

impl Mapped {
    /// Gives the finding the longer Id that it would get in a collision: for a short Id that another resource has had since an
    /// earlier scan. Call it before [`Identities::settle`].
    pub fn use_longer_id(&mut self) {
        if let Some(id) = longer_id(&self.check_id, self.account, self.region, self.resource_hash) {
            self.finding.id = id;
        }
    }
}

impl Unsent {
    /// Gives it the longer Id that it would be sent with, where another resource has the short one.
    pub fn use_longer_id(&mut self) {
        if let Some(id) = longer_id(&self.check_id, self.account, self.region, self.resource_hash) {
            self.id = id;
        }
    }
}

/// `prowler-<check>-<account>-<region>-<32 digits of the resource's hash>`. The parts were checked when the finding was made,
/// and leave room for the digits.
fn longer_id(check: &CheckId, account: AccountId, region: RegionName, resource: ResourceHash) -> Option<FindingId> {
    format!("prowler-{check}-{account}-{region}-{:032x}", resource.0).parse().ok()
}

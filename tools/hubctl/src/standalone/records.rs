//! Locks of accounts and uploads as small JSON objects, with the semantics of the table's items: a lock expires, an older scan
//! is superseded, and while an account is locked, everything in it is in doubt.

use std::collections::BTreeSet;

use asff::{AccountId, RegionName};
use exporter::ports::{Acquired, Claim, InDoubt, Newest};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Retention of completed upload locks, as in a deployment.
const CLAIM_RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The key of an account's record.
pub(super) fn account_key(account: AccountId) -> String {
    format!("accounts/{account}.json")
}

/// The key of an upload's record: a hash, since the identity may contain characters that a file name can't.
pub(super) fn claim_key(identity: &str) -> String {
    format!("claims/{}.json", hex(&Sha256::digest(identity.as_bytes())))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// State of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountRecord {
    /// The newest scan whose export was started.
    #[serde(flatten)]
    pub(super) newest: Newest,
    /// The lock, if a run has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock: Option<Lock>,
    /// All Regions are in doubt.
    in_doubt: bool,
    /// These Regions are in doubt.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    in_doubt_regions: BTreeSet<RegionName>,
}

/// A lock of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lock {
    run_id: String,
    until: Timestamp,
}

impl AccountRecord {
    /// Acquires the lock, or returns why not. If the lock is acquired, the caller must write the record.
    pub(super) fn begin(
        old: Option<Self>,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> (Option<Self>, Acquired) {
        let newest = match Newest::with_scan(old.as_ref().map(|old| old.newest.clone()), content, scanned_at) {
            Ok(newest) => newest,
            Err(newest) => return (None, Acquired::Superseded { newest }),
        };
        let (in_doubt, in_doubt_regions) = match old {
            None => (InDoubt::default(), BTreeSet::new()),
            Some(old) => {
                if let Some(lock) = old.lock.as_ref().filter(|lock| lock.until > now && lock.run_id != run_id) {
                    return (None, Acquired::Locked { run_id: lock.run_id.clone() });
                }
                (old.in_doubt(), old.in_doubt_regions)
            }
        };
        let lock = Some(Lock { run_id: run_id.to_owned(), until });
        let taken = Self { newest, lock, in_doubt: true, in_doubt_regions };
        (Some(taken), Acquired::Granted { in_doubt })
    }

    /// The record with a renewed lock; `None` if the run doesn't have the lock.
    pub(super) fn renew(mut self, run_id: &str, until: Timestamp) -> Option<Self> {
        let lock = self.lock.as_mut().filter(|lock| lock.run_id == run_id)?;
        lock.until = until;
        Some(self)
    }

    /// The record without the lock; `None` if the run doesn't have the lock.
    pub(super) fn end(self, run_id: &str, in_doubt: &InDoubt) -> Option<Self> {
        let is_owner = self.lock.as_ref().is_some_and(|lock| lock.run_id == run_id);
        is_owner.then(|| Self {
            lock: None,
            in_doubt: in_doubt.everywhere,
            in_doubt_regions: in_doubt.regions.clone(),
            newest: self.newest,
        })
    }

    /// The findings that the previous run left in doubt.
    pub(super) fn in_doubt(&self) -> InDoubt {
        InDoubt { everywhere: self.in_doubt, regions: self.in_doubt_regions.clone() }
    }
}

/// Lock of an upload, or the record of the run that exported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClaimRecord {
    identity: String,
    run_id: String,
    state: ClaimState,
    /// Expiration of the lock, or of the record.
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClaimState {
    /// A run exports the upload.
    InProgress,
    /// A run exported the upload.
    Completed,
    /// A run released it.
    Released,
}

impl ClaimRecord {
    /// Acquires the lock, or returns why not. If the lock is acquired, the caller must write the record.
    pub(super) fn acquire(
        old: Option<Self>,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> (Option<Self>, Claim) {
        if let Some(old) = old.filter(|old| old.until > now && old.run_id != run_id) {
            match old.state {
                ClaimState::InProgress => return (None, Claim::InProgress { run_id: old.run_id }),
                ClaimState::Completed if !again => return (None, Claim::Completed { run_id: old.run_id }),
                ClaimState::Completed | ClaimState::Released => {}
            }
        }
        let (identity, run_id) = (identity.to_owned(), run_id.to_owned());
        (Some(Self { identity, run_id, state: ClaimState::InProgress, until }), Claim::Granted)
    }

    /// The record with a renewed lock; `None` if the run doesn't have the lock.
    pub(super) fn renew(self, run_id: &str, until: Timestamp) -> Option<Self> {
        let is_owner = self.run_id == run_id && self.state == ClaimState::InProgress;
        is_owner.then_some(Self { until, ..self })
    }

    /// The record after the run completed or released the upload; `None` if the run doesn't have the lock.
    pub(super) fn complete(self, run_id: &str, done: bool, now: Timestamp) -> Option<Self> {
        let state = if done { ClaimState::Completed } else { ClaimState::Released };
        let until = now.saturating_add(CLAIM_RETENTION).unwrap_or(Timestamp::MAX);
        (self.run_id == run_id).then_some(Self { state, until, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i8) -> Timestamp {
        format!("2026-11-23T{hour:02}:00:00Z").parse().unwrap()
    }

    fn taken(old: Option<AccountRecord>, run_id: &str, scanned: i8, now: i8) -> (AccountRecord, InDoubt) {
        match AccountRecord::begin(old, run_id, &format!("scan of {scanned}"), at(scanned), at(now), at(now + 1)) {
            (Some(record), Acquired::Granted { in_doubt }) => (record, in_doubt),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_account_is_locked_until_its_run_releases_it_or_the_lock_expires() {
        let (locked, in_doubt) = taken(None, "a", 1, 2);
        assert_eq!(in_doubt, InDoubt::default());
        let begin = |now| AccountRecord::begin(Some(locked.clone()), "b", "scan", at(1), at(now), at(now + 1));
        assert_eq!(begin(2), (None, Acquired::Locked { run_id: "a".to_owned() }));
        assert_eq!(locked.clone().end("b", &InDoubt::default()), None, "b doesn't have the lock");
        let (_, in_doubt) = taken(Some(locked.clone()), "b", 1, 3);
        assert!(in_doubt.everywhere, "a died: its findings are in doubt");
        let renewed = locked.clone().renew("a", at(4)).unwrap();
        let begin = AccountRecord::begin(Some(renewed), "b", "scan", at(1), at(3), at(5));
        assert_eq!(begin, (None, Acquired::Locked { run_id: "a".to_owned() }), "a renewed the lock");
        assert_eq!(locked.clone().renew("b", at(4)), None, "b doesn't have the lock");
        let ended =
            locked.end("a", &InDoubt { everywhere: false, regions: ["eu-west-1".parse().unwrap()].into() }).unwrap();
        let (_, in_doubt) = taken(Some(ended), "b", 1, 2);
        assert!(!in_doubt.everywhere && in_doubt.includes("eu-west-1".parse().unwrap()));
    }

    #[test]
    fn an_older_scan_never_overwrites_a_newer_one() {
        let (locked, _) = taken(None, "a", 5, 6);
        let ended = locked.end("a", &InDoubt::default()).unwrap();
        let older = AccountRecord::begin(Some(ended.clone()), "b", "older scan", at(4), at(7), at(8));
        assert_eq!(older, (None, Acquired::Superseded { newest: at(5) }));
        assert_eq!(taken(Some(ended), "b", 5, 7).1, InDoubt::default(), "the same scan is exported again");
    }

    #[test]
    fn an_upload_is_exported_once_unless_a_repetition_is_requested() {
        let take = |old: Option<&ClaimRecord>, again, now: i8| {
            ClaimRecord::acquire(old.cloned(), "scan", "b", again, at(now), at(now + 1))
        };
        let locked = ClaimRecord::acquire(None, "scan", "a", false, at(1), at(2)).0.unwrap();
        assert_eq!(take(Some(&locked), true, 1).1, Claim::InProgress { run_id: "a".to_owned() });
        assert_eq!(take(Some(&locked), false, 2).1, Claim::Granted, "a's lock expired");
        let renewed = locked.clone().renew("a", at(3)).unwrap();
        assert_eq!(take(Some(&renewed), false, 2).1, Claim::InProgress { run_id: "a".to_owned() });
        assert_eq!(locked.clone().renew("b", at(3)), None);
        let done = locked.clone().complete("a", true, at(2)).unwrap();
        assert_eq!(take(Some(&done), false, 3).1, Claim::Completed { run_id: "a".to_owned() });
        assert_eq!(take(Some(&done), true, 3).1, Claim::Granted);
        let released = locked.complete("a", false, at(2)).unwrap();
        assert_eq!(take(Some(&released), false, 3).1, Claim::Granted);
        assert_eq!(released.complete("b", true, at(3)), None);
    }
}

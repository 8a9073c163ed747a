//! Who holds an account or an upload, as small JSON objects. What they mean is what the table's items mean: a hold has an
//! end, an older scan comes too late, and while an account is held, everything of it is in doubt.

use std::collections::BTreeSet;

use asff::{AccountId, RegionName};
use exporter::ports::{Acquired, Claim, InDoubt, Newest};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an upload stays known, as in a deployment.
const CLAIM_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The key of an account's record.
pub(super) fn account_key(account: AccountId) -> String {
    format!("accounts/{account}.json")
}

/// The key of an upload's record. The identity may hold anything, a file's name may not.
pub(super) fn claim_key(identity: &str) -> String {
    format!("claims/{}.json", hex(&Sha256::digest(identity.as_bytes())))
}

/// Bytes as people write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountRecord {
    /// The newest scan that was begun.
    #[serde(flatten)]
    pub(super) newest: Newest,
    /// The run that holds the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    /// Everywhere.
    in_doubt: bool,
    /// Or in these Regions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    in_doubt_regions: BTreeSet<RegionName>,
}

/// A run that holds something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hold {
    run_id: String,
    until: Timestamp,
}

impl AccountRecord {
    /// Takes the account, or says why not. The record to write, if it is taken.
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
                if let Some(hold) = old.hold.as_ref().filter(|hold| hold.until > now && hold.run_id != run_id) {
                    return (None, Acquired::Locked { run_id: hold.run_id.clone() });
                }
                (old.in_doubt(), old.in_doubt_regions)
            }
        };
        let hold = Some(Hold { run_id: run_id.to_owned(), until });
        let taken = Self { newest, hold, in_doubt: true, in_doubt_regions };
        (Some(taken), Acquired::Granted { in_doubt })
    }

    /// The record after a run holds the account for longer; none, if it is not that run's.
    pub(super) fn renew(mut self, run_id: &str, until: Timestamp) -> Option<Self> {
        let hold = self.hold.as_mut().filter(|hold| hold.run_id == run_id)?;
        hold.until = until;
        Some(self)
    }

    /// The record after a run gave the account back; none, if it was not that run's.
    pub(super) fn end(self, run_id: &str, in_doubt: &InDoubt) -> Option<Self> {
        let ours = self.hold.as_ref().is_some_and(|hold| hold.run_id == run_id);
        ours.then(|| Self {
            hold: None,
            in_doubt: in_doubt.everywhere,
            in_doubt_regions: in_doubt.regions.clone(),
            newest: self.newest,
        })
    }

    /// What the run before left in doubt.
    pub(super) fn in_doubt(&self) -> InDoubt {
        InDoubt { everywhere: self.in_doubt, regions: self.in_doubt_regions.clone() }
    }
}

/// Who works on an upload, or exported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClaimRecord {
    identity: String,
    run_id: String,
    state: ClaimState,
    /// Until when it is held, or known.
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClaimState {
    /// A run works on the upload.
    Held,
    /// A run exported the upload.
    Done,
    /// A run gave it back.
    Released,
}

impl ClaimRecord {
    /// Takes the upload, or says why not. The record to write, if it is taken.
    pub(super) fn take(
        old: Option<Self>,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> (Option<Self>, Claim) {
        if let Some(old) = old.filter(|old| old.until > now && old.run_id != run_id) {
            match old.state {
                ClaimState::Held => return (None, Claim::InProgress { run_id: old.run_id }),
                ClaimState::Done if !again => return (None, Claim::Completed { run_id: old.run_id }),
                ClaimState::Done | ClaimState::Released => {}
            }
        }
        let (identity, run_id) = (identity.to_owned(), run_id.to_owned());
        (Some(Self { identity, run_id, state: ClaimState::Held, until }), Claim::Granted)
    }

    /// The record after a run holds the upload for longer; none, if it is not that run's.
    pub(super) fn renew(self, run_id: &str, until: Timestamp) -> Option<Self> {
        let ours = self.run_id == run_id && self.state == ClaimState::Held;
        ours.then_some(Self { until, ..self })
    }

    /// The record after a run was done with the upload; none, if it was not that run's.
    pub(super) fn settle(self, run_id: &str, done: bool, now: Timestamp) -> Option<Self> {
        let state = if done { ClaimState::Done } else { ClaimState::Released };
        let until = now.saturating_add(CLAIM_KEPT).unwrap_or(Timestamp::MAX);
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
    fn an_account_is_one_runs_until_it_gives_it_back_or_its_time_is_over() {
        let (held, in_doubt) = taken(None, "a", 1, 2);
        assert_eq!(in_doubt, InDoubt::default());
        let begin = |now| AccountRecord::begin(Some(held.clone()), "b", "scan", at(1), at(now), at(now + 1));
        assert_eq!(begin(2), (None, Acquired::Locked { run_id: "a".to_owned() }));
        assert_eq!(held.clone().end("b", &InDoubt::default()), None, "it is not b's to give back");
        let (_, in_doubt) = taken(Some(held.clone()), "b", 1, 3);
        assert!(in_doubt.everywhere, "a died: nobody knows what it sent");
        let renewed = held.clone().renew("a", at(4)).unwrap();
        let begin = AccountRecord::begin(Some(renewed), "b", "scan", at(1), at(3), at(5));
        assert_eq!(begin, (None, Acquired::Locked { run_id: "a".to_owned() }), "a works on");
        assert_eq!(held.clone().renew("b", at(4)), None, "nor is it b's to hold");
        let ended =
            held.end("a", &InDoubt { everywhere: false, regions: ["eu-west-1".parse().unwrap()].into() }).unwrap();
        let (_, in_doubt) = taken(Some(ended), "b", 1, 2);
        assert!(!in_doubt.everywhere && in_doubt.includes("eu-west-1".parse().unwrap()));
    }

    #[test]
    fn an_older_scan_never_overwrites_a_newer_one() {
        let (held, _) = taken(None, "a", 5, 6);
        let ended = held.end("a", &InDoubt::default()).unwrap();
        let older = AccountRecord::begin(Some(ended.clone()), "b", "older scan", at(4), at(7), at(8));
        assert_eq!(older, (None, Acquired::Superseded { newest: at(5) }));
        assert_eq!(taken(Some(ended), "b", 5, 7).1, InDoubt::default(), "the same scan completes what was left out");
    }

    #[test]
    fn an_upload_is_exported_once_unless_it_is_wanted_again() {
        let take = |old: Option<&ClaimRecord>, again, now: i8| {
            ClaimRecord::take(old.cloned(), "scan", "b", again, at(now), at(now + 1))
        };
        let held = ClaimRecord::take(None, "scan", "a", false, at(1), at(2)).0.unwrap();
        assert_eq!(take(Some(&held), true, 1).1, Claim::InProgress { run_id: "a".to_owned() });
        assert_eq!(take(Some(&held), false, 2).1, Claim::Granted, "a's time is over");
        let renewed = held.clone().renew("a", at(3)).unwrap();
        assert_eq!(take(Some(&renewed), false, 2).1, Claim::InProgress { run_id: "a".to_owned() });
        assert_eq!(held.clone().renew("b", at(3)), None);
        let done = held.clone().settle("a", true, at(2)).unwrap();
        assert_eq!(take(Some(&done), false, 3).1, Claim::Completed { run_id: "a".to_owned() });
        assert_eq!(take(Some(&done), true, 3).1, Claim::Granted);
        let released = held.settle("a", false, at(2)).unwrap();
        assert_eq!(take(Some(&released), false, 3).1, Claim::Granted);
        assert_eq!(released.settle("b", true, at(3)), None);
    }
}

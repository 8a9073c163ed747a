//! What happened: the call log, the "Imported" events, and the counts of each Region.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::findings::Write;
use crate::limits::{CALLS_KEPT, EVENTS_KEPT};
use crate::operation::Operation;

/// One call, as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// What.
    pub operation: Operation,
    /// Whose; none where the key was unknown.
    pub account: Option<String>,
    /// The caller's ARN; none where the key was unknown.
    pub caller: Option<String>,
    /// The role that `AssumeRole` names.
    pub role: Option<String>,
    /// Where.
    pub region: String,
    /// HTTP status of the answer, also where the answer was lost.
    pub status: u16,
    /// The error's name.
    pub error_type: Option<String>,
    /// The connection was lost on purpose.
    pub dropped: bool,
    /// Bytes of the request's body.
    pub body_bytes: usize,
    /// The outcome of the findings of an import.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Counts of findings over one import, or over all of a Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// New findings.
    pub created: usize,
    /// Findings that a newer version replaced.
    pub updated: usize,
    /// Findings whose UpdatedAt was not newer: no change (contract 1.5).
    pub ignored: usize,
    /// Entries of FailedFindings.
    pub failed: usize,
    /// Findings whose Id stood in the same call before; the real service's answer to them is unknown.
    pub duplicates: usize,
}

impl Tally {
    pub(crate) fn of(ids: &[&str], failed: usize) -> Self {
        let distinct: HashSet<&str> = ids.iter().copied().collect();
        Self { failed, duplicates: ids.len() - distinct.len(), ..Self::default() }
    }

    pub(crate) fn count(&mut self, write: Write) {
        match write {
            Write::Created => self.created += 1,
            Write::Updated => self.updated += 1,
            Write::Ignored => self.ignored += 1,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.ignored += other.ignored;
        self.failed += other.failed;
        self.duplicates += other.duplicates;
    }
}

/// A "Security Hub Findings - Imported" event: one for each finding created or updated (contract 1.1).
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// When.
    pub at: Timestamp,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The finding's Id.
    pub id: String,
    /// What the import did.
    pub write: Write,
}

/// The logs; bounded, the oldest entries go first.
#[derive(Debug, Default)]
pub(crate) struct Records {
    calls: VecDeque<Call>,
    events: VecDeque<Imported>,
}

impl Records {
    pub(crate) fn call(&mut self, call: Call) {
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub(crate) fn announce(&mut self, event: Imported) {
        if self.events.len() == EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    pub(crate) fn events(&self) -> Vec<Imported> {
        self.events.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.events.clear();
    }
}

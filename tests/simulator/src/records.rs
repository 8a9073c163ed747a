//! The records of what happened: the call log, the "Imported" events, and the counts of each Region.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::findings::Write;
use crate::limits::{CALLS_KEPT, EVENTS_KEPT};
use crate::operation::Operation;

/// One call with its response.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Time of the call.
    pub at: Timestamp,
    /// The operation.
    pub operation: Operation,
    /// The caller's account; `None` if the key was unknown.
    pub account: Option<String>,
    /// The caller's ARN; `None` if the key was unknown.
    pub caller: Option<String>,
    /// The role in an `AssumeRole` request.
    pub role: Option<String>,
    /// The Region.
    pub region: String,
    /// HTTP status of the response, even if the response was lost.
    pub status: u16,
    /// The error code.
    pub error_type: Option<String>,
    /// Whether a fault closed the connection.
    pub dropped: bool,
    /// Size of the request body, in bytes.
    pub body_bytes: usize,
    /// The outcome of the findings of an import.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Counts of the findings of one import, or of all imports in a Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// New findings.
    pub created: usize,
    /// Findings that a newer version replaced.
    pub updated: usize,
    /// Findings that are unchanged because their UpdatedAt was not newer (contract 1.5).
    pub ignored: usize,
    /// Entries of FailedFindings.
    pub failed: usize,
    /// Findings whose Id was already in the same call. The real service's response to them is unknown.
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
    /// Time of the event.
    pub at: Timestamp,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The finding's Id.
    pub id: String,
    /// The effect of the import.
    pub write: Write,
}

/// The logs. They have a maximum size; the oldest entries are removed first.
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

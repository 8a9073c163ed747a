//! Records each finding before it is sent, so that a run can archive its findings even if it is interrupted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::draft::Draft;

/// The findings that were sent, by Id.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<String, Entry>,
    /// Number of findings in calls that may have been executed: the maximum that can be billed.
    pub(crate) imports: u64,
}

/// What was sent for a finding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The latest `UpdatedAt`.
    pub(crate) updated_at: Timestamp,
    /// Whether the finding was ever sent as active.
    pub(crate) was_active: bool,
}

impl Ledger {
    /// Records a finding that is about to be sent.
    pub(crate) fn record(&mut self, draft: &Draft) {
        let entry =
            self.entries.entry(draft.id().to_owned()).or_insert(Entry { updated_at: draft.at(), was_active: false });
        entry.updated_at = entry.updated_at.max(draft.at());
        entry.was_active |= draft.is_active();
        self.imports += 1;
    }

    /// The findings that may be active, with their latest `UpdatedAt`.
    pub(crate) fn active(&self) -> BTreeMap<String, Timestamp> {
        let active = self.entries.iter().filter(|(_, entry)| entry.was_active);
        active.map(|(id, entry)| (id.clone(), entry.updated_at)).collect()
    }

    /// The latest `UpdatedAt` of a finding.
    pub(crate) fn updated_at(&self, id: &str) -> Option<Timestamp> {
        self.entries.get(id).map(|entry| entry.updated_at)
    }
}

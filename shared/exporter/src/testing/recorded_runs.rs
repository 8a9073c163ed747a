//! Records of runs, and the entries that the table has of them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::model::provider::ProviderId;
use crate::report::{HistoryEntry, IntegrationRun, RunReport};

/// Runs in the order in which they were first recorded. Use it as a vector. Their entries are computed at the first read after a
/// change, because pages of the console read all of them.
#[derive(Default)]
pub struct RecordedRuns {
    reports: Vec<RunReport>,
    history: OnceCell<Vec<Arc<HistoryEntry>>>,
    by_integration: OnceCell<BTreeMap<ProviderId, Vec<IntegrationRun>>>,
}

impl RecordedRuns {
    /// Computes the entries now. A table has them when a run is recorded, so a benchmark must not count the time.
    pub fn index(&self) {
        self.history();
        self.by_integration();
    }

    /// The entries of the history, in the order of the runs.
    pub fn history(&self) -> &[Arc<HistoryEntry>] {
        self.history.get_or_init(|| self.reports.iter().filter_map(HistoryEntry::of).map(Arc::new).collect())
    }

    /// The entries of an integration, newest first.
    pub fn of_integration(&self, integration: &ProviderId) -> &[IntegrationRun] {
        self.by_integration().get(integration).map_or(&[], Vec::as_slice)
    }

    fn by_integration(&self) -> &BTreeMap<ProviderId, Vec<IntegrationRun>> {
        self.by_integration.get_or_init(|| {
            let mut entries: BTreeMap<ProviderId, Vec<IntegrationRun>> = BTreeMap::new();
            for (integration, entry) in self.reports.iter().flat_map(IntegrationRun::all_of) {
                entries.entry(integration).or_default().push(entry);
            }
            entries.values_mut().for_each(|entries| entries.sort_by(|one, other| other.run_id.cmp(&one.run_id)));
            entries
        })
    }
}

impl Deref for RecordedRuns {
    type Target = Vec<RunReport>;

    fn deref(&self) -> &Self::Target {
        &self.reports
    }
}

impl DerefMut for RecordedRuns {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.history.take();
        self.by_integration.take();
        &mut self.reports
    }
}

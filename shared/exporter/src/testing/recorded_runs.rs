//! Records of runs, and their entries by integration.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use crate::model::provider::ProviderId;
use crate::report::{IntegrationRun, RunReport};

/// Runs in the order in which they were first recorded. Use it as a vector. The entries by integration are computed at the first
/// read after a change, because a page of the console reads them for each integration.
#[derive(Default)]
pub struct RecordedRuns {
    reports: Vec<RunReport>,
    entries: OnceCell<BTreeMap<ProviderId, Vec<IntegrationRun>>>,
}

impl RecordedRuns {
    /// The entries of an integration, newest first.
    pub fn of_integration(&self, integration: &ProviderId) -> &[IntegrationRun] {
        let entries = self.entries.get_or_init(|| {
            let mut entries: BTreeMap<ProviderId, Vec<IntegrationRun>> = BTreeMap::new();
            for (integration, entry) in self.reports.iter().flat_map(IntegrationRun::all_of) {
                entries.entry(integration).or_default().push(entry);
            }
            entries.values_mut().for_each(|entries| entries.sort_by(|one, other| other.run_id.cmp(&one.run_id)));
            entries
        });
        entries.get(integration).map_or(&[], Vec::as_slice)
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
        self.entries.take();
        &mut self.reports
    }
}

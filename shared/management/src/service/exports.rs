//! The last export and the pending uploads of an integration, from the entries that its runs wrote: runs of other integrations are
//! not read.

use std::collections::{HashMap, HashSet};

use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::report::IntegrationRun;

use super::{Service, first};
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{LastRun, PendingUploads};

/// Entries per page in the search for pending uploads.
const RUNS_PER_PAGE: usize = 1_000;
/// Maximum number of pages: years of daily scans of one account, or two days of a thousand accounts.
const PAGES_MAX: usize = 2;

impl<P: Ports> Service<P> {
    /// The last export of an integration, and its pending uploads if it is disabled.
    pub(super) async fn exports(
        &self,
        integration: &Integration,
    ) -> Result<(Option<LastRun>, Option<PendingUploads>), ApiError> {
        let id = &integration.provider;
        if integration.enabled {
            let newest = self.ports.integration_runs(id, &first(1)).await?.entries.into_iter().next();
            return Ok((newest.map(LastRun::from), None));
        }
        let mut page = first(RUNS_PER_PAGE);
        let (mut last_run, mut more) = (None, false);
        let (mut seen, mut runs, mut with_own_integration) = (HashSet::new(), 0, HashMap::new());
        for number in 1..=PAGES_MAX {
            let list_page = self.ports.integration_runs(id, &page).await?;
            for run in list_page.entries {
                // The newest run of an upload determines whether the upload is pending.
                if seen.insert(run.upload.clone()) && self.is_pending(&run, id, &mut with_own_integration).await? {
                    runs += 1;
                }
                last_run.get_or_insert_with(|| LastRun::from(run));
            }
            page.after = list_page.next;
            if page.after.is_none() {
                break;
            }
            more = number == PAGES_MAX;
        }
        let pending = PendingUploads { runs, replayed: 0, more, job_id: None };
        Ok((last_run, Some(pending).filter(|pending| pending.runs > 0)))
    }

    /// Whether the run has pending findings of an account that still uses this integration.
    async fn is_pending(
        &self,
        run: &IntegrationRun,
        id: &ProviderId,
        with_own_integration: &mut HashMap<asff::AccountId, bool>,
    ) -> Result<bool, ApiError> {
        if run.disabled == 0 || id.account().is_some() {
            return Ok(run.disabled > 0);
        }
        for account in &run.disabled_accounts {
            // An account with its own integration doesn't use the organization's.
            if !self.has_own_integration(*account, with_own_integration).await? {
                return Ok(true);
            }
        }
        Ok(!run.names_all_disabled())
    }
}

//! The exports of an integration: the last one, and the pending uploads. They are read from the entries that its runs wrote: runs
//! of other integrations are not read.

use std::collections::{HashMap, HashSet};

use asff::AccountId;
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::report::{IntegrationRun, undelivered};

use super::{Service, first};
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{LastRun, PendingUploads};

/// Entries per page in the search for pending uploads.
const RUNS_PER_PAGE: usize = 1_000;
/// Maximum number of pages: eight years of daily scans of one account, or three days of a thousand accounts.
const PAGES_MAX: usize = 3;

/// The exports of an integration, as far as they were read.
#[derive(Default)]
pub(super) struct Exports {
    /// The newest one that has ended.
    newest: Option<IntegrationRun>,
    /// The newest run of each pending upload, newest first.
    pub(super) pending: Vec<IntegrationRun>,
    /// Whether older exports were not read.
    pub(super) more: bool,
}

/// Which pending findings count.
struct Pending<'a> {
    /// The integration that was disabled.
    disabled: &'a ProviderId,
    /// The integration that exports them now.
    owner: &'a ProviderId,
    with_own_integration: HashMap<AccountId, bool>,
}

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
        let Exports { newest, pending, more } = self.pending_exports(id).await?;
        let pending = PendingUploads { runs: pending.len() as u64, replayed: 0, more, job_id: None };
        Ok((newest.map(LastRun::from), Some(pending).filter(|pending| pending.runs > 0)))
    }

    /// The uploads that were recorded while an integration was disabled.
    pub(super) async fn pending_exports(&self, id: &ProviderId) -> Result<Exports, ApiError> {
        self.exports_for(id, id, &mut HashSet::new()).await
    }

    /// The runs to replay when an integration is enabled, and whether there may be more: its pending uploads, and those of an
    /// organization that its account used before it had its own integration. The oldest scan comes first, because a newer scan
    /// of an account supersedes an older one.
    pub(super) async fn runs_to_replay(&self, id: &ProviderId) -> Result<(Vec<String>, bool), ApiError> {
        let mut seen = HashSet::new();
        let Exports { mut pending, mut more, .. } = self.exports_for(id, id, &mut seen).await?;
        if id.account().is_some() {
            let all = self.all_integrations().await?;
            for organization in all.iter().map(|stored| &stored.value.provider).filter(|id| id.account().is_none()) {
                let earlier = self.exports_for(organization, id, &mut seen.clone()).await?;
                pending.extend(earlier.pending);
                more |= earlier.more;
            }
        }
        let mut runs: Vec<_> = pending.into_iter().map(|run| (run.scanned_at, run.started_at, run.run_id)).collect();
        runs.sort_unstable();
        runs.dedup();
        Ok((runs.into_iter().map(|(_, _, run_id)| run_id).collect(), more))
    }

    /// The exports of a disabled integration, with the pending uploads of accounts that `owner` exports now. Adds their uploads
    /// to `seen`: the newest run of an upload determines whether the upload is pending.
    async fn exports_for(
        &self,
        disabled: &ProviderId,
        owner: &ProviderId,
        seen: &mut HashSet<String>,
    ) -> Result<Exports, ApiError> {
        let mut pending = Pending { disabled, owner, with_own_integration: HashMap::new() };
        let (mut exports, mut page) = (Exports::default(), first(RUNS_PER_PAGE));
        for _ in 0..PAGES_MAX {
            let list_page = self.ports.integration_runs(disabled, &page).await?;
            for run in list_page.entries {
                exports.newest.get_or_insert_with(|| run.clone());
                if seen.insert(run.upload.clone()) && self.is_pending(&run, &mut pending).await? {
                    exports.pending.push(run);
                }
            }
            page.after = list_page.next;
            if page.after.is_none() {
                return Ok(exports);
            }
        }
        Ok(Exports { more: true, ..exports })
    }

    /// Whether a run has pending findings of an account that the owner exports.
    async fn is_pending(&self, run: &IntegrationRun, pending: &mut Pending<'_>) -> Result<bool, ApiError> {
        if run.disabled == 0 || pending.disabled.account().is_some() {
            return Ok(run.disabled > 0);
        }
        if self.any_is_owned(&run.disabled_accounts, pending).await? {
            return Ok(true);
        }
        if run.names_all_disabled() {
            return Ok(false);
        }
        // The entry has only the first accounts. The run's report has all, unless it is deleted or was shortened: then the
        // upload counts as pending, because a replay of an exported upload sends nothing again.
        let accounts = self.disabled_accounts(&run.run_id, pending.disabled).await?;
        Ok((accounts.len() as u64) < run.disabled || self.any_is_owned(&accounts, pending).await?)
    }

    /// Whether the owner exports any of these accounts. An account with its own integration doesn't use the organization's.
    async fn any_is_owned(&self, accounts: &[AccountId], pending: &mut Pending<'_>) -> Result<bool, ApiError> {
        if let Some(own) = pending.owner.account() {
            return Ok(accounts.contains(&own));
        }
        for account in accounts {
            if !self.has_own_integration(*account, &mut pending.with_own_integration).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The accounts of a run with findings that were not sent because the integration was disabled.
    async fn disabled_accounts(&self, run_id: &str, integration: &ProviderId) -> Result<Vec<AccountId>, ApiError> {
        let report = self.ports.run(run_id).await?;
        let accounts = report.iter().flat_map(|report| &report.accounts);
        let disabled = accounts.filter(|(_, report)| {
            report.integration.as_ref() == Some(integration)
                && report.counts.undelivered.contains_key(undelivered::INTEGRATION_DISABLED)
        });
        Ok(disabled.map(|(account, _)| *account).collect())
    }

    async fn has_own_integration(
        &self,
        account: AccountId,
        known: &mut HashMap<AccountId, bool>,
    ) -> Result<bool, ApiError> {
        if let Some(has_own) = known.get(&account) {
            return Ok(*has_own);
        }
        let has_own = self.ports.stored_integration(&account.into()).await?.is_some();
        known.insert(account, has_own);
        Ok(has_own)
    }
}

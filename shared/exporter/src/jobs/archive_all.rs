//! `archive_all`: archives all findings that were sent for an account, since a user offboards it. The archive limit
//! does not apply.

use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;

use super::context::JobContext;
use super::error::RunnerError;
use super::locked_account::{LockedAccount, RequiredIntegration, unavailable_error};
use super::runner::{JobRunner, Options};
use crate::delivery::{Selector, resend_stored};
use crate::model::provider::ProviderId;
use crate::ports::Ports;
use crate::report::{RunKind, RunReport};
use crate::state::{Entry, Resolution, Stored, archived, status_of};

impl<P: Ports> JobRunner<P> {
    /// Archives all findings of an account that are active according to the state, in all Regions, including those that
    /// its integration does not select. The integration must belong to `provider`, and its deletion must have been
    /// requested at `deletion_requested_at` if that is given; it may be disabled. `counts.archived` is the number of
    /// archived findings; [`Options::progress`] counts them while the job runs.
    ///
    /// # Errors
    ///
    /// [`RunnerError::Rejected`] if no integration has credentials for the account, or if it is not the
    /// required one.
    pub async fn archive_all(
        &self,
        account: AccountId,
        provider: &ProviderId,
        deletion_requested_at: Option<Timestamp>,
        options: &Options,
    ) -> Result<RunReport, RunnerError> {
        let required = deletion_requested_at
            .map_or(RequiredIntegration::OwnedBy(provider), |since| RequiredIntegration::BeingDeleted(provider, since));
        let run = self.begin(RunKind::ArchiveAll, None, format!("all findings of account {account}"));
        let archive_all = |context: JobContext<P>| async move {
            let locked = match LockedAccount::open(&context, account, required).await? {
                Ok(locked) => locked.record_start(&context).await?,
                Err(problem) => return Err(unavailable_error(account, &problem)),
            };
            let now = context.run.ports.now();
            let known = context.run.regions.clone();
            let choose: Arc<Selector> = Arc::new(move |_: RegionName, entry: &Entry| {
                if !entry.meta.is_active() {
                    return Ok(None);
                }
                let was = status_of(&entry.meta, &entry.json, &known);
                let write = |updated_at| archived(&entry.json, Resolution::Gone, updated_at);
                resend_stored(&entry.meta, Stored::Archived(was), entry.meta.updated_ms + 1, now, write).map(Some)
            });
            let regions = locked.stored_regions.clone();
            let mut delivered = locked.delivery(&context, locked.session.newest).resend(&regions, choose, true).await;
            for report in delivered.regions.values_mut() {
                report.archived_at = (report.archived > 0).then_some(now);
            }
            Ok(vec![locked.release(delivered, &regions).await])
        };
        self.run(run, options, archive_all).await
    }
}

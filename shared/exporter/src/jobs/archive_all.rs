//! `withdraw`: everything that was sent for an account is archived, because a person gives the account up. No limit applies.

use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;

use super::account_lock::{Hold, Wants};
use super::context::Job;
use super::error::MendError;
use super::runner::{Mender, Options};
use crate::deliver::{Choose, once_more};
use crate::ports::Ports;
use crate::provider::ProviderId;
use crate::report::{RunKind, RunReport};
use crate::state::{Ended, Entry, Stored, archived, status_of};

impl<P: Ports> Mender<P> {
    /// Archives all findings of an account that are live by the state, in all Regions, whatever its integration says of
    /// them. That must be the one of `provider`, and being removed since `removing_since`, where that is given; it may be
    /// disabled. `counts.archived` says how many; [`Options::progress`] counts them meanwhile.
    ///
    /// # Errors
    ///
    /// [`MendError::Refused`] where there is no integration whose credentials could be used, or it is another one.
    pub async fn withdraw(
        &self,
        account: AccountId,
        provider: &ProviderId,
        removing_since: Option<Timestamp>,
        options: &Options,
    ) -> Result<RunReport, MendError> {
        let wants = removing_since.map_or(Wants::Of(provider), |since| Wants::Removing(provider, since));
        let run = self.begin(RunKind::Withdraw, None, format!("all findings of account {account}"));
        let withdraw = |job: Job<P>| async move {
            let hold = match Hold::take(&job, account, wants).await? {
                Ok(hold) => hold.begin(&job).await?,
                Err(blocked) => return Err(blocked.into_error(account)),
            };
            let now = job.ports.now();
            let known = job.regions.clone();
            let choose: Arc<Choose> = Arc::new(move |_: RegionName, entry: &Entry| {
                if !entry.slot.is_live() {
                    return Ok(None);
                }
                let was = status_of(&entry.slot, &entry.json, &known);
                let write = |updated_at| archived(&entry.json, Ended::Gone, updated_at);
                once_more(&entry.slot, Stored::Archived(was), entry.slot.updated_ms + 1, now, write).map(Some)
            });
            let regions = hold.with_state.clone();
            let mut delivered = hold.delivery(&job, hold.newest).revise(&regions, choose, true).await;
            for report in delivered.regions.values_mut() {
                report.archived_at = (report.archived > 0).then_some(now);
            }
            Ok(vec![hold.release(&job, delivered, &regions).await])
        };
        self.run(run, options, withdraw).await
    }
}

//! `reconcile`: compares the findings of an account in Security Hub with the state, Region by Region, and corrects the
//! differences.

use std::collections::BTreeSet;

use asff::{AccountId, RegionName};

use super::context::JobContext;
use super::error::RunnerError;
use super::locked_account::{LockedAccount, RequiredIntegration, unavailable_error};
use super::runner::{JobRunner, Options};
use crate::delivery::AccountDelivered;
use crate::ports::Ports;
use crate::report::{RunKind, RunReport};
use crate::selection::route::{Route, route};

/// The scope of a reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconcile {
    /// Only these Regions. If empty: those of the integration, and those with a state.
    pub regions: Vec<RegionName>,
    /// Compare, and change nothing.
    pub dry_run: bool,
}

impl<P: Ports> JobRunner<P> {
    /// Compares and corrects. Each Region's `drift` reports the differences, and how many were corrected.
    ///
    /// # Errors
    ///
    /// [`RunnerError::Rejected`] if no integration has credentials for the account, or if the integration has
    /// none of the Regions.
    pub async fn reconcile(
        &self,
        account: AccountId,
        what: &Reconcile,
        options: &Options,
    ) -> Result<RunReport, RunnerError> {
        let about = if what.dry_run { "dry run: " } else { "" };
        let run = self.begin(RunKind::Reconcile, None, format!("{about}all findings of account {account}"));
        let reconcile = |context: JobContext<P>| async move {
            let required = if what.dry_run { RequiredIntegration::Any } else { RequiredIntegration::Enabled };
            let locked = match LockedAccount::open(&context, account, required).await? {
                Ok(locked) => locked.record_start(&context).await?,
                Err(problem) => return Err(unavailable_error(account, &problem)),
            };
            let integration = &locked.session.integration;
            let mut regions: BTreeSet<RegionName> = locked.stored_regions.clone();
            regions.extend(integration.regions.iter().flatten().chain(&integration.fallback_region));
            regions.extend(&what.regions);
            let fallback = integration.fallback_region;
            regions.retain(|region| {
                let is_requested = what.regions.is_empty() || what.regions.contains(region);
                is_requested && (route(integration, *region) == Route::Own || fallback == Some(*region))
            });
            if regions.is_empty() {
                locked.release(AccountDelivered::default(), &BTreeSet::new()).await;
                let message =
                    format!("account {account} has nothing to reconcile: no state, and no Region of that name");
                return Err(RunnerError::Rejected(message));
            }
            let mut delivered =
                locked.delivery(&context, locked.session.newest).reconcile(&regions, what.dry_run).await;
            // A comparison does not resolve a Region in doubt: the next export does.
            delivered.in_doubt_regions.clear();
            Ok(vec![locked.release(delivered, &BTreeSet::new()).await])
        };
        self.run(run, options, reconcile).await
    }
}

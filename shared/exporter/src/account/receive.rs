//! Receives the findings of one account: filters, routes, and delivers them.

use asff::{Mapped, RegionName, Unsent};

use super::export::{AccountExport, Context, Delivering, Older, State, suspended_error};
use super::select::{Selected, select};
use super::session::AccountSession;
use crate::ports::{PortError, Ports};
use crate::report::reasons::filtered::{ALREADY_EXPORTED, SUPERSEDED};
use crate::report::{Fate, undelivered};
use crate::selection::destination::Destination;
use crate::selection::filter::{FilterReason, filter};
use crate::selection::route::{Route, route};
use crate::state::{FindingKey, SeenInScan};

impl<P: Ports> AccountExport<P> {
    /// Determines the outcome of a finding, or passes the finding to the delivery.
    pub(crate) async fn receive(&mut self, context: &Context<P>, mut mapped: Box<Mapped>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.has_verdicts = true;
        self.reopen(context, mapped.partition, mapped.scanned_at).await?;
        if let Err(error) = self.resume_once().await {
            // The account stays suspended; the next attempt at the upload continues with it.
            tracing::warn!(account.id = %self.account, %error, "failed to reconnect to the account");
            self.defer(undelivered::CREDENTIALS_UNAVAILABLE.to_owned(), mapped.region);
            return Ok(());
        }
        self.apply_older(context).await?;
        let Delivering { session: AccountSession { integration, .. }, delivery, coverage, .. } = match &mut self.state {
            State::Delivering(delivering) => delivering.as_mut(),
            State::Superseded(..) => {
                self.evidence.record_time(mapped.scanned_at);
                if context.reexport {
                    let at_ms = mapped.scanned_at.min(context.run.ports.now()).as_millisecond();
                    let (key, region) = (FindingKey::from_id(mapped.finding.id.as_str()), mapped.region);
                    let (status, severity) = (mapped.status, mapped.severity);
                    self.older.push(Older { region, key, at_ms, status, severity });
                }
                self.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
                return Ok(());
            }
            State::Excluded(problem) => {
                self.counts.add(Fate::Filtered(problem.reason.clone()), 1);
                return Ok(());
            }
            State::Complete(_) => {
                self.counts.add(Fate::Filtered(ALREADY_EXPORTED.to_owned()), 1);
                return Ok(());
            }
            // The account was resumed above.
            State::Suspending(_) | State::SuspendedDelivery(_) | State::Resuming => {
                return Err(suspended_error(self.account));
            }
            State::Unavailable(problem) => {
                let reason = problem.reason.clone();
                self.defer(reason, mapped.region);
                return Ok(());
            }
        };
        self.evidence.record_verdict(&mapped.check_id, mapped.region, mapped.scanned_at);
        let Destination { region, filtered, redirected } =
            match select(integration, coverage, context.format, &mut mapped) {
                Selected::Region(destination) => destination,
                Selected::Superseded => {
                    self.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
                    return Ok(());
                }
                Selected::NoRegion(fate) => {
                    let seen = match fate {
                        Fate::RegionUnavailable(..) => SeenInScan::Wanted,
                        _ => filter(integration, context.format, mapped.status, mapped.severity)
                            .map_or(SeenInScan::Wanted, FilterReason::seen),
                    };
                    self.counts.add(fate, 1);
                    return delivery.mark_seen_elsewhere(&mapped, seen).await;
                }
            };
        self.counts.redirected += u64::from(redirected);
        delivery.send(region, mapped, filtered).await
    }

    /// Counts a finding as undelivered.
    fn defer(&mut self, reason: String, region: RegionName) {
        self.counts.add(Fate::Undelivered(reason), 1);
        *self.errors.entry(region).or_default() += 1;
    }

    /// Once the account is open, marks the findings of an older scan that preceded in the file.
    async fn apply_older(&mut self, context: &Context<P>) -> Result<(), PortError> {
        let State::Delivering(delivering) = &mut self.state else { return Ok(()) };
        let Delivering { session: AccountSession { integration, .. }, delivery, .. } = delivering.as_mut();
        for Older { region, key, at_ms, status, severity } in std::mem::take(&mut self.older) {
            let seen =
                filter(integration, context.format, status, severity).map_or(SeenInScan::Wanted, FilterReason::seen);
            let region = match route(integration, region) {
                Route::Own | Route::NotInIntegration => region,
                Route::Fallback(fallback) => fallback,
            };
            delivery.mark_seen(region, key, seen, at_ms).await?;
        }
        Ok(())
    }

    /// Counts a finding that is never sent, and notifies the delivery that the scan has it.
    pub(crate) async fn receive_unsent(&mut self, context: &Context<P>, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.evidence.record_time(unsent.scanned_at);
        self.reopen(context, unsent.partition, unsent.scanned_at).await?;
        // If the account can't be resumed, nothing is judged, and the findings in Security Hub stay as they are.
        drop(self.resume_once().await);
        if let State::Delivering(delivering) = &mut self.state {
            let Delivering { session: AccountSession { integration, .. }, delivery, .. } = delivering.as_mut();
            match route(integration, unsent.region) {
                Route::Own => return delivery.mark_unsent(unsent.region, unsent).await,
                Route::Fallback(region) => return delivery.mark_unsent(region, unsent).await,
                Route::NotInIntegration => {}
            }
        }
        self.counts.add(Fate::Filtered(FilterReason::Manual.as_str().to_owned()), 1);
        Ok(())
    }
}

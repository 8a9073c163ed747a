//! Receives the findings of one account: its filters, its route, its delivery.

use asff::{Mapped, Unsent};

use super::export::{AccountExport, Context, Delivering, Older, State, suspended_error};
use super::select::{Selected, select};
use super::session::AccountSession;
use crate::destination::Destination;
use crate::filter::{FilterReason, filter};
use crate::ports::{PortError, Ports};
use crate::report::reasons::filtered::{ALREADY_EXPORTED, SUPERSEDED};
use crate::report::{Fate, undelivered};
use crate::route::{Route, route};
use crate::state::{FindingKey, SeenInScan};

impl<P: Ports> AccountExport<P> {
    /// Decides the outcome of a finding, or passes it to the delivery, which will.
    pub(crate) async fn receive(&mut self, context: &Context<P>, mut mapped: Box<Mapped>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.has_verdicts = true;
        self.reopen(context, mapped.partition, mapped.scanned_at).await?;
        if let Err(error) = self.resume_once().await {
            // It stays suspended; the next try of the upload continues with it.
            tracing::warn!(account.id = %self.account, %error, "the account could not be connected to again");
            self.counts.add(Fate::Undelivered(undelivered::CREDENTIALS_UNAVAILABLE.to_owned()), 1);
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
            // It was woken above.
            State::Suspending(_) | State::SuspendedDelivery(_) | State::Resuming => {
                return Err(suspended_error(self.account));
            }
            State::Unavailable(problem) => {
                self.counts.add(Fate::Undelivered(problem.reason.clone()), 1);
                return Ok(());
            }
        };
        self.evidence.record_verdict(&mapped.check_id, mapped.region, mapped.scanned_at);
        let Destination { region, filtered: kept, redirected } =
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
        delivery.send(region, mapped, kept).await
    }

    /// Tells the Regions, once the account is open, what the file had before.
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

    /// Counts a finding that is never sent, and lets the delivery know that it is there.
    pub(crate) async fn receive_unsent(&mut self, context: &Context<P>, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.evidence.record_time(unsent.scanned_at);
        self.reopen(context, unsent.partition, unsent.scanned_at).await?;
        // Where it can't be woken, nothing is judged, and what was sent stays as it is.
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

//! The start of a Region's work: ask its hub, open its state, and read the hub where the state can't be trusted.

use jiff::{SignedDuration, Timestamp};

use super::region::RegionWorker;
use super::stop::{Stop, explain, still_closed};
use crate::ports::{CallError, Hub, PortError, Ports};
use crate::report::{RunReport, undelivered};
use crate::state::{Declined, Ledger, Missing, Trust, adopt, denied};

/// How long a run's report is kept at the least.
const REPORT_KEPT_FOR_SURE: SignedDuration = SignedDuration::from_hours(14 * 24);

impl<P: Ports> RegionWorker<P> {
    /// Opens the Region's state with the first word about the Region; from then on either the state is there or the
    /// sender knows why nothing can be sent.
    pub(crate) async fn open(&mut self) -> Result<(), PortError> {
        if self.work.ledger.is_some() || self.sender.stop().is_some() {
            return Ok(());
        }
        if !self.reach().await {
            return Ok(());
        }
        let lane = self.sender.lane();
        let hub = lane.hub.clone();
        let mut ledger = Ledger::open(self.ports.clone(), self.header.clone()).await?;
        if let Some(ahead) = ledger.old.as_ref().and_then(|old| old.ahead).filter(|ahead| ahead.dated == self.dated) {
            self.header.ahead = Some(ahead);
            ledger.header.ahead = Some(ahead);
        }
        if let Some(trust) = self.trust(&ledger) {
            let missing = self.missing(&ledger);
            let now_ms = self.ports.now().as_millisecond();
            let until = self.sender.lane().give_up_at;
            match adopt(ledger, &hub, &self.policy.regions, trust, missing, now_ms, until).await {
                Ok(drift) => {
                    self.work.report.adopted = drift.unknown;
                    self.work.report.not_adopted = drift.unread;
                    if let Some(reason) = drift.paused {
                        self.sender.refuse(Stop::Undelivered(reason));
                        return Ok(());
                    }
                }
                Err(Declined::Hub(error @ (CallError::AccessDenied(_) | CallError::InvalidAccess(_)))) => {
                    self.work.report.not_adopted = Some(denied(&error));
                }
                Err(Declined::Hub(_)) => {
                    self.sender.refuse(Stop::Undelivered(undelivered::SERVICE_ERROR));
                    return Ok(());
                }
                Err(Declined::Port(error)) => return Err(error),
            }
            ledger = Ledger::open(self.ports.clone(), self.header.clone()).await?;
        }
        ledger.orphaned = self.orphaned(&ledger).await?;
        if let Some(old) = ledger.old.as_ref().filter(|old| old.scanned_at > ledger.header.scanned_at) {
            // What is sent late of an older scan does not make the state one of that scan.
            (ledger.header.scanned_at, ledger.header.ahead) = (old.scanned_at, old.ahead);
        }
        if let Some(adopting) = &ledger.header.tail.adopting {
            self.work.report.not_adopted = adopting.given_up.clone();
        }
        self.work.ledger = Some(ledger);
        self.work.opened = true;
        Ok(())
    }

    /// Asks the hub since when it is on. False, where the sender knows by then why nothing can be sent.
    pub(super) async fn reach(&mut self) -> bool {
        let lane = self.sender.lane();
        let (hub, region, partition) = (lane.hub.clone(), lane.region, lane.partition);
        if self.policy.closed.contains(&region)
            && let Some(unavailable) = still_closed(&hub, partition, &region).await
        {
            self.sender.refuse(Stop::Unavailable(unavailable));
            return false;
        }
        self.header.hub_since = match hub.since(&region).await {
            Ok(since) => since,
            Err(CallError::AccessDenied(_)) => None,
            Err(
                error @ (CallError::InvalidAccess(_) | CallError::UnrecognizedClient(_) | CallError::Unreachable(_)),
            ) => {
                let unavailable = explain(&hub, partition, &region, &error).await;
                self.sender.refuse(Stop::Unavailable(unavailable));
                return false;
            }
            Err(CallError::Throttled(_)) => {
                self.sender.refuse(Stop::Undelivered(undelivered::THROTTLED));
                return false;
            }
            Err(_) => {
                self.sender.refuse(Stop::Undelivered(undelivered::SERVICE_ERROR));
                return false;
            }
        };
        true
    }

    /// How far the service's word is to be trusted where the state does not do; none where the state does.
    fn trust(&self, ledger: &Ledger<P>) -> Option<Trust> {
        let Some(old) = &ledger.old else { return Some(Trust::Content) };
        if self.is_doubtful() || !old.is_of_this_hub(&self.header) {
            return Some(Trust::Existence);
        }
        old.tail.adopting.as_ref().filter(|adopting| adopting.given_up.is_none()).map(|adopting| adopting.trust)
    }

    /// When a run archived findings that left no report.
    async fn orphaned(&self, ledger: &Ledger<P>) -> Result<Option<Timestamp>, PortError> {
        let by = ledger.old.as_ref().and_then(|old| old.tail.archived.clone());
        // A report may be forgotten, but not so soon.
        let is_recent = |at: Timestamp| self.ports.now().duration_since(at) < REPORT_KEPT_FOR_SURE;
        let Some(by) = by.filter(|by| by.run_id != *self.run_id && is_recent(by.at)) else { return Ok(None) };
        let report = self.ports.object(&RunReport::key(&by.run_id)).await?;
        Ok(report.is_none().then_some(by.at))
    }

    /// What an active finding is that the service does not show.
    fn missing(&self, ledger: &Ledger<P>) -> Missing {
        let is_this_hub = ledger.old.as_ref().is_some_and(|old| old.is_of_this_hub(&self.header));
        if self.is_doubtful() && is_this_hub { Missing::ArchivedByUs } else { Missing::Archived }
    }

    /// Whether Security Hub may hold what the state does not know of.
    pub(super) fn is_doubtful(&self) -> bool {
        self.policy.doubt.covers(self.header.region)
    }
}

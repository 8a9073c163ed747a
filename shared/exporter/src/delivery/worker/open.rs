//! The start of a Region's work: checks its hub, opens its state, and reads the hub if the state can't be trusted.

use jiff::{SignedDuration, Timestamp};

use super::check_hub::SameHub;
use super::region::RegionWorker;
use crate::delivery::deadline::within;
use crate::delivery::halt::RegionHalt;
use crate::ports::{CallError, PortError, Ports};
use crate::report::{RunReport, undelivered};
use crate::state::{AdoptError, AdoptionProgress, Missing, RegionState, Trust, adopt, denied_message, state_key};

/// The minimum time for which the report of a run is retained.
const REPORT_RETENTION_MIN: SignedDuration = SignedDuration::from_hours(14 * 24);

impl<P: Ports> RegionWorker<P> {
    /// Opens the Region's state when the first message arrives. Afterwards, either the state is open, or the sender has
    /// the reason why nothing can be sent.
    pub(crate) async fn open(&mut self) -> Result<(), PortError> {
        if self.state.region_state.is_some() || self.state.error.is_some() {
            return Ok(());
        }
        if self.state.opened {
            return self.reopen().await;
        }
        if self.sender.halt().is_some() || !self.check_hub().await {
            return Ok(());
        }
        let mut region_state = self.read_region_state().await?;
        if let Some(ahead) =
            region_state.old.as_ref().and_then(|old| old.ahead).filter(|ahead| ahead.dated == self.scan_time)
        {
            self.header.ahead = Some(ahead);
            region_state.header.ahead = Some(ahead);
        }
        let same_hub = self.is_same_hub(&region_state).await;
        if self.sender.halt().is_some() {
            return Ok(());
        }
        if let SameHub::Unknown(why) = &same_hub {
            self.state.report.hub_unverified = Some(unverified_message(why));
        }
        let old = region_state.old.as_ref();
        let unverified_at = match same_hub {
            SameHub::Unknown(_) => {
                old.and_then(|old| old.tail.unverified_at).or_else(|| region_state.after_last_sent())
            }
            SameHub::Yes | SameHub::No => None,
        };
        region_state.header.tail.unverified_at = unverified_at;
        if matches!(same_hub, SameHub::Unknown(_)) || (same_hub != SameHub::No && self.header.hub_since.is_none()) {
            // The known time is kept even if this run has no permission to read it. The time of a hub that may be another
            // one is not recorded: the next run would trust the state.
            self.header.hub_since = region_state.old.as_ref().and_then(|old| old.hub_since.clone());
            region_state.header.hub_since.clone_from(&self.header.hub_since);
        }
        if let Some(trust) = self.required_trust(&region_state, &same_hub) {
            match self.adopt(region_state, trust, self.missing_meaning(&same_hub)).await? {
                Some(adopted) => region_state = adopted,
                None => return Ok(()),
            }
            region_state.header.tail.unverified_at = unverified_at;
        }
        self.start(region_state).await
    }

    /// Adopts the hub's findings into the state, and returns the new state. `None` if nothing can be sent; the sender
    /// then has the reason.
    async fn adopt(
        &mut self,
        region_state: RegionState<P>,
        trust: Trust,
        missing: Missing,
    ) -> Result<Option<RegionState<P>>, PortError> {
        let now_ms = self.ports.now().as_millisecond();
        let config = self.sender.config();
        let (hub, until) = (config.hub.clone(), config.give_up_at);
        match adopt(region_state, &hub, &self.policy.regions, trust, missing, now_ms, until).await {
            Ok(drift) => {
                self.state.report.adopted = drift.unknown;
                self.state.report.adoption_skipped = drift.unread;
                self.state.report.pages_read = drift.pages;
                if let Some(reason) = drift.paused {
                    self.sender.halt_with(RegionHalt::Undelivered(reason));
                    return Ok(None);
                }
            }
            Err(AdoptError::Hub(error @ (CallError::AccessDenied(_) | CallError::InvalidAccess(_)))) => {
                self.state.report.adoption_skipped = Some(denied_message(&error));
            }
            Err(AdoptError::Hub(error)) => {
                self.sender.halt_with(RegionHalt::Undelivered(undelivered_reason(&error)));
                return Ok(None);
            }
            Err(AdoptError::Port(error)) => return Err(error),
        }
        let mut region_state = self.read_region_state().await?;
        if self.state.report.adoption_skipped.is_some() && region_state.header.tail.adopting.is_none() {
            // The next run that has permission to read the hub adopts its findings.
            region_state.header.tail.adopting = Some(AdoptionProgress::postponed());
        }
        Ok(Some(region_state))
    }

    /// Starts to work on a state that can be trusted.
    async fn start(&mut self, mut region_state: RegionState<P>) -> Result<(), PortError> {
        if let Some(old) = region_state.old.as_ref().filter(|old| old.scanned_at > region_state.header.scanned_at) {
            // Findings of an older scan that are sent late do not make the state one of that scan.
            (region_state.header.scanned_at, region_state.header.ahead) = (old.scanned_at, old.ahead);
        }
        if let Some(given_up) =
            region_state.header.tail.adopting.as_ref().and_then(|adopting| adopting.given_up.clone())
        {
            self.state.report.adoption_skipped = Some(given_up);
        }
        region_state.is_stale |= region_state.old.as_ref().is_some_and(|old| old.hub_since != self.header.hub_since);
        if region_state.old.is_some() {
            self.sender.config().note_accepted();
        }
        self.state.repeated.add_known(&region_state.header.tail.repeated);
        self.state.region_state = Some(Box::new(region_state));
        self.state.opened = true;
        Ok(())
    }

    /// Reads the Region's state, and whether a run archived findings of it without leaving a report: whatever saves the state
    /// next must not forget them.
    pub(in crate::delivery) async fn read_region_state(&self) -> Result<RegionState<P>, PortError> {
        let action = || format!("read {}", state_key(self.header.account, self.header.region));
        let end = self.sender.config().give_up_at;
        let opening = RegionState::open(self.ports.clone(), self.header.clone());
        let mut region_state = within(end, action, opening).await?;
        region_state.orphaned = self.find_orphaned_archive(&region_state).await?;
        Ok(region_state)
    }

    /// How far the service's responses are trusted if the hub must be read because the state can't be trusted. `None`
    /// if the state can be trusted.
    fn required_trust(&self, region_state: &RegionState<P>, same_hub: &SameHub) -> Option<Trust> {
        let Some(old) = &region_state.old else { return Some(Trust::Content) };
        if self.is_in_doubt() || *same_hub == SameHub::No {
            return Some(Trust::Existence);
        }
        old.tail.adopting.as_ref().filter(|adopting| adopting.given_up.is_none()).map(|adopting| adopting.trust)
    }

    /// When a run archived findings without leaving a report.
    async fn find_orphaned_archive(&self, region_state: &RegionState<P>) -> Result<Option<Timestamp>, PortError> {
        let by = region_state.old.as_ref().and_then(|old| old.tail.archived.clone());
        // After the retention time, a report may have expired.
        let is_recent = |at: Timestamp| self.ports.now().duration_since(at) < REPORT_RETENTION_MIN;
        let Some(by) = by.filter(|by| by.run_id != *self.run_id && is_recent(by.at)) else { return Ok(None) };
        let report = self.ports.object(&RunReport::key(&by.run_id)).await?;
        Ok(report.is_none().then_some(by.at))
    }

    /// What it means that the service does not show an active finding.
    fn missing_meaning(&self, same_hub: &SameHub) -> Missing {
        if self.is_in_doubt() && *same_hub != SameHub::No { Missing::ArchivedByUs } else { Missing::Archived }
    }

    /// Whether Security Hub may have findings that the state does not have.
    pub(in crate::delivery) fn is_in_doubt(&self) -> bool {
        self.policy.in_doubt.includes(self.header.region)
    }
}

/// The reason for which findings are undelivered after a call that failed for a transient reason.
fn undelivered_reason(error: &CallError) -> &'static str {
    match error {
        CallError::DeadlineExceeded => undelivered::DEADLINE_EXCEEDED,
        CallError::Throttled(_) => undelivered::THROTTLED,
        CallError::Unreachable(_) => undelivered::UNREACHABLE,
        _ => undelivered::SERVICE_ERROR,
    }
}

/// The message that the exporter can't determine whether the hub was disabled and enabled again, and the remediation.
fn unverified_message(why: &str) -> String {
    format!(
        "cannot verify that Security Hub was not disabled and enabled again since the last export: {why}\n\
         allow the role securityhub:DescribeHub"
    )
}

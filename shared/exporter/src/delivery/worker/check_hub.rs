//! Checks whether a Region's Security Hub responds, whether it accepts findings, and whether it is the hub of the
//! state.

use std::time::Duration;

use asff::RegionName;
use tokio::time::Instant;

use super::region::RegionWorker;
use crate::delivery::halt::{RegionHalt, explain_rejection};
use crate::delivery::stamp::finding_id;
use crate::ports::{CallError, Hub, HubState, Ports};
use crate::report::undelivered;
use crate::state::{FindingKey, FindingMeta, LAG_MS, Pages, RegionState, StateHeader, Unread, state_key};

/// How long calls to an unreachable endpoint are retried if the Region has accepted findings before.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Whether a hub is the one to which the state refers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum SameHub {
    /// The hub is the same, or there is no evidence against it.
    Yes,
    /// The hub was disabled and enabled again since: it does not have the findings of the state.
    No,
    /// The question can't be answered, for this reason.
    Unknown(String),
}

impl<P: Ports> RegionWorker<P> {
    /// Checks the hub and reads when it was enabled. Returns false if nothing can be sent; the sender then has the
    /// reason.
    pub(in crate::delivery) async fn check_hub(&mut self) -> bool {
        let config = self.sender.config();
        let (hub, region, region_context) = (config.hub.clone(), config.region, config.region_context());
        if self.policy.unavailable_regions.contains(&region) {
            let halt = match hub.state(&region).await {
                Ok(HubState { product_accepted: true }) => None,
                Ok(HubState { product_accepted: false }) => {
                    Some(RegionHalt::Unavailable(region_context.product_not_accepted()))
                }
                // Whether the hub's state may be read says nothing about imports.
                Err(CallError::AccessDenied(_)) => None,
                Err(error) if is_permanent(&error) || matches!(error, CallError::Unreachable(_)) => {
                    Some(self.halt_for(&error).await)
                }
                // For other errors, sending shows whether the Region accepts findings.
                Err(_) => None,
            };
            if let Some(halt) = halt {
                self.sender.halt_with(halt);
                return false;
            }
        }
        match self.read_enabled_at(&region).await {
            Ok(since) => {
                self.header.hub_since = since;
                true
            }
            // `is_same_hub` compares findings instead.
            Err(CallError::AccessDenied(_)) => {
                self.header.hub_since = None;
                true
            }
            Err(error) => {
                let halt = self.halt_for(&error).await;
                self.sender.halt_with(halt);
                false
            }
        }
    }

    /// Reads when the hub was enabled. Retries for up to [`SILENCE_MAX`] if a Region that has accepted findings is
    /// unreachable.
    async fn read_enabled_at(&mut self, region: &RegionName) -> Result<Option<String>, CallError> {
        let patience = Instant::now() + SILENCE_MAX;
        let mut attempt = 1;
        loop {
            let answer = self.sender.config().hub.enabled_at(region).await;
            match answer {
                Err(CallError::Unreachable(_)) if self.has_accepted().await => {
                    let config = self.sender.config();
                    if Instant::now() >= patience || config.is_past_deadline() {
                        return answer;
                    }
                    config.back_off(attempt).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// The reason why nothing can be sent to a Region that returned this error.
    async fn halt_for(&mut self, error: &CallError) -> RegionHalt {
        match error {
            CallError::Unreachable(_) if self.has_accepted().await => RegionHalt::Undelivered(undelivered::UNREACHABLE),
            CallError::Throttled(_) => RegionHalt::Undelivered(undelivered::THROTTLED),
            CallError::DeadlineExceeded => RegionHalt::Undelivered(undelivered::DEADLINE_EXCEEDED),
            error if is_permanent(error) || matches!(error, CallError::Unreachable(_)) => {
                let config = self.sender.config();
                RegionHalt::Unavailable(explain_rejection(&config.hub, config.region_context(), error).await)
            }
            _ => RegionHalt::Undelivered(undelivered::SERVICE_ERROR),
        }
    }

    /// Whether the Region has ever accepted findings: if so, a missing response is transient. If it can't be determined
    /// whether the Region has a state, the Region counts as having one.
    async fn has_accepted(&mut self) -> bool {
        let StateHeader { account, region, .. } = &self.header;
        if !self.sender.config().has_accepted() {
            let is_known = self.policy.accepted_regions.contains(region)
                || self.ports.object(&state_key(*account, *region)).await.map_or(true, |state| state.is_some());
            if is_known {
                self.sender.config().note_accepted();
            }
        }
        self.sender.config().has_accepted()
    }

    /// Whether the hub is the one of the state: compares the times at which the hub was enabled, or, if one of them is
    /// unknown, one page of the hub's findings. If that shows that Security Hub is not enabled, the sender has the reason why
    /// nothing can be sent.
    pub(in crate::delivery) async fn is_same_hub(&mut self, region_state: &RegionState<P>) -> SameHub {
        let Some(old) = &region_state.old else { return SameHub::Yes };
        if old.hub_since.is_some() && self.header.hub_since.is_some() {
            return if old.hub_since == self.header.hub_since { SameHub::Yes } else { SameHub::No };
        }
        let now_ms = self.ports.now().as_millisecond();
        // What was sent while the hub could not be verified does not show that the hub has what was sent before.
        let is_live = |meta: &FindingMeta| meta.is_active() && !meta.is_expired(now_ms);
        let unverified_ms = old.tail.unverified_at.map_or(i64::MAX, |at| at.as_millisecond());
        let has_earlier = region_state.index.iter().any(|(meta, _)| is_live(meta) && meta.sent_ms < unverified_ms);
        let before_ms = if has_earlier { unverified_ms } else { i64::MAX };
        let live =
            || region_state.index.iter().map(|(meta, _)| meta).filter(|meta| is_live(meta) && meta.sent_ms < before_ms);
        if live().next().is_none() {
            return SameHub::Yes;
        }
        let config = self.sender.config();
        let (hub, region, until) = (config.hub.clone(), config.region, config.give_up_at);
        let mut pages = Pages::new(&hub, region, until);
        let is_known = |key: FindingKey| {
            region_state.index.get(key).is_some_and(|meta| meta.is_active() && meta.sent_ms < before_ms)
        };
        loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    let ids = page.iter().filter_map(|finding| finding_id(finding).ok());
                    if ids.map(|id| FindingKey::from_id(&id)).any(is_known) {
                        return SameHub::Yes;
                    }
                }
                Ok(None) => break,
                Err(Unread::Call(error)) => {
                    if matches!(error, CallError::InvalidAccess(_)) {
                        let halt = self.halt_for(&error).await;
                        self.sender.halt_with(halt);
                    }
                    return SameHub::Unknown(error.to_string());
                }
                Err(unread) => return SameHub::Unknown(unread.to_string()),
            }
        }
        // The service's responses lag behind what was sent recently.
        let is_lost = live().any(|meta| now_ms - meta.sent_ms >= LAG_MS);
        let lately = "Security Hub does not return findings yet that were sent within the last hour";
        if is_lost { SameHub::No } else { SameHub::Unknown(lately.to_owned()) }
    }
}

/// Whether the Region does not accept findings until a user changes something.
fn is_permanent(error: &CallError) -> bool {
    matches!(error, CallError::AccessDenied(_) | CallError::InvalidAccess(_) | CallError::UnrecognizedClient(_))
}

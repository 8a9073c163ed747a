//! One account: connect, look at every Region, judge, keep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName, Regions};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::external_id::{ExternalId, is_due};
use super::identity::not_checked;
use super::model::{CheckTarget, Connection};
use super::ports::{CheckPorts, Probe};
use super::region::{Asking, Look, candidates};
use super::settings::CheckSettings;
use super::verdict::{Found, verdict};
use crate::integration::Integration;
use crate::ports::{ConnectError, PortError};

/// Times that a verdict is recreated because another check of the same account was faster.
const KEEP_ATTEMPTS_MAX: u32 = 3;

/// Checks accounts.
#[derive(Debug)]
pub struct Checker<P> {
    pub(super) ports: Arc<P>,
    pub(super) settings: CheckSettings,
    regions: Arc<Regions>,
}

/// A check that was made.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the check before found.
    pub before: Option<Connection>,
    /// What this one found.
    pub connection: Connection,
    /// Whether it was kept.
    pub kept: SaveOutcome,
    /// How long it took.
    pub took: Duration,
}

/// What became of a verdict.
#[derive(Clone, Debug)]
pub enum SaveOutcome {
    /// It is what is known of the account now.
    Yes,
    /// Another check of the account ended later and was kept.
    Newer,
    /// The integration was deleted while the check ran: nothing is known of the account any more, and nothing is told.
    Orphan,
    /// The store failed. The next check sees what this one saw, and tells it.
    Failed(PortError),
}

impl<P: CheckPorts> Checker<P> {
    /// A checker with its settings.
    pub fn new(ports: Arc<P>, settings: CheckSettings) -> Self {
        Self { ports, settings, regions: Arc::new(Regions::known()) }
    }

    /// Checks an account and keeps the verdict. Never fails: what fails is in the verdict. Ends by the deadline.
    pub async fn check(&self, account: AccountId, integration: &Integration, deadline: Option<Instant>) -> Checked {
        self.check_target(&CheckTarget::new(account, Arc::new(integration.clone())), deadline).await
    }

    /// The same for a target of many.
    pub(super) async fn check_target(&self, target: &CheckTarget, deadline: Option<Instant>) -> Checked {
        let CheckTarget { account, integration, refused } = target;
        let (account, integration) = (*account, integration.as_ref());
        let began = Instant::now();
        let before = self.ports.connection(account).await;
        let hint = before.as_ref().ok().and_then(Option::as_ref);
        let found = self.find(account, integration, hint, refused, deadline).await;
        let now = self.ports.now();
        let mut before = match before {
            Ok(before) => before,
            Err(error) => {
                let connection = verdict(account, integration, None, found, now);
                return Checked { before: None, connection, kept: SaveOutcome::Failed(error), took: began.elapsed() };
            }
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let connection = verdict(account, integration, before.as_ref(), found.clone(), now);
            let kept = match self.ports.keep(&connection, before.as_ref().map(|before| before.checked_at)).await {
                Ok(true) => match self.ports.forget_orphan(&connection).await {
                    Ok(false) => SaveOutcome::Yes,
                    Ok(true) => SaveOutcome::Orphan,
                    Err(error) => SaveOutcome::Failed(error),
                },
                Err(error) => SaveOutcome::Failed(error),
                Ok(false) if attempt < KEEP_ATTEMPTS_MAX => match self.ports.connection(account).await {
                    // Forgotten meanwhile, with its integration.
                    Ok(None) if before.is_some() => SaveOutcome::Newer,
                    Ok(faster) if faster.as_ref().is_none_or(|faster| faster.checked_at < now) => {
                        before = faster;
                        continue;
                    }
                    Ok(_) => SaveOutcome::Newer,
                    Err(error) => SaveOutcome::Failed(error),
                },
                Ok(false) => SaveOutcome::Newer,
            };
            return Checked { before, connection, kept, took: began.elapsed() };
        }
    }

    /// Checks an account and keeps nothing. `before` is what is known of it, if anything is.
    pub async fn look(
        &self,
        account: AccountId,
        integration: &Integration,
        before: Option<&Connection>,
        deadline: Option<Instant>,
    ) -> Connection {
        let found = self.find(account, integration, before, &BTreeSet::new(), deadline).await;
        verdict(account, integration, before, found, self.ports.now())
    }

    async fn find(
        &self,
        account: AccountId,
        integration: &Integration,
        before: Option<&Connection>,
        refused: &BTreeSet<RegionName>,
        deadline: Option<Instant>,
    ) -> Found {
        let until = |most| deadline.map_or(Instant::now() + most, |deadline| deadline.min(Instant::now() + most));
        let connecting = timeout_at(until(self.settings.identity_timeout), self.ports.connect(account, integration));
        let hub = match connecting.await {
            Ok(Ok(hub)) => hub,
            Ok(Err(ConnectError::Refused(problem))) => return Found::Refused(problem),
            Ok(Err(ConnectError::Failed(error))) => return Found::Passing(not_checked(&error.to_string())),
            Err(_) => return Found::Passing(not_checked("the credentials could not be had in time")),
        };
        let call_timeout = self.settings.call_timeout;
        let (role, now) = (hub.role_with_external_id(), self.ports.now());
        let opens = async {
            let is_tried = role.as_ref().is_some_and(|role| is_due(role, before, now));
            if !is_tried {
                return None;
            }
            timeout(call_timeout, hub.opens_without_external_id()).await.ok().and_then(Result::ok)
        };
        let (opens, told) = tokio::join!(opens, timeout(call_timeout, hub.account_regions()));
        let external_id = ExternalId::of(role, opens, account, integration, hub.identity(), now);
        // Without the permission the data file must do.
        let told = told.ok().and_then(Result::ok).unwrap_or_default();
        let mut candidates = candidates(&self.regions, hub.partition(), integration, before, &told);
        for candidate in &mut candidates {
            candidate.was_denied |= refused.contains(&candidate.name);
        }
        let asking = Asking {
            account,
            partition: hub.partition(),
            caller: hub.identity().to_owned(),
            auto_accept: integration.auto_accept_product,
            write_probe: self.settings.write_probe,
            call_timeout,
        };
        let regions = self.look_at(&hub, candidates, asking, until(self.settings.regions_timeout)).await;
        Found::Looked { identity: hub.identity().to_owned(), external_id, regions }
    }

    /// Looks at Regions, some at once. What has not answered when the time is over is not held against the Region.
    async fn look_at(
        &self,
        hub: &P::Hub,
        candidates: Vec<super::region::Candidate>,
        asking: Asking,
        until: Instant,
    ) -> BTreeMap<RegionName, Look> {
        let slots = Arc::new(Semaphore::new(self.settings.regions_at_once.max(1)));
        let asking = Arc::new(asking);
        let mut looks = BTreeMap::new();
        let mut running = JoinSet::new();
        for candidate in candidates {
            looks.insert(
                candidate.name,
                Look::Passing(not_checked("the check's time was over before this Region answered")),
            );
            let (hub, asking, slots) = (hub.clone(), asking.clone(), slots.clone());
            running.spawn(async move {
                let _slot = slots.acquire().await;
                (candidate.name, asking.look(&hub, &candidate).await)
            });
        }
        while let Ok(Some(done)) = timeout_at(until, running.join_next()).await {
            looks.extend(done.ok());
        }
        looks
    }
}

//! Checks one account: connects, checks every Region, makes the verdict, and saves it.

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
use super::region::{CheckContext, CheckOutcome, candidates};
use super::settings::CheckSettings;
use super::verdict::{Found, verdict};
use crate::model::integration::Integration;
use crate::ports::{ConnectError, PortError};

/// Number of times that a verdict is made again because another check of the account was saved in the meantime.
const SAVE_ATTEMPTS_MAX: u32 = 3;

/// Checks accounts.
#[derive(Debug)]
pub struct Checker<P> {
    pub(super) ports: Arc<P>,
    pub(super) settings: CheckSettings,
    regions: Arc<Regions>,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The connection before the check.
    pub before: Option<Connection>,
    /// The connection that the check found.
    pub connection: Connection,
    /// Whether the connection was saved.
    pub saved: SaveOutcome,
    /// How long it took.
    pub elapsed: Duration,
}

/// What became of a verdict.
#[derive(Clone, Debug)]
pub enum SaveOutcome {
    /// The connection was saved.
    Saved,
    /// Another check of the account ended later, and its connection was saved.
    Superseded,
    /// The integration was deleted during the check: the connection is deleted, and nothing is published.
    Orphaned,
    /// The store failed. The next check finds the same and publishes it.
    Failed(PortError),
}

impl<P: CheckPorts> Checker<P> {
    /// A checker with its settings.
    pub fn new(ports: Arc<P>, settings: CheckSettings) -> Self {
        Self { ports, settings, regions: Arc::new(Regions::known()) }
    }

    /// Checks an account and saves the verdict. Never fails: failures are in the verdict. Ends by the deadline.
    pub async fn check(&self, account: AccountId, integration: &Integration, deadline: Option<Instant>) -> Checked {
        self.check_target(&CheckTarget::new(account, Arc::new(integration.clone())), deadline).await
    }

    /// Checks a target, possibly one of many.
    pub(super) async fn check_target(&self, target: &CheckTarget, deadline: Option<Instant>) -> Checked {
        let CheckTarget { account, integration, rejecting_regions } = target;
        let (account, integration) = (*account, integration.as_ref());
        let began = Instant::now();
        let before = self.ports.connection(account).await;
        let hint = before.as_ref().ok().and_then(Option::as_ref);
        let found = self.probe_account(account, integration, hint, rejecting_regions, deadline).await;
        let now = self.ports.now();
        let mut before = match before {
            Ok(before) => before,
            Err(error) => {
                let connection = verdict(account, integration, None, found, now);
                return Checked {
                    before: None,
                    connection,
                    saved: SaveOutcome::Failed(error),
                    elapsed: began.elapsed(),
                };
            }
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let connection = verdict(account, integration, before.as_ref(), found.clone(), now);
            let saved = match self.ports.save(&connection, before.as_ref().map(|before| before.checked_at)).await {
                Ok(true) => match self.ports.delete_orphaned(&connection).await {
                    Ok(false) => SaveOutcome::Saved,
                    Ok(true) => SaveOutcome::Orphaned,
                    Err(error) => SaveOutcome::Failed(error),
                },
                Err(error) => SaveOutcome::Failed(error),
                Ok(false) if attempt < SAVE_ATTEMPTS_MAX => match self.ports.connection(account).await {
                    // The connection was deleted in the meantime, with its integration.
                    Ok(None) if before.is_some() => SaveOutcome::Superseded,
                    Ok(faster) if faster.as_ref().is_none_or(|faster| faster.checked_at < now) => {
                        before = faster;
                        continue;
                    }
                    Ok(_) => SaveOutcome::Superseded,
                    Err(error) => SaveOutcome::Failed(error),
                },
                Ok(false) => SaveOutcome::Superseded,
            };
            return Checked { before, connection, saved, elapsed: began.elapsed() };
        }
    }

    /// Checks an account and saves nothing. `before` is its saved connection, if any.
    pub async fn check_without_saving(
        &self,
        account: AccountId,
        integration: &Integration,
        before: Option<&Connection>,
        deadline: Option<Instant>,
    ) -> Connection {
        let found = self.probe_account(account, integration, before, &BTreeSet::new(), deadline).await;
        verdict(account, integration, before, found, self.ports.now())
    }

    async fn probe_account(
        &self,
        account: AccountId,
        integration: &Integration,
        before: Option<&Connection>,
        rejecting_regions: &BTreeSet<RegionName>,
        deadline: Option<Instant>,
    ) -> Found {
        let until = |most| deadline.map_or(Instant::now() + most, |deadline| deadline.min(Instant::now() + most));
        let connecting = timeout_at(until(self.settings.identity_timeout), self.ports.connect(account, integration));
        let hub = match connecting.await {
            Ok(Ok(hub)) => hub,
            Ok(Err(ConnectError::Rejected(problem))) => return Found::Rejected(problem),
            Ok(Err(ConnectError::Failed(error))) => return Found::Transient(not_checked(&error.to_string())),
            Err(_) => return Found::Transient(not_checked("deadline exceeded before the credentials were available")),
        };
        let call_timeout = self.settings.call_timeout;
        let (role, now) = (hub.role_with_external_id(), self.ports.now());
        let opens = async {
            let is_tried = role.as_ref().is_some_and(|role| is_due(role, before, now));
            if !is_tried {
                return None;
            }
            timeout(call_timeout, hub.assumable_without_external_id()).await.ok().and_then(Result::ok)
        };
        let (opens, opted_in) = tokio::join!(opens, timeout(call_timeout, hub.account_regions()));
        let external_id = ExternalId::from_trial(role, opens, account, integration, hub.identity(), now);
        // Without the permission `ec2:DescribeRegions`, the built-in list of Regions is used.
        let opted_in = opted_in.ok().and_then(Result::ok).unwrap_or_default();
        let mut candidates = candidates(&self.regions, hub.partition(), integration, before, &opted_in);
        for candidate in &mut candidates {
            candidate.was_denied |= rejecting_regions.contains(&candidate.name);
        }
        let context = CheckContext {
            account,
            partition: hub.partition(),
            caller: hub.identity().to_owned(),
            auto_accept: integration.auto_accept_product,
            write_probe: self.settings.write_probe,
            call_timeout,
        };
        let regions = self.check_regions(&hub, candidates, context, until(self.settings.regions_timeout)).await;
        Found::RegionsChecked { identity: hub.identity().to_owned(), external_id, regions }
    }

    /// Checks Regions, several of them concurrently. A Region that hasn't responded when the time ends counts as not
    /// checked.
    async fn check_regions(
        &self,
        hub: &P::Hub,
        candidates: Vec<super::region::Candidate>,
        context: CheckContext,
        until: Instant,
    ) -> BTreeMap<RegionName, CheckOutcome> {
        let slots = Arc::new(Semaphore::new(self.settings.regions_at_once.max(1)));
        let context = Arc::new(context);
        let mut outcomes = BTreeMap::new();
        let mut running = JoinSet::new();
        for candidate in candidates {
            outcomes.insert(
                candidate.name,
                CheckOutcome::Transient(not_checked("deadline exceeded before this Region responded")),
            );
            let (hub, context, slots) = (hub.clone(), context.clone(), slots.clone());
            running.spawn(async move {
                let _slot = slots.acquire().await;
                (candidate.name, context.check_region(&hub, &candidate).await)
            });
        }
        while let Ok(Some(done)) = timeout_at(until, running.join_next()).await {
            outcomes.extend(done.ok());
        }
        outcomes
    }
}

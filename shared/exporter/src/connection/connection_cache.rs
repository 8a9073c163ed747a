//! What an export knows of connections, and does for them: a Region that took nothing lately is asked first, and a record
//! that is old, or that the Regions' answers contradict, is recreated once the findings are delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{CheckPorts, CheckTarget, Checker, Connection, ConnectionStatus, RegionStatus};
use crate::integration::Integration;
use crate::report::RegionReport;

/// The age at which a connection is checked again by an export. Checks come every hour; this is for who has none.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Time for the checks after an export at most: they are a courtesy to the next one.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(60);
/// What is kept of the caller's time: the answer has to leave, too.
const REFRESH_MARGIN: Duration = Duration::from_secs(5);

/// Knows the connections of accounts, for exports.
pub trait ConnectionCache: Send + Sync {
    /// What is known of an account. None also where it can't be read: an export does without.
    fn cached(&self, account: AccountId) -> BoxFuture<'_, Option<Connection>>;

    /// Checks accounts again. What does not get its turn before the deadline is left to the scheduled check.
    fn refresh(&self, targets: Vec<CheckTarget>, deadline: Option<Instant>) -> BoxFuture<'_, ()>;
}

impl<P: CheckPorts> ConnectionCache for Arc<Checker<P>> {
    fn cached(&self, account: AccountId) -> BoxFuture<'_, Option<Connection>> {
        Box::pin(async move {
            let known = self.ports.connection(account).await;
            known.unwrap_or_else(|error| {
                tracing::warn!(account.id = %account, error = %error, "the connection is not known");
                None
            })
        })
    }

    fn refresh(&self, targets: Vec<CheckTarget>, deadline: Option<Instant>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let most = Instant::now() + REFRESH_TIMEOUT;
            let until = deadline.and_then(|deadline| deadline.checked_sub(REFRESH_MARGIN));
            let until = until.map_or(most, |until| until.min(most));
            drop(self.check_all(targets, Some(until)).await);
        })
    }
}

/// The connection of an account when its export began.
pub(crate) struct CachedConnection {
    target: CheckTarget,
    known: Option<Connection>,
}

impl CachedConnection {
    /// Reads it; none where nobody keeps connections.
    pub(crate) async fn read(
        connection_cache: Option<&dyn ConnectionCache>,
        account: AccountId,
        integration: &Integration,
    ) -> Option<Self> {
        let known = connection_cache?.cached(account).await;
        Some(Self { target: CheckTarget::new(account, Arc::new(integration.clone())), known })
    }

    /// The Regions that took nothing when they were checked.
    pub(crate) fn unavailable_regions(&self) -> BTreeSet<RegionName> {
        let known = self.known.iter().flat_map(|known| &known.regions);
        known.filter(|(_, region)| region.status != RegionStatus::Enabled).map(|(name, _)| *name).collect()
    }

    /// The Regions that accepted findings when they were checked, or did until lately.
    pub(crate) fn accepted_regions(&self) -> BTreeSet<RegionName> {
        let known = self.known.iter().flat_map(|known| &known.regions);
        let accepted =
            known.filter(|(_, region)| region.status == RegionStatus::Enabled || region.unavailable_since.is_some());
        accepted.map(|(name, _)| *name).collect()
    }

    /// What is to be checked when the credentials were rejected: the account, unless that is known.
    pub(crate) fn target_if_rejected(self) -> Option<CheckTarget> {
        let is_known = self.known.is_some_and(|known| known.status == ConnectionStatus::Disconnected);
        (!is_known).then_some(self.target)
    }

    /// What is to be checked when the findings are delivered: the account, if what was known of it is old, or other than
    /// what its Regions said.
    pub(crate) fn target_if_outdated(
        mut self,
        regions: &BTreeMap<RegionName, RegionReport>,
        now: Timestamp,
    ) -> Option<CheckTarget> {
        let refused = regions.iter().filter(|(_, report)| report.unavailable.is_some()).map(|(name, _)| *name);
        self.target.rejecting_regions = refused.collect();
        let Some(known) = &self.known else { return Some(self.target) };
        let is_old = now.duration_since(known.stale_since.unwrap_or(known.checked_at)) >= AGE_MAX;
        let contradicts = |(name, report): (&RegionName, &RegionReport)| match known.regions.get(name) {
            None => true,
            Some(region) if region.status == RegionStatus::Enabled => report.unavailable.is_some(),
            Some(_) => report.unavailable.is_none() && report.sent + report.unchanged + report.archived > 0,
        };
        (is_old || regions.iter().any(contradicts)).then_some(self.target)
    }
}

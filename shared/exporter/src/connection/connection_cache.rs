//! The saved connections, as exports use them: a Region that was unavailable recently is queried before it is sent findings,
//! and a connection that is outdated or contradicts the Regions' responses is checked again after the findings are
//! delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{CheckPorts, CheckTarget, Checker, Connection, ConnectionStatus, RegionStatus};
use crate::model::integration::Integration;
use crate::report::RegionReport;

/// The age at which an export has a connection checked again. Scheduled checks run every hour; this is for deployments
/// without them.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Time limit for the checks after an export: they only benefit the next export.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(60);
/// Part of the caller's time that is reserved for its response.
const REFRESH_MARGIN: Duration = Duration::from_secs(5);

/// The saved connections of accounts, for exports.
pub trait ConnectionCache: Send + Sync {
    /// The saved connection of an account. `None` also if it can't be read: an export works without it.
    fn cached(&self, account: AccountId) -> BoxFuture<'_, Option<Connection>>;

    /// Checks accounts again. Accounts that aren't checked before the deadline are left to the scheduled check.
    fn refresh(&self, targets: Vec<CheckTarget>, deadline: Option<Instant>) -> BoxFuture<'_, ()>;
}

impl<P: CheckPorts> ConnectionCache for Arc<Checker<P>> {
    fn cached(&self, account: AccountId) -> BoxFuture<'_, Option<Connection>> {
        Box::pin(async move {
            let known = self.ports.connection(account).await;
            known.unwrap_or_else(|error| {
                tracing::warn!(account.id = %account, error = %error, "failed to read the stored connection");
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
    /// Reads the connection. `None` if connections aren't saved.
    pub(crate) async fn read(
        connection_cache: Option<&dyn ConnectionCache>,
        account: AccountId,
        integration: &Integration,
    ) -> Option<Self> {
        let known = connection_cache?.cached(account).await;
        Some(Self { target: CheckTarget::new(account, Arc::new(integration.clone())), known })
    }

    /// The Regions that were unavailable when they were checked.
    pub(crate) fn unavailable_regions(&self) -> BTreeSet<RegionName> {
        let known = self.known.iter().flat_map(|known| &known.regions);
        known.filter(|(_, region)| region.status != RegionStatus::Enabled).map(|(name, _)| *name).collect()
    }

    /// The Regions that accepted findings when they were checked, or did within the last week.
    pub(crate) fn accepted_regions(&self) -> BTreeSet<RegionName> {
        let known = self.known.iter().flat_map(|known| &known.regions);
        let accepted =
            known.filter(|(_, region)| region.status == RegionStatus::Enabled || region.unavailable_since.is_some());
        accepted.map(|(name, _)| *name).collect()
    }

    /// The target to check after the credentials were rejected: the account, unless it was already disconnected.
    pub(crate) fn target_if_rejected(self) -> Option<CheckTarget> {
        let is_known = self.known.is_some_and(|known| known.status == ConnectionStatus::Disconnected);
        (!is_known).then_some(self.target)
    }

    /// The target to check after the findings are delivered: the account, if its connection is outdated or differs from what
    /// its Regions responded.
    pub(crate) fn target_if_outdated(
        mut self,
        regions: &BTreeMap<RegionName, RegionReport>,
        now: Timestamp,
    ) -> Option<CheckTarget> {
        let rejecting = regions.iter().filter(|(_, report)| report.unavailable.is_some()).map(|(name, _)| *name);
        self.target.rejecting_regions = rejecting.collect();
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

//! Integrations as the API returns them: with the provider's alias, connection status, and next scan.

use std::collections::BTreeSet;

use asff::RegionName;
use exporter::connection::{Connection, ConnectionStatus as AccountStatus, RegionStatus};
use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::model::schedule::Schedule;
use exporter::ports::settings_store::{Page, Stored};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::search::search;
use super::{Service, first};
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{ConnectionFilter, ConnectionStatus, ConnectionSummary, IntegrationView, List};

/// Integrations that are read concurrently for a list.
const LOOKUPS_CONCURRENT_MAX: usize = 16;
/// Accounts of an organization per page.
const ACCOUNTS_PER_PAGE: usize = 500;
/// Maximum number of pages of an organization: more accounts than the AWS Organizations quota.
const PAGES_MAX: usize = 200;

impl<P: Ports> Service<P> {
    /// An integration as the API returns it.
    pub(super) async fn view(&self, stored: &Stored<Integration>) -> Result<IntegrationView, ApiError> {
        let id = &stored.value.provider;
        let provider = self.ports.provider(id).await?.map(|stored| stored.value);
        let connection = self.summary(id).await?;
        let scan = self.expected_scan(stored, provider.as_ref()).await?;
        let alias = provider.and_then(|provider| provider.alias);
        let (last_run, pending_uploads) = self.exports(&stored.value).await?;
        Ok(IntegrationView {
            last_run,
            pending_uploads,
            scans_expected_since: scan.since,
            next_scan_at: scan.at,
            next_scan_overdue: scan.is_missing,
            ..IntegrationView::of(stored, alias, connection)
        })
    }

    pub(super) async fn views(&self, all: &[Stored<Integration>]) -> Result<Vec<IntegrationView>, ApiError> {
        let views: Vec<_> = all.iter().map(|stored| self.view(stored)).collect();
        futures::stream::iter(views).buffered(LOOKUPS_CONCURRENT_MAX).try_collect().await
    }

    /// The newest connection of each account of an integration.
    ///
    /// # Errors
    ///
    /// If the integration doesn't exist.
    pub async fn connections(
        &self,
        id: &ProviderId,
        filter: &ConnectionFilter,
        page: &Page,
    ) -> Result<List<Connection>, ApiError> {
        self.require::<Integration>(id).await?;
        let read = async |page: Page| Ok(self.ports.connections(id, &page).await?);
        let list_page = search(page, read, |connection| filter.matches(&connection).then_some(connection)).await?;
        Ok(List::of(list_page, |connection| connection))
    }

    async fn summary(&self, id: &ProviderId) -> Result<ConnectionSummary, ApiError> {
        let mut totals = Totals::default();
        let mut page = first(ACCOUNTS_PER_PAGE);
        for _ in 0..PAGES_MAX {
            let list_page = self.ports.connections(id, &page).await?;
            list_page.entries.iter().for_each(|connection| totals.add(connection));
            match list_page.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        Ok(totals.summary())
    }

    /// The scan that an integration expects. The accounts of an organization are scanned at different times, so that only the
    /// time of the next scan is known.
    pub(super) async fn expected_scan(
        &self,
        stored: &Stored<Integration>,
        provider: Option<&Provider>,
    ) -> Result<ExpectedScan, ApiError> {
        let found = provider.and_then(|provider| {
            let schedule: Schedule = provider.scan_schedule.as_ref()?.parse().ok()?;
            Some((schedule, stored.value.expects_scans_since(stored.created_at, provider)?, &provider.id))
        });
        let Some((schedule, since, id)) = found else { return Ok(ExpectedScan::default()) };
        let now = self.ports.now();
        let Some(account) = id.account() else {
            return Ok(ExpectedScan { since: Some(since), at: schedule.next(None, now), is_missing: false });
        };
        let newest = self.ports.lock_status(account).await?.map(|(newest, _)| newest.newest);
        let missing = schedule.missing(newest, since, now);
        let at = missing.or_else(|| schedule.next(newest, since));
        Ok(ExpectedScan { since: Some(since), at, is_missing: missing.is_some() })
    }
}

/// The scan that an integration expects.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExpectedScan {
    /// The time from which on scans are expected. `None` if none is.
    pub(super) since: Option<Timestamp>,
    /// When it is due. `None` without a schedule, or if it is not known.
    pub(super) at: Option<Timestamp>,
    /// Whether it is missing: it was due, and the grace period is over.
    pub(super) is_missing: bool,
}

/// Totals over accounts.
#[derive(Default)]
struct Totals {
    accounts: u64,
    connected: u64,
    disconnected: u64,
    regions: BTreeSet<RegionName>,
    last_checked_at: Option<Timestamp>,
    not_reached: u64,
    stale_since: Option<Timestamp>,
    problem: Option<exporter::connection::Problem>,
}

impl Totals {
    fn add(&mut self, connection: &Connection) {
        self.accounts += 1;
        match connection.status {
            AccountStatus::Connected => self.connected += 1,
            AccountStatus::Degraded => {}
            AccountStatus::Disconnected => self.disconnected += 1,
        }
        let on = connection.regions.iter().filter(|(_, region)| region.status == RegionStatus::Enabled);
        self.regions.extend(on.map(|(name, _)| *name));
        self.last_checked_at = self.last_checked_at.max(Some(connection.checked_at));
        self.not_reached += u64::from(connection.stale_since.is_some());
        // `stale_since` is used only if no account is reachable. Then the maximum is when the last account became unreachable.
        self.stale_since = self.stale_since.max(connection.stale_since);
        if self.problem.is_none() && connection.status != AccountStatus::Connected {
            let of_region = || connection.regions.values().find_map(|region| region.problem.clone());
            self.problem = connection.problem.clone().or_else(of_region);
        }
    }

    fn summary(self) -> ConnectionSummary {
        let status = match self.accounts {
            0 => ConnectionStatus::Unknown,
            accounts if self.connected == accounts => ConnectionStatus::Connected,
            accounts if self.disconnected == accounts => ConnectionStatus::Disconnected,
            _ => ConnectionStatus::Degraded,
        };
        ConnectionSummary {
            status,
            last_checked_at: self.last_checked_at,
            stale_since: self.stale_since.filter(|_| self.not_reached == self.accounts),
            regions: self.regions.into_iter().collect(),
            accounts: self.accounts,
            accounts_disconnected: self.disconnected,
            accounts_not_reached: self.not_reached,
            problem: self.problem,
        }
    }
}

//! An integration with all that is known of it: its provider's name, how it is connected, when the next scan is due.

use std::collections::BTreeSet;

use asff::RegionName;
use exporter::connection::{Connection, ConnectionStatus as OfAccount, RegionStatus};
use exporter::integration::Integration;
use exporter::provider::{Provider, ProviderId};
use exporter::registry::{Page, Stored};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::search::search;
use super::{Service, first};
use crate::check::next_scan;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{ConnectionFilter, ConnectionStatus, ConnectionSummary, IntegrationView, List};

/// Integrations that are looked up at once, for a list.
const AT_ONCE: usize = 16;
/// Accounts of an organization that are read at once.
const ACCOUNTS_A_PAGE: usize = 500;
/// Parts of an organization's accounts that are read at most: more accounts than AWS lets one have.
const PAGES_MAX: usize = 200;

impl<P: Ports> Service<P> {
    /// An integration with all that is known of it.
    pub(super) async fn view(&self, stored: &Stored<Integration>) -> Result<IntegrationView, ApiError> {
        let id = &stored.value.provider;
        let provider = self.ports.provider(id).await?.map(|stored| stored.value);
        let connection = self.summary(id).await?;
        let next = self.next_scan(provider.as_ref()).await?;
        let alias = provider.and_then(|provider| provider.alias);
        Ok(IntegrationView::of(stored, alias, connection, next, self.ports.now()))
    }

    pub(super) async fn views(&self, all: &[Stored<Integration>]) -> Result<Vec<IntegrationView>, ApiError> {
        let views: Vec<_> = all.iter().map(|stored| self.view(stored)).collect();
        futures::stream::iter(views).buffered(AT_ONCE).try_collect().await
    }

    /// What the newest check of each of an integration's accounts found.
    ///
    /// # Errors
    ///
    /// When there is no such integration.
    pub async fn connections(
        &self,
        id: &ProviderId,
        filter: &ConnectionFilter,
        page: &Page,
    ) -> Result<List<Connection>, ApiError> {
        self.found::<Integration>(id).await?;
        let read = async |page: Page| Ok(self.ports.connections(id, &page).await?);
        let part = search(page, read, |connection| filter.matches(&connection).then_some(connection)).await?;
        Ok(List::of(part, |connection| connection))
    }

    async fn summary(&self, id: &ProviderId) -> Result<ConnectionSummary, ApiError> {
        let mut sum = Sum::default();
        let mut page = first(ACCOUNTS_A_PAGE);
        for _ in 0..PAGES_MAX {
            let part = self.ports.connections(id, &page).await?;
            part.entries.iter().for_each(|connection| sum.add(connection));
            match part.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        Ok(sum.end())
    }

    pub(super) async fn next_scan(&self, provider: Option<&Provider>) -> Result<Option<Timestamp>, ApiError> {
        let Some((schedule, id)) = provider.and_then(|provider| Some((provider.scan_schedule.as_ref()?, &provider.id)))
        else {
            return Ok(None);
        };
        let last = match id.account() {
            Some(account) => self.ports.lock_status(account).await?.map(|(newest, _)| newest.newest),
            None => None,
        };
        Ok(next_scan(schedule, last))
    }
}

/// Accounts, added up.
#[derive(Default)]
struct Sum {
    accounts: u64,
    connected: u64,
    disconnected: u64,
    regions: BTreeSet<RegionName>,
    last_checked_at: Option<Timestamp>,
    not_reached: u64,
    stale_since: Option<Timestamp>,
    problem: Option<exporter::connection::Problem>,
}

impl Sum {
    fn add(&mut self, connection: &Connection) {
        self.accounts += 1;
        match connection.status {
            OfAccount::Connected => self.connected += 1,
            OfAccount::Degraded => {}
            OfAccount::Disconnected => self.disconnected += 1,
        }
        let on = connection.regions.iter().filter(|(_, region)| region.status == RegionStatus::Enabled);
        self.regions.extend(on.map(|(name, _)| *name));
        self.last_checked_at = self.last_checked_at.max(Some(connection.checked_at));
        self.not_reached += u64::from(connection.stale_since.is_some());
        // The last one to be reached says since when none is.
        self.stale_since = self.stale_since.max(connection.stale_since);
        if self.problem.is_none() && connection.status != OfAccount::Connected {
            let of_region = || connection.regions.values().find_map(|region| region.problem.clone());
            self.problem = connection.problem.clone().or_else(of_region);
        }
    }

    fn end(self) -> ConnectionSummary {
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

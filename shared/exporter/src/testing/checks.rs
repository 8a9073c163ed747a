//! Integrations, connections, the check log, and check targets, in memory.

use std::collections::BTreeSet;

use asff::AccountId;
use jiff::Timestamp;

use super::faults::Operation;
use super::memory::InMemory;
use super::pages::ascending;
use crate::connection::targets::{CheckTargets, StoredConnection};
use crate::connection::{Connection, Connections};
use crate::model::integration::Integration;
use crate::model::provider::{Provider, ProviderId};
use crate::ports::settings_store::{CheckLog, ListPage, Page};
use crate::ports::{Integrations, PortError};

impl<H: Sync> Integrations for InMemory<H> {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        self.call(Operation::ReadIntegration, account.as_str(), |contents| {
            Ok(contents.integration_of(*account).cloned())
        })
        .await
    }
}

impl<H: Sync> Connections for InMemory<H> {
    async fn connection(&self, account: AccountId) -> Result<Option<Connection>, PortError> {
        self.call(Operation::ReadConnection, account.as_str(), |contents| {
            Ok(contents.connections.get(&account).cloned())
        })
        .await
    }

    async fn save(&self, connection: &Connection, before: Option<Timestamp>) -> Result<bool, PortError> {
        self.call(Operation::SaveConnection, connection.account.as_str(), |contents| {
            let current = contents.connections.get(&connection.account).map(|current| current.checked_at);
            if current == before {
                contents.connections.insert(connection.account, connection.clone());
            }
            Ok(current == before)
        })
        .await
    }

    async fn delete_orphaned(&self, connection: &Connection) -> Result<bool, PortError> {
        self.call(Operation::DeleteConnections, connection.account.as_str(), |contents| {
            let is_orphaned = contents.orphaned.contains(&connection.provider);
            if is_orphaned {
                contents.connections.remove(&connection.account);
            }
            Ok(is_orphaned)
        })
        .await
    }
}

impl<H: Sync> CheckLog for InMemory<H> {
    async fn connections(&self, provider: &ProviderId, page: &Page) -> Result<ListPage<Connection>, PortError> {
        self.call(Operation::ReadConnection, provider.as_str(), |contents| {
            let of_provider = contents.connections.values().filter(|connection| connection.provider == *provider);
            Ok(ascending(of_provider.map(|connection| (connection.account.to_string(), connection)), page))
        })
        .await
    }

    async fn delete_connections(&self, provider: &ProviderId) -> Result<(), PortError> {
        self.call(Operation::DeleteConnections, provider.as_str(), |contents| {
            contents.connections.retain(|_, connection| connection.provider != *provider);
            Ok(())
        })
        .await
    }
}

impl<H: Sync> CheckTargets for InMemory<H> {
    async fn integrations(&self) -> Result<Vec<Integration>, PortError> {
        self.call(Operation::ListIntegrations, "", |contents| {
            Ok(contents.integrations.values().map(|stored| stored.value.clone()).collect())
        })
        .await
    }

    async fn provider(&self, id: &ProviderId) -> Result<Option<Provider>, PortError> {
        self.call(Operation::ReadProvider, id.as_str(), |contents| {
            Ok(contents.providers.get(id.as_str()).map(|stored| stored.value.clone()))
        })
        .await
    }

    async fn organization_accounts(&self, organization: &ProviderId) -> Result<Vec<AccountId>, PortError> {
        self.call(Operation::ListAccounts, organization.as_str(), |contents| {
            Ok(contents.members.get(organization).cloned().unwrap_or_default())
        })
        .await
    }

    async fn former_members(&self, organization: &ProviderId) -> Result<BTreeSet<AccountId>, PortError> {
        self.call(Operation::ListAccounts, "", |contents| {
            Ok(contents.former_members.get(organization).cloned().unwrap_or_default())
        })
        .await
    }

    async fn exported_accounts(&self) -> Result<Vec<AccountId>, PortError> {
        self.call(Operation::ListAccounts, "", |contents| Ok(contents.account_locks.keys().copied().collect())).await
    }

    async fn stored_connections(&self) -> Result<Vec<StoredConnection>, PortError> {
        self.call(Operation::ReadConnection, "", |contents| {
            let stored = |connection: &Connection| StoredConnection {
                account: connection.account,
                provider: connection.provider.clone(),
                checked_at: connection.checked_at,
            };
            Ok(contents.connections.values().map(stored).collect())
        })
        .await
    }

    async fn delete_outdated(&self, outdated: &[StoredConnection]) -> Result<(), PortError> {
        self.call(Operation::DeleteConnections, "", |contents| {
            // A connection that was replaced in the meantime is kept.
            let is_outdated = |connection: &Connection| {
                outdated
                    .iter()
                    .any(|stored| stored.account == connection.account && stored.checked_at == connection.checked_at)
            };
            contents.connections.retain(|_, connection| !is_outdated(connection));
            Ok(())
        })
        .await
    }
}

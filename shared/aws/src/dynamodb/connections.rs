//! Connections in the table: one item per account, with the newest check.

use asff::AccountId;
use exporter::connection::targets::StoredConnection;
use exporter::connection::{Connection, Connections};
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use exporter::ports::settings_store::SettingsStore as _;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, get, get_text, text, to_attribute};
use crate::errors::{failure, is_written, port_error};

/// Partition of all connections.
const PARTITION: &str = "connection";
/// Maximum number of concurrent deletions of connections: an organization may have thousands.
const DELETES_CONCURRENT_MAX: usize = 16;

impl Connections for Cloud {
    async fn connection(&self, account: AccountId) -> Result<Option<Connection>, PortError> {
        let action = || format!("read the connection of account {account}");
        let item = self.item(PARTITION, account.as_str(), action).await?;
        item.map(|item| read(&item).map_err(|error| failure(action(), error))).transpose()
    }

    async fn save(&self, connection: &Connection, before: Option<Timestamp>) -> Result<bool, PortError> {
        let action = || format!("save the connection of account {}", connection.account);
        let attribute = to_attribute(connection).map_err(|error| failure(action(), error))?;
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.names.table)
            .item("pk", text(PARTITION))
            .item("sk", text(connection.account.as_str()))
            .item("checked_at", text(connection.checked_at.to_string()))
            .item("connection", attribute);
        let request = match before {
            None => request.condition_expression("attribute_not_exists(pk)"),
            Some(before) => request
                .condition_expression("checked_at = :before")
                .expression_attribute_values(":before", text(before.to_string())),
        };
        is_written(request.send().await, action)
    }

    async fn delete_orphaned(&self, connection: &Connection) -> Result<bool, PortError> {
        if self.stored_integration(&connection.provider).await?.is_some() {
            return Ok(false);
        }
        let Connection { account, provider, checked_at, .. } = connection;
        let stored_connection =
            StoredConnection { account: *account, provider: provider.clone(), checked_at: *checked_at };
        self.delete_unless_replaced(&stored_connection).await.map(|()| true)
    }
}

impl Cloud {
    /// Keys of the stored connections, without their content.
    pub(crate) async fn stored_connections_of(
        &self,
        provider: Option<&ProviderId>,
    ) -> Result<Vec<StoredConnection>, PortError> {
        const ACTION: &str = "list the connections";
        let mut query = self
            .partition(PARTITION)
            .projection_expression("sk, checked_at, #connection.#provider")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_names("#provider", "provider");
        if let Some(provider) = provider {
            query = query
                .filter_expression("#connection.#provider = :provider")
                .expression_attribute_values(":provider", text(provider.as_str()));
        }
        let mut pages = query.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page.map_err(|error| port_error(ACTION, &error))?.items() {
                all.push(stored_connection_of(item).map_err(|error| failure(ACTION, error))?);
            }
        }
        Ok(all)
    }

    /// Deletes connections, except those that were replaced in the meantime.
    pub(crate) async fn delete_all(&self, stored_connections: &[StoredConnection]) -> Result<(), PortError> {
        let deletions: Vec<_> =
            stored_connections.iter().map(|stored_connection| self.delete_unless_replaced(stored_connection)).collect();
        futures::stream::iter(deletions).buffer_unordered(DELETES_CONCURRENT_MAX).try_collect().await
    }

    async fn delete_unless_replaced(&self, stored_connection: &StoredConnection) -> Result<(), PortError> {
        let request = self.dynamodb.delete_item().table_name(&self.names.table);
        let request = request
            .key("pk", text(PARTITION))
            .key("sk", text(stored_connection.account.as_str()))
            .condition_expression("checked_at = :checked AND #connection.#provider = :provider")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_names("#provider", "provider")
            .expression_attribute_values(":checked", text(stored_connection.checked_at.to_string()))
            .expression_attribute_values(":provider", text(stored_connection.provider.as_str()));
        is_written(request.send().await, || format!("delete the connection of account {}", stored_connection.account))
            .map(drop)
    }

    /// The connections of all accounts, by account.
    ///
    /// # Errors
    ///
    /// If the table is unavailable, or an item is invalid.
    pub async fn list_connections(&self) -> Result<Vec<Connection>, PortError> {
        self.query_all(PARTITION, "list the connections", read).await
    }
}

fn read(item: &Item) -> Result<Connection, ItemError> {
    get(item, "connection")
}

fn stored_connection_of(item: &Item) -> Result<StoredConnection, ItemError> {
    let account = get_text(item, "sk").and_then(|account| account.parse().ok());
    let checked_at = get_text(item, "checked_at").and_then(|time| time.parse().ok());
    let provider = item.get("connection").and_then(|connection| connection.as_m().ok());
    let provider = provider.and_then(|connection| get_text(connection, "provider")).and_then(|id| id.parse().ok());
    Ok(StoredConnection {
        account: account.ok_or(ItemError::Missing("sk"))?,
        provider: provider.ok_or(ItemError::Missing("connection.provider"))?,
        checked_at: checked_at.ok_or(ItemError::Missing("checked_at"))?,
    })
}

//! Lists connections.

use exporter::connection::Connection;
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use exporter::ports::settings_store::{CheckLog, ListPage, Page};

use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, get, text};
use crate::dynamodb::settings_store::commit::CONNECTIONS;
use crate::errors::failure;

impl CheckLog for Cloud {
    async fn connections(&self, provider: &ProviderId, page: &Page) -> Result<ListPage<Connection>, PortError> {
        if let Some(account) = provider.account() {
            let action = || format!("read the connection of account {account}");
            let item = self.item(CONNECTIONS, account.as_str(), action).await?;
            let found = item.map(|item| from_item(&item).map_err(|error| failure(action(), error))).transpose()?;
            // The stored connection may be from a check with the organization's integration.
            let is_of_provider = |connection: &Connection| {
                connection.provider == *provider && page.after.as_deref().is_none_or(|after| account.as_str() > after)
            };
            let entries = found.into_iter().filter(is_of_provider).collect();
            return Ok(ListPage { entries, next: None });
        }
        let query = self
            .partition(CONNECTIONS)
            .filter_expression("#connection.#provider = :provider")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_names("#provider", "provider")
            .expression_attribute_values(":provider", text(provider.as_str()));
        self.query_page(query, "list the connections", page, from_item).await
    }

    async fn delete_connections(&self, provider: &ProviderId) -> Result<(), PortError> {
        let all = self.stored_connections_of(Some(provider)).await?;
        self.delete_all(&all).await
    }
}

fn from_item(item: &Item) -> Result<Connection, ItemError> {
    get(item, "connection")
}

//! Connections in the table: one item for each account, replaced by whoever checked it last.

use asff::AccountId;
use exporter::connection::{Connection, Connections};
use exporter::ports::PortError;
use jiff::Timestamp;

use crate::Cloud;
use crate::errors::port_error;
use crate::item::{Item, ItemError, from_attribute, text, to_attribute};

/// The partition of all connections.
const PARTITION: &str = "connection";

impl Connections for Cloud {
    async fn connection(&self, account: AccountId) -> Result<Option<Connection>, PortError> {
        let action = || format!("read the connection of account {account}");
        let item = self.item(PARTITION, account.as_str(), action).await?;
        item.map(|item| read(&item).map_err(|error| unreadable(action(), &error))).transpose()
    }

    async fn keep(&self, connection: &Connection, before: Option<Timestamp>) -> Result<bool, PortError> {
        let action = || format!("keep the connection of account {}", connection.account);
        let whole = to_attribute(connection).map_err(|error| unreadable(action(), &error))?;
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.names.table)
            .item("pk", text(PARTITION))
            .item("sk", text(connection.account.as_str()))
            .item("checked_at", text(connection.checked_at.to_string()))
            .item("connection", whole);
        let request = match before {
            None => request.condition_expression("attribute_not_exists(pk)"),
            Some(before) => request
                .condition_expression("checked_at = :before")
                .expression_attribute_values(":before", text(before.to_string())),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(port_error(action(), &error)),
        }
    }
}

impl Cloud {
    /// The connections of all accounts, by account.
    ///
    /// # Errors
    ///
    /// When the table does not answer, or one item is no connection.
    pub async fn list_connections(&self) -> Result<Vec<Connection>, PortError> {
        self.whole(PARTITION, "list the connections", read).await
    }

    /// Forgets the connection of an account, if there is one.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn forget_connection(&self, account: AccountId) -> Result<(), PortError> {
        let request = self.dynamodb.delete_item().table_name(&self.names.table);
        let answer = request.key("pk", text(PARTITION)).key("sk", text(account.as_str())).send().await;
        answer.map(drop).map_err(|error| port_error(format!("forget the connection of account {account}"), &error))
    }
}

fn read(item: &Item) -> Result<Connection, ItemError> {
    from_attribute(item.get("connection").ok_or(ItemError::Missing("connection"))?)
}

fn unreadable(action: String, error: &ItemError) -> PortError {
    PortError { action, message: error.to_string() }
}

//! Providers and integrations in the table: one versioned item each, changed in transactions with the audit log.

mod audit;
pub(crate) mod commit;
pub(crate) mod items;

use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::PortError;
use exporter::ports::settings_store::{
    AuditEntry, CommitError, IdempotencyRecord, ListPage, Page, SettingsStore, Stored, Write,
};
use jiff::Timestamp;

use self::items::{IDEMPOTENCY_RECORDS, INTEGRATIONS, PROVIDERS, idempotency_record, stored};
use crate::Cloud;
use crate::dynamodb::item::{Item, text};
use crate::errors::{failure, port_error};

/// Maximum size of a sort key in bytes (Amazon DynamoDB Developer Guide, "Quotas"). It can't be empty.
const SORT_KEY_BYTES_MAX: usize = 1024;

impl SettingsStore for Cloud {
    async fn provider(&self, id: &ProviderId) -> Result<Option<Stored<Provider>>, PortError> {
        let action = || format!("read the provider {id}");
        let item = self.item(PROVIDERS, id.as_str(), action).await?;
        item.map(|item| stored(&item).map_err(|error| failure(action(), error))).transpose()
    }

    async fn providers(&self, page: &Page) -> Result<ListPage<Stored<Provider>>, PortError> {
        self.query_page(self.partition(PROVIDERS), "list the providers", page, stored).await
    }

    async fn stored_integration(&self, id: &ProviderId) -> Result<Option<Stored<Integration>>, PortError> {
        let action = || format!("read the integration of {id}");
        let item = self.item(INTEGRATIONS, id.as_str(), action).await?;
        item.map(|item| stored(&item).map_err(|error| failure(action(), error))).transpose()
    }

    async fn integrations(&self, page: &Page) -> Result<ListPage<Stored<Integration>>, PortError> {
        self.query_page(self.partition(INTEGRATIONS), "list the integrations", page, stored).await
    }

    async fn commit(&self, writes: &[Write], entry: &AuditEntry) -> Result<(), CommitError> {
        self.transact(writes, entry).await
    }

    async fn idempotency_record(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, PortError> {
        const ACTION: &str = "read the idempotency record";
        let item = self.item(IDEMPOTENCY_RECORDS, key, || ACTION.to_owned()).await?;
        let found = item.map(|item| idempotency_record(key, &item).map_err(|error| failure(ACTION, error)));
        Ok(found.transpose()?.filter(|idempotency_record| idempotency_record.until > now))
    }
}

impl Cloud {
    /// Reads one item consistently. `None` for an invalid key, which `DynamoDB` would reject.
    pub(crate) async fn item(
        &self,
        partition: &str,
        key: &str,
        action: impl Fn() -> String,
    ) -> Result<Option<Item>, PortError> {
        if key.is_empty() || key.len() > SORT_KEY_BYTES_MAX {
            return Ok(None);
        }
        let request = self.dynamodb.get_item().table_name(&self.names.table).consistent_read(true);
        let response = request.key("pk", text(partition)).key("sk", text(key)).send().await;
        response.map(|response| response.item).map_err(|error| port_error(action(), &error))
    }
}

//! The audit log in the table. Entries don't expire.

use exporter::ports::PortError;
use exporter::ports::settings_store::{Audit, AuditEntry, ListPage, Page};

use super::items::keyed;
use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, get, text, to_attribute};
use crate::errors::{failure, port_error};

/// Partition of all entries.
const PARTITION: &str = "audit";

impl Audit for Cloud {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        let action = || format!("record {} of {} in the audit log", entry.action, entry.target);
        let item = to_item(entry).map_err(|error| failure(action(), error))?;
        let request = self.dynamodb.put_item().table_name(&self.names.table).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| port_error(action(), &error))
    }

    async fn audit_log(&self, page: &Page) -> Result<ListPage<AuditEntry>, PortError> {
        let newest_first = self.partition(PARTITION).scan_index_forward(false);
        self.query_page(newest_first, "read the audit log", page, from_item).await
    }
}

pub(crate) fn to_item(entry: &AuditEntry) -> Result<Item, ItemError> {
    let rest = [
        ("entry", to_attribute(entry)?),
        ("at", text(entry.at.to_string())),
        ("by", text(&entry.by)),
        ("action", text(&entry.action)),
        ("target", text(&entry.target)),
    ];
    Ok(keyed(PARTITION, &entry.id, rest))
}

fn from_item(item: &Item) -> Result<AuditEntry, ItemError> {
    get(item, "entry")
}

//! Reads whole partitions of the table.

use exporter::ports::PortError;

use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, text};
use crate::errors::{failure, port_error};

/// Maximum number of pages, of 1 MB each. The longest list is that of connections, with some 20 KB per account.
const PAGES_MAX: usize = 1_000;

impl Cloud {
    /// Every item of a partition, in the order of its sort key. An invalid item is an error.
    pub(crate) async fn query_all<T>(
        &self,
        partition: &str,
        action: &str,
        read: impl Fn(&Item) -> Result<T, ItemError>,
    ) -> Result<Vec<T>, PortError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(partition));
        let mut pages = query.into_paginator().send();
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(all) };
            for item in page.map_err(|error| port_error(action, &error))?.items() {
                all.push(read(item).map_err(|error| failure(action, error))?);
            }
        }
        match pages.next().await {
            None => Ok(all),
            // An error instead of a truncated list: callers would silently skip the missing entries.
            Some(_) => Err(failure(action, format!("more than {PAGES_MAX} pages"))),
        }
    }
}

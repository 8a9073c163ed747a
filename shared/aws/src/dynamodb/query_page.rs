//! Lists items of a partition page by page. The cursor is the sort key of the last entry.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use exporter::ports::PortError;
use exporter::ports::settings_store::{ListPage, Page};

use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, get_text, text};
use crate::errors::{failure, port_error};

/// Maximum number of pages of the table to read for one page of a list, of 1 MB each: a filter may leave few items of each.
const PAGES_MAX: usize = 50;

impl Cloud {
    /// A query for the items of a partition, in the order of their sort keys, with consistent reads.
    pub(crate) fn partition(&self, partition: &str) -> QueryFluentBuilder {
        self.dynamodb
            .query()
            .table_name(&self.names.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(partition))
    }

    /// A page of the results of a query.
    pub(crate) async fn query_page<T>(
        &self,
        query: QueryFluentBuilder,
        action: &str,
        page: &Page,
        read: impl Fn(&Item) -> Result<T, ItemError>,
    ) -> Result<ListPage<T>, PortError> {
        let partition = query.get_expression_attribute_values().as_ref().and_then(|values| values.get(":pk")).cloned();
        let partition = partition.unwrap_or_else(|| text(""));
        let start = |sk: &str| HashMap::from([("pk".to_owned(), partition.clone()), ("sk".to_owned(), text(sk))]);
        let mut from = page.after.as_deref().map(start);
        let mut entries = Vec::new();
        let mut last = page.after.clone();
        for _ in 0..PAGES_MAX {
            // One entry more than the limit shows whether another page exists.
            let limit = i32::try_from(page.limit + 1).unwrap_or(i32::MAX);
            let response = query.clone().limit(limit).set_exclusive_start_key(from.take()).send().await;
            let response = response.map_err(|error| port_error(action, &error))?;
            for item in response.items() {
                if entries.len() == page.limit {
                    return Ok(ListPage { entries, next: last });
                }
                entries.push(read(item).map_err(|error| failure(action, error))?);
                last = get_text(item, "sk").map(str::to_owned);
            }
            from = response.last_evaluated_key;
            if from.is_none() {
                return Ok(ListPage { entries, next: None });
            }
        }
        // The limit of one response is reached; the next page continues here.
        let next = from.as_ref().and_then(|key| get_text(key, "sk")).map(str::to_owned);
        Ok(ListPage { entries, next: next.or(last) })
    }
}

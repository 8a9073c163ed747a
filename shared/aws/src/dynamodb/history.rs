//! The history: entries of the completed runs by day, newest first.

use std::sync::Arc;

use exporter::ports::PortError;
use exporter::ports::settings_store::HistoryPage;
use exporter::report::HistoryEntry;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::Cloud;
use crate::dynamodb::item::{number, text};
use crate::dynamodb::run_item::{HISTORY, from_history_item};
use crate::errors::{failure, port_error};

/// Maximum number of pages of the table to read for one response. A page has at most 1 MB, so these are some 15,000 runs, which
/// are read in one to two seconds.
const PAGES_MAX: usize = 8;
/// Maximum number of pages to read until a day is complete: some 120,000 runs of one day.
const DAY_PAGES_MAX: usize = 64;
/// A character that sorts after every character of a run ID.
const LAST: char = '~';

const ACTION: &str = "read the history";

impl Cloud {
    /// The entries of complete days. Reads are eventually consistent, at half the price: a run may be missing for a second.
    pub(crate) async fn read_history(&self, from: Date, to: Date) -> Result<HistoryPage, PortError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.table)
            .scan_index_forward(false)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .filter_expression("expires_at > :now")
            .expression_attribute_values(":pk", text(HISTORY))
            .expression_attribute_values(":from", text(format!("{from}#")))
            .expression_attribute_values(":to", text(format!("{to}#{LAST}")))
            .expression_attribute_values(":now", number(Timestamp::now().as_second()));
        let mut pages = query.into_paginator().send();
        let mut entries: Vec<Arc<HistoryEntry>> = Vec::new();
        for number in 0..DAY_PAGES_MAX {
            let oldest = entries.last().map(|entry| entry.day());
            let has_whole_day = oldest != entries.first().map(|entry| entry.day());
            if let Some(oldest) = oldest.filter(|_| number >= PAGES_MAX && has_whole_day) {
                // The other entries of the oldest day may be on the next page.
                entries.retain(|entry| entry.day() > oldest);
                return Ok(HistoryPage { entries, next: Some(oldest) });
            }
            let Some(page) = pages.next().await else { return Ok(HistoryPage { entries, next: None }) };
            for item in page.map_err(|error| port_error(ACTION, &error))?.items() {
                entries.push(Arc::new(from_history_item(item).map_err(|error| failure(ACTION, error))?));
            }
        }
        if pages.next().await.is_none() {
            return Ok(HistoryPage { entries, next: None });
        }
        Err(failure(ACTION, format!("the runs of one day exceed {DAY_PAGES_MAX} pages")))
    }
}

//! Lists runs and their quarantined and pending findings.

use asff::AccountId;
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use exporter::ports::settings_store::{HistoryPage, ListPage, Page, RunLog};
use exporter::report::{IntegrationRun, RunReport};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};

use crate::Cloud;
use crate::dynamodb::item::{number, text};
use crate::dynamodb::run_item::{
    INTEGRATION_RUNS, PARTITION, account_attribute, from_integration_item, from_item, integration_prefix,
};
use crate::errors::{failure, read_error};

/// Maximum size of findings per response, in bytes. The Lambda quota is 6 MB for a JSON string, in which quotation marks are
/// escaped; a finding has at most 240 KB.
const RESPONSE_BYTES_MAX: usize = 3 * 1024 * 1024;

impl RunLog for Cloud {
    async fn history(&self, from: Date, to: Date) -> Result<HistoryPage, PortError> {
        self.read_history(from, to).await
    }

    async fn runs(&self, account: Option<AccountId>, page: &Page) -> Result<ListPage<RunReport>, PortError> {
        let query = self.partition(PARTITION).scan_index_forward(false);
        let query = match account {
            Some(account) => query
                .filter_expression("contains(accounts, :account) AND expires_at > :now")
                .expression_attribute_values(":account", account_attribute(&account)),
            None => query.filter_expression("expires_at > :now"),
        };
        let query = query.expression_attribute_values(":now", number(Timestamp::now().as_second()));
        self.query_page(query, "list the runs", page, from_item).await
    }

    async fn integration_runs(
        &self,
        integration: &ProviderId,
        page: &Page,
    ) -> Result<ListPage<IntegrationRun>, PortError> {
        let query = self
            .partition(INTEGRATION_RUNS)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", text(integration_prefix(integration)))
            .scan_index_forward(false)
            .filter_expression("expires_at > :now")
            .expression_attribute_values(":now", number(Timestamp::now().as_second()));
        self.query_page(query, "list the exports of an integration", page, from_integration_item).await
    }

    async fn run(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        Self::run(self, run_id).await
    }

    async fn quarantined(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        self.json_lines(&RunReport::quarantine_key(run_id), page).await
    }

    async fn pending(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        self.json_lines(&RunReport::pending_key(run_id), page).await
    }
}

impl Cloud {
    /// A page of an object of JSON Lines.
    async fn json_lines(&self, key: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        let action = || format!("read s3://{}/{key}", self.names.state_bucket);
        // The cursor is the offset after the line break at which the previous page ended. The line break is read again to
        // validate the cursor.
        let start = match page.after.as_deref().map(offset) {
            None => 0,
            Some(Some(start)) => start,
            Some(None) => return Ok(None),
        };
        let request = self.s3.get_object().bucket(&self.names.state_bucket).key(key);
        let object = match request.range(format!("bytes={}-", start.saturating_sub(1))).send().await {
            Ok(object) => object,
            Err(error) if is_past_the_end(&error) && start > 0 => return Ok(None),
            Err(error) if is_past_the_end(&error) => return Ok(Some(ListPage { entries: Vec::new(), next: None })),
            Err(error) => return Err(read_error(action(), &self.names.state_bucket, &error)),
        };
        let mut lines = object.body.into_async_read();
        let (mut entries, mut read, mut line) = (Vec::new(), 0usize, Vec::new());
        if start > 0 && lines.read_u8().await.map_err(|error| failure(action(), error))? != b'\n' {
            return Ok(None);
        }
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line).await.map_err(|error| failure(action(), error))?;
            if length == 0 {
                return Ok(Some(ListPage { entries, next: None }));
            }
            let full = entries.len() == page.limit || (!entries.is_empty() && read + length > RESPONSE_BYTES_MAX);
            if full {
                return Ok(Some(ListPage { entries, next: Some((start + read as u64).to_string()) }));
            }
            read += length;
            entries.push(serde_json::from_slice(&line).map_err(|error| failure(action(), error))?);
        }
    }
}

/// Parses a cursor: a canonical number above 0.
fn offset(mark: &str) -> Option<u64> {
    let start: u64 = mark.parse().ok()?;
    (start > 0 && start.to_string() == mark).then_some(start)
}

/// Whether the object doesn't exist, or is shorter.
fn is_past_the_end(error: &crate::errors::CallFailure<aws_sdk_s3::operation::get_object::GetObjectError>) -> bool {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
    error.as_service_error().is_some_and(|error| error.is_no_such_key()) || error.code() == Some("InvalidRange")
}

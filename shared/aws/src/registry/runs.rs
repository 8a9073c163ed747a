//! Runs and their quarantine, as operators list them.

use asff::AccountId;
use exporter::ports::PortError;
use exporter::registry::{Page, Part, RunLog};
use exporter::report::RunReport;
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::AsyncBufReadExt as _;

use crate::Cloud;
use crate::errors::port_error;
use crate::item::number;
use crate::summary::{PARTITION, account_attribute, from_item};

/// Bytes of quarantined findings in one answer: a function's answer may have 6 MB (AWS Lambda quotas), and one finding has
/// 240 KB at most.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

impl RunLog for Cloud {
    async fn runs(&self, account: Option<AccountId>, page: &Page) -> Result<Part<RunReport>, PortError> {
        let query = self.partition(PARTITION).scan_index_forward(false);
        let query = match account {
            Some(account) => query
                .filter_expression("contains(accounts, :account) AND expires_at > :now")
                .expression_attribute_values(":account", account_attribute(&account)),
            None => query.filter_expression("expires_at > :now"),
        };
        let query = query.expression_attribute_values(":now", number(Timestamp::now().as_second()));
        self.part(query, "list the runs", page, from_item).await
    }

    async fn run(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        Self::run(self, run_id).await
    }

    async fn quarantined(&self, run_id: &str, page: &Page) -> Result<Part<Value>, PortError> {
        let key = RunReport::quarantine_key(run_id);
        let action = || format!("read s3://{}/{key}", self.names.state_bucket);
        // The mark is where in the object the part before ended.
        let start: u64 = page.after.as_deref().and_then(|mark| mark.parse().ok()).unwrap_or(0);
        let request = self.s3.get_object().bucket(&self.names.state_bucket).key(&key);
        let object = match request.range(format!("bytes={start}-")).send().await {
            Ok(object) => object,
            Err(error) if is_past_the_end(&error) => return Ok(Part { entries: Vec::new(), next: None }),
            Err(error) => return Err(port_error(action(), &error)),
        };
        let mut lines = object.body.into_async_read();
        let (mut entries, mut read, mut line) = (Vec::new(), 0usize, Vec::new());
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line).await;
            let length = length.map_err(|error| PortError { action: action(), message: error.to_string() })?;
            if length == 0 {
                return Ok(Part { entries, next: None });
            }
            let full = entries.len() == page.limit || (!entries.is_empty() && read + length > ANSWER_BYTES_MAX);
            if full {
                return Ok(Part { entries, next: Some((start + read as u64).to_string()) });
            }
            read += length;
            let entry = serde_json::from_slice(&line);
            entries.push(entry.map_err(|error| PortError { action: action(), message: error.to_string() })?);
        }
    }
}

/// There is no such object, or it ends before.
fn is_past_the_end(error: &crate::errors::CallFailure<aws_sdk_s3::operation::get_object::GetObjectError>) -> bool {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
    error.as_service_error().is_some_and(|error| error.is_no_such_key()) || error.code() == Some("InvalidRange")
}

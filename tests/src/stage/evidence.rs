//! Results of the stack: objects, items, messages, and log lines.

use std::fs;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use exporter::ports::Objects as _;
use exporter::ports::settings_store::{Audit as _, Page};
use exporter::report::RunReport;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::Stage;

/// Maximum number of entries of the audit log to search, far more than the tests cause.
const ENTRIES_MAX: usize = 1_000;

impl Stage {
    /// Quarantined findings of a run, one per line.
    ///
    /// # Errors
    ///
    /// If the object can't be read.
    pub async fn quarantine_of(&self, run: &RunReport) -> Result<Vec<Value>> {
        let key = run.quarantine.as_ref().context("the run has no quarantine")?;
        let text = String::from_utf8(self.state_object(key).await?)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The keys of the state bucket that begin with `prefix`.
    ///
    /// # Errors
    ///
    /// If the bucket is unavailable.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        Ok(self.cloud.keys(prefix).await?)
    }

    /// An object of the state bucket.
    ///
    /// # Errors
    ///
    /// If it does not exist or can't be read.
    pub async fn state_object(&self, key: &str) -> Result<Vec<u8>> {
        let object = self.cloud.object(key).await?.with_context(|| format!("{key} not found"))?;
        let chunks: Vec<Bytes> = object.body.try_collect().await?;
        Ok(chunks.concat())
    }

    /// Actions in the audit log on a provider and its integration, newest first.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn audit_actions(&self, target: &str) -> Result<Vec<String>> {
        let part = self.cloud.audit_log(&Page { limit: ENTRIES_MAX, after: None }).await?;
        let about = part.entries.into_iter().filter(|entry| entry.target == target);
        Ok(about.map(|entry| entry.action).collect())
    }

    /// All items of the table, as the service writes them.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub fn table(&self) -> Result<String> {
        let scanned =
            self.call("DynamoDB_20120810.Scan", "dynamodb", &json!({ "TableName": self.deployment.table }))?;
        ensure!(scanned.get("LastEvaluatedKey").is_none(), "the table is longer than one page");
        Ok(scanned.to_string())
    }

    /// Messages in the dead-letter queue, without deleting them.
    ///
    /// # Errors
    ///
    /// If the queue is unavailable.
    pub fn dead_letters(&self) -> Result<Vec<String>> {
        let look = json!({
            "QueueUrl": self.deployment.dead_letter_queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0,
        });
        let answer = self.call("AmazonSQS.ReceiveMessage", "sqs", &look)?;
        let messages = answer["Messages"].as_array().into_iter().flatten();
        Ok(messages.filter_map(|message| message["Body"].as_str().map(str::to_owned)).collect())
    }

    /// Number of messages that are available in the queue or in flight.
    ///
    /// # Errors
    ///
    /// If the queue is unavailable.
    pub fn waiting(&self) -> Result<u64> {
        const NAMES: [&str; 2] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let ask = json!({ "QueueUrl": self.deployment.queue_url, "AttributeNames": NAMES });
        let answer = self.call("AmazonSQS.GetQueueAttributes", "sqs", &ask)?;
        let count = |name: &str| answer["Attributes"][name].as_str().and_then(|text| text.parse::<u64>().ok());
        NAMES.iter().map(|name| count(name).with_context(|| format!("no {name} in {answer}"))).sum()
    }

    /// The log of the function, which includes that of the local AWS.
    ///
    /// # Errors
    ///
    /// If the file can't be read.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The function's log lines for an upload.
    ///
    /// # Errors
    ///
    /// If the log can't be read.
    pub fn lines_about(&self, url: &str) -> Result<Vec<Value>> {
        let log = self.log()?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
        Ok(lines.filter(|line| line["upload.source"] == url).collect())
    }
}

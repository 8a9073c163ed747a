//! Jobs in the export queue, and their records in the table.

use exporter::jobs::{JobProgress, JobRecord, JobReport, JobState, JobStore, read_job_report, retry, submit};
use exporter::ports::PortError;
use exporter::ports::settings_store::{ListPage, Page};
use jiff::{SignedDuration, Timestamp};
use management::ports::JobSubmitter;

use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, get, number, text, to_attribute};
use crate::dynamodb::settings_store::items::keyed;
use crate::errors::{failure, is_written, port_error};

/// Partition of all records.
const PARTITION: &str = "job";
/// Retention of records, the same as that of runs.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

impl JobStore for Cloud {
    async fn job_record(&self, id: &str) -> Result<Option<JobRecord>, PortError> {
        let action = || format!("read the job {id}");
        let item = self.item(PARTITION, id, action).await?;
        item.map(|item| from_item(&item).map_err(|error| failure(action(), error))).transpose()
    }

    async fn record_job(&self, record: &JobRecord) -> Result<bool, PortError> {
        let action = || format!("record the job {}", record.id);
        let item = to_item(record).map_err(|error| failure(action(), error))?;
        let request = self.dynamodb.put_item().table_name(&self.names.table).set_item(Some(item));
        let request = request
            .condition_expression("attribute_not_exists(pk) OR #state = :waiting OR #state = :failed")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":waiting", text(JobState::Pending.as_str()))
            .expression_attribute_values(":failed", text(JobState::Failed.as_str()));
        is_written(request.send().await, action)
    }

    async fn record_progress(&self, id: &str, progress: &JobProgress) -> Result<bool, PortError> {
        let action = || format!("record the progress of the job {id}");
        let progress = to_attribute(progress).map_err(|error| failure(action(), error))?;
        let request = self.dynamodb.update_item().table_name(&self.names.table);
        let request = request
            .key("pk", text(PARTITION))
            .key("sk", text(id))
            .update_expression("SET progress = :progress")
            .condition_expression("#state = :pending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":progress", progress)
            .expression_attribute_values(":pending", text(JobState::Pending.as_str()));
        is_written(request.send().await, action)
    }

    async fn cancel_job(&self, record: &JobRecord) -> Result<(), PortError> {
        let action = || format!("cancel the job {}", record.id);
        let item = to_item(record).map_err(|error| failure(action(), error))?;
        let request = self.dynamodb.put_item().table_name(&self.names.table).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| port_error(action(), &error))
    }
}

impl JobSubmitter for Cloud {
    async fn submit(&self, record: &JobRecord) -> Result<(), PortError> {
        if submit(self, record).await? {
            return Ok(());
        }
        Err(failure(format!("enqueue job {}", record.job), "no queue configured"))
    }

    async fn retry(&self, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
        retry(self, record).await
    }

    async fn job_report(&self, id: &str) -> Result<Option<JobReport>, PortError> {
        read_job_report(self, id).await
    }

    async fn jobs(&self, page: &Page) -> Result<ListPage<JobRecord>, PortError> {
        let newest_first = self.partition(PARTITION).scan_index_forward(false);
        self.query_page(newest_first, "list the jobs", page, from_item).await
    }
}

fn to_item(record: &JobRecord) -> Result<Item, ItemError> {
    let expires_at = record.submitted_at.saturating_add(RETENTION).unwrap_or(Timestamp::MAX);
    let rest = [
        ("record", to_attribute(record)?),
        ("state", text(record.state.as_str())),
        ("submitted_at", text(record.submitted_at.to_string())),
        ("expires_at", number(expires_at.as_second())),
    ];
    Ok(keyed(PARTITION, &record.id, rest))
}

fn from_item(item: &Item) -> Result<JobRecord, ItemError> {
    let record: JobRecord = get(item, "record")?;
    let progress = item.contains_key("progress").then(|| get(item, "progress")).transpose()?;
    Ok(JobRecord { progress, ..record })
}

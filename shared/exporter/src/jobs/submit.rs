//! Puts jobs in the queue, for the first time and for a retry.

use std::time::Duration;

use super::queue::Queue;
use super::record::{JobRecord, JobState, JobStore};
use crate::ports::{Clock, PortError};

/// Submits a job. Writes its record first, so that every job that runs has a record. Returns false if there is no
/// queue.
///
/// # Errors
///
/// When the table or the queue does not respond. A job whose response was lost may be in the queue nevertheless; its
/// record states this if it can be written.
pub async fn submit<P: Queue + JobStore>(ports: &P, record: &JobRecord) -> Result<bool, PortError> {
    ports.record_job(record).await?;
    let message = ports.enqueue_job(&record.message(), Duration::ZERO).await;
    let after = match &message {
        Ok(true) => return message,
        Ok(false) => {
            let why = Some("the deployment has no queue".to_owned());
            record.clone().completed(JobState::Rejected, why, record.submitted_at)
        }
        Err(error) => {
            let message = Some(format!("it is unknown whether the job was enqueued: {error}"));
            JobRecord { message, ..record.clone() }
        }
    };
    // The caller gets the first error. If this write fails as well, the record stays pending without a message, which
    // has no adverse effect.
    let _ = ports.record_job(&after).await;
    message
}

/// Submits a failed job again: with a new message, and a record that is pending as before. Completed parts of the job
/// are not repeated. Moving its message from the dead-letter queue back as well has no adverse effect: the message that
/// arrives second finds the job complete, or waits for it. Returns `None` and changes nothing if the job has not
/// failed.
///
/// # Errors
///
/// When the table or the queue does not respond, or there is no queue. The record then states that the job failed, as
/// before.
pub async fn retry<P: Queue + JobStore + Clock>(ports: &P, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
    let Some(pending) = record.retried(ports.now()) else { return Ok(None) };
    if !ports.record_job(&pending).await? {
        return Ok(None);
    }
    match ports.enqueue_job(&pending.message(), Duration::ZERO).await {
        Ok(true) => Ok(Some(pending)),
        outcome => {
            // The job is recorded as failed again, so that it can be retried. If only the response was lost, the
            // message still runs it.
            let _ = ports.record_job(record).await;
            let no_queue = || PortError {
                action: format!("retry the job {}", record.id),
                message: "the deployment has no queue".to_owned(),
            };
            Err(outcome.err().unwrap_or_else(no_queue))
        }
    }
}

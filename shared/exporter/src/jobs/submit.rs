//! Puts jobs on the queue, for the first time and again.

use std::time::Duration;

use super::queue::Queue;
use super::record::{JobRecord, JobState, JobStore};
use crate::ports::{Clock, PortError};

/// Places a job: its record first, so that nothing runs that nobody can look up. False, where there is no
/// queue.
///
/// # Errors
///
/// When the table or the queue does not answer. A job whose answer was lost may be on the queue all the same, and its
/// record says so, as far as that can be written.
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
            let message = Some(format!("nobody knows whether it was placed: {error}"));
            JobRecord { message, ..record.clone() }
        }
    };
    // The caller learns of the first error. Should this one fail too, the record waits without a word, and harms nothing.
    let _ = ports.record_job(&after).await;
    message
}

/// Submits a failed job again: a new message, and a record that is pending as before. What of it is done by then is not done
/// again, and its message in the dead-letter queue does no harm if it is moved back as well: whichever comes second finds the
/// job complete, or waits for it. None, and nothing changed, if the job has not failed.
///
/// # Errors
///
/// When the table or the queue does not answer, or there is no queue. The record then says that the job failed, as before.
pub async fn retry<P: Queue + JobStore + Clock>(ports: &P, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
    let Some(pending) = record.retried(ports.now()) else { return Ok(None) };
    if !ports.record_job(&pending).await? {
        return Ok(None);
    }
    match ports.enqueue_job(&pending.message(), Duration::ZERO).await {
        Ok(true) => Ok(Some(pending)),
        outcome => {
            // Failed as before, so that it can be retried. A message whose answer was lost runs it all the same.
            let _ = ports.record_job(record).await;
            let no_queue = || PortError {
                action: format!("retry the job {}", record.id),
                message: "the deployment has no queue".to_owned(),
            };
            Err(outcome.err().unwrap_or_else(no_queue))
        }
    }
}

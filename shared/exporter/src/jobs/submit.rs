//! Puts jobs on the queue, for the first time and once more.

use std::time::Duration;

use super::queue::Queue;
use super::record::{OrderLog, OrderRecord, OrderState};
use crate::ports::{Clock, PortError};

/// Places an order: its record first, so that nothing is carried out that nobody can look up. False, where there is no
/// queue.
///
/// # Errors
///
/// When the table or the queue does not answer. An order whose answer was lost may be on the queue all the same, and its
/// record says so, as far as that can be written.
pub async fn place<P: Queue + OrderLog>(ports: &P, record: &OrderRecord) -> Result<bool, PortError> {
    ports.record_order(record).await?;
    let placed = ports.order(&record.placed(), Duration::ZERO).await;
    let after = match &placed {
        Ok(true) => return placed,
        Ok(false) => {
            let why = Some("the deployment has no queue".to_owned());
            record.clone().settled(OrderState::Refused, why, record.placed_at)
        }
        Err(error) => {
            let message = Some(format!("nobody knows whether it was placed: {error}"));
            OrderRecord { message, ..record.clone() }
        }
    };
    // The caller learns of the first error. Should this one fail too, the record waits without a word, and harms nothing.
    let _ = ports.record_order(&after).await;
    placed
}

/// Submits a failed job again: a new message, and a record that is pending as before. What of it is done by then is not done
/// again, and its message in the dead-letter queue does no harm if it is moved back as well: whichever comes second finds the
/// job complete, or waits for it. None, and nothing changed, if the job has not failed.
///
/// # Errors
///
/// When the table or the queue does not answer, or there is no queue. The record then says that the job failed, as before.
pub async fn retry<P: Queue + OrderLog + Clock>(
    ports: &P,
    record: &OrderRecord,
) -> Result<Option<OrderRecord>, PortError> {
    let Some(pending) = record.retried(ports.now()) else { return Ok(None) };
    if !ports.record_order(&pending).await? {
        return Ok(None);
    }
    match ports.order(&pending.placed(), Duration::ZERO).await {
        Ok(true) => Ok(Some(pending)),
        outcome => {
            // Failed as before, so that it can be retried. A message whose answer was lost runs it all the same.
            let _ = ports.record_order(record).await;
            let no_queue = || PortError {
                action: format!("retry the job {}", record.id),
                message: "the deployment has no queue".to_owned(),
            };
            Err(outcome.err().unwrap_or_else(no_queue))
        }
    }
}

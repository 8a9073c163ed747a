//! The queue of uploads and jobs.

use std::time::Duration;

use super::chain::Round;
use super::record::JobMessage;
use crate::ports::PortError;
use crate::upload::Upload;

/// Puts uploads back, and jobs beside them.
pub trait Queue {
    /// Puts an upload at the end of the queue, so that an invocation of its own continues with it in the next round of its
    /// chain. False, where there is no queue.
    fn requeue(&self, upload: &Upload, round: &Round) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Puts a user's job on the queue, so that the deployment carries it out, `after` so long. False, where there is no
    /// queue.
    fn enqueue_job(&self, job: &JobMessage, after: Duration) -> impl Future<Output = Result<bool, PortError>> + Send;
}

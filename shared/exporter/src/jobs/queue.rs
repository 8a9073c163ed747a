//! The queue of uploads and jobs.

use std::time::Duration;

use super::chain::Round;
use super::record::JobMessage;
use crate::model::upload::Upload;
use crate::ports::PortError;

/// Puts uploads back in the queue, and adds jobs.
pub trait Queue {
    /// Puts an upload at the end of the queue, so that another invocation continues with it in the next round of its
    /// chain. Returns false if there is no queue.
    fn requeue(&self, upload: &Upload, round: &Round) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Puts a job in the queue, to be run by the deployment after the delay `after`. Returns false if there is no
    /// queue.
    fn enqueue_job(&self, job: &JobMessage, after: Duration) -> impl Future<Output = Result<bool, PortError>> + Send;
}

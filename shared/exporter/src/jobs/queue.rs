//! The queue of uploads and jobs.

use std::time::Duration;

use super::chain::Round;
use super::record::Placed;
use crate::ports::PortError;
use crate::upload::Upload;

/// Puts uploads back, and orders beside them.
pub trait Queue {
    /// Puts an upload at the end of the queue, so that an invocation of its own goes on with it in the next round of its
    /// chain. False, where there is no queue.
    fn put_back(&self, upload: &Upload, round: &Round) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Puts a person's order on the queue, so that the deployment carries it out, `after` so long. False, where there is no
    /// queue.
    fn order(&self, order: &Placed, after: Duration) -> impl Future<Output = Result<bool, PortError>> + Send;
}

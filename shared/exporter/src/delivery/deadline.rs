//! Reads that end with the run: a read that hangs is aborted, so that the results until then can still be saved.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::ports::PortError;

/// How long a read may continue after the run has stopped its attempts: the results until then must still be saved.
const LAST_READ: Duration = Duration::from_secs(5);

/// The error message of a read that was aborted at the end of the run.
pub(crate) const OVER: &str = "deadline exceeded before the response";

/// Awaits a read. Fails with an error that names `action` if the read hasn't ended shortly after `end`.
pub(crate) async fn within<T>(
    end: Option<Instant>,
    action: impl FnOnce() -> String,
    read: impl Future<Output = Result<T, PortError>>,
) -> Result<T, PortError> {
    let Some(end) = end else { return read.await };
    timeout_at(end + LAST_READ, read)
        .await
        .unwrap_or_else(|_| Err(PortError { action: action(), message: OVER.to_owned() }))
}

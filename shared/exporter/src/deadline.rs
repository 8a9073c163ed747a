//! Reads that end with the run: one that hangs is cut off, so that what was done until then can still be saved.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::ports::PortError;

/// How long a read may continue after the run has stopped to try: what was found out until then is still to be saved.
const LAST_READ: Duration = Duration::from_secs(5);

/// What a read says that the end of the run cut off.
pub(crate) const OVER: &str = "the time of the run was over before the answer";

/// A read, or an error that names `action` where it has not ended soon after `end`.
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

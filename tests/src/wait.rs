//! Polls for results, with a timeout.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Timeout. It is longer than any successful operation takes: the start of a function, a scan on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Interval between two polls. It is short, since most tests wait for one result only.
const PAUSE: Duration = Duration::from_millis(150);

/// Polls until a result is available, for up to [`PATIENCE`].
///
/// # Errors
///
/// If polling fails, or no result is available in time; the error states what was expected.
pub async fn wait_for<T, F>(what: &str, look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    wait_at_most(PATIENCE, what, look).await
}

/// Like [`wait_for`], with another timeout.
///
/// # Errors
///
/// Like [`wait_for`].
pub async fn wait_at_most<T, F>(patience: Duration, what: &str, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + patience;
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if Instant::now() >= end {
            bail!("waited {} s in vain for {what}", patience.as_secs());
        }
        sleep(PAUSE).await;
    }
}

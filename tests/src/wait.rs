//! Waiting for what happens elsewhere, with an end.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Longer than any successful operation takes: a function's start, a scan on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks. Short, since most tests wait for one thing only.
const PAUSE: Duration = Duration::from_millis(150);

/// Polls until a result is available, for up to [`PATIENCE`].
///
/// # Errors
///
/// When looking fails, or nothing came; then the error says what was waited for.
pub async fn wait_for<T, F>(what: &str, look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    wait_at_most(PATIENCE, what, look).await
}

/// As [`wait_for`], for as long as the caller says.
///
/// # Errors
///
/// As there.
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

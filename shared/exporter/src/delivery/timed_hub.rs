//! A hub whose calls end with the run: a call that hangs is canceled, so that the results until then can be saved.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asff::RegionName;
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::ports::{CallError, Hub, HubState, ImportOutcome, Page};

/// How long a call may continue after the run's deadline: long enough for nearly every response.
const LAST_CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// One account's Security Hub, for one run.
#[derive(Clone)]
pub(crate) struct TimedHub<H> {
    hub: H,
    /// The deadline of the run. `None` if it has no deadline.
    give_up_at: Option<Instant>,
    has_response: Arc<AtomicBool>,
}

impl<H: Hub + Sync> TimedHub<H> {
    /// `has_response`: set when a Region responds.
    pub(crate) fn new(hub: H, give_up_at: Option<Instant>, has_response: Arc<AtomicBool>) -> Self {
        Self { hub, give_up_at, has_response }
    }

    async fn with_timeout<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let answer = match self.give_up_at {
            None => call.await,
            Some(end) => timeout_at(end + LAST_CALL_TIMEOUT, call).await.unwrap_or(Err(CallError::DeadlineExceeded)),
        };
        if !matches!(answer, Err(CallError::Unreachable(_) | CallError::DeadlineExceeded)) {
            self.has_response.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl<H: Hub + Sync> Hub for TimedHub<H> {
    async fn import(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        self.with_timeout(self.hub.import(region, body)).await
    }

    async fn enabled_at(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        self.with_timeout(self.hub.enabled_at(region)).await
    }

    async fn findings(&self, region: &RegionName, next: Option<String>) -> Result<Page, CallError> {
        self.with_timeout(self.hub.findings(region, next)).await
    }

    async fn finding(&self, region: &RegionName, id: &str) -> Result<Option<Bytes>, CallError> {
        self.with_timeout(self.hub.finding(region, id)).await
    }

    async fn state(&self, region: &RegionName) -> Result<HubState, CallError> {
        self.with_timeout(self.hub.state(region)).await
    }
}

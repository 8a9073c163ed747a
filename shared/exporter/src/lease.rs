//! Leases on the upload and the accounts of a run, renewed while a run without a deadline works.
//!
//! Guarantees: a running run keeps its leases, however long it takes; the leases of a killed run expire soon; a run that
//! lost a lease because it could not renew it in time notices that and stops, since another run may have acquired the lock.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asff::AccountId;
use jiff::{SignedDuration, Timestamp};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::ports::{PortError, Ports};

/// Duration of a lease of a run without a deadline. After a killed run, its locks block other runs for up to this time.
const LOCK_DURATION: SignedDuration = SignedDuration::from_mins(15);
/// Interval between renewals. A few of them may fail before the lease expires.
const RENEW_EVERY: Duration = Duration::from_secs(4 * 60);
/// Pause before a failed renewal is retried.
const RENEW_RETRY_AFTER: Duration = Duration::from_secs(20);
/// How long a lease outlives the deadline of its run: the locks of a killed function expire soon after.
const LOCK_AFTER_DEADLINE: SignedDuration = SignedDuration::from_secs(30);

/// The time until which a run may hold its locks. A run without a deadline must renew them.
pub(crate) fn lock_until(now: Timestamp, deadline: Option<Instant>) -> Timestamp {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let duration = left
        .and_then(|left| SignedDuration::try_from(left).ok())
        .map_or(LOCK_DURATION, |left| left + LOCK_AFTER_DEADLINE);
    now.saturating_add(duration).unwrap_or(now)
}

/// A lease. Cheap to clone; it is renewed until the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    lost: Arc<AtomicBool>,
    _renewing: Option<Arc<Renewing>>,
}

#[derive(Debug)]
struct Renewing(AbortHandle);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Lease {
    /// A lease that needs no renewal: the run ends before the lease does.
    pub(crate) fn fixed() -> Self {
        Self { lost: Arc::default(), _renewing: None }
    }

    /// The lease of an account lock that a run holds until `until`.
    pub(crate) fn on_account<P: Ports>(ports: Arc<P>, account: AccountId, run_id: String, until: Timestamp) -> Self {
        Self::renewed(ports, until, move |ports, until| {
            let run_id = run_id.clone();
            async move { ports.renew(account, &run_id, until).await }
        })
    }

    /// The lease of an upload lock that a run holds until `until`.
    pub(crate) fn on_upload<P: Ports>(ports: Arc<P>, identity: String, run_id: String, until: Timestamp) -> Self {
        Self::renewed(ports, until, move |ports, until| {
            let (identity, run_id) = (identity.clone(), run_id.clone());
            async move { ports.renew_claim(&identity, &run_id, until).await }
        })
    }

    fn renewed<P, F, R>(ports: Arc<P>, mut until: Timestamp, renew: R) -> Self
    where
        P: Ports,
        F: Future<Output = Result<bool, PortError>> + Send,
        R: Fn(Arc<P>, Timestamp) -> F + Send + 'static,
    {
        let lost = Arc::new(AtomicBool::new(false));
        let seen = lost.clone();
        let task = tokio::spawn(async move {
            let mut pause = RENEW_EVERY;
            loop {
                tokio::time::sleep(pause).await;
                let next = lock_until(ports.now(), None);
                match renew(ports.clone(), next).await {
                    Ok(true) => (until, pause) = (next, RENEW_EVERY),
                    Err(error) if ports.now() < until => {
                        tracing::warn!(%error, "failed to renew the lease; it is retried");
                        pause = RENEW_RETRY_AFTER;
                    }
                    Ok(false) | Err(_) => break seen.store(true, Ordering::Relaxed),
                }
            }
        });
        Self { lost, _renewing: Some(Arc::new(Renewing(task.abort_handle()))) }
    }

    /// Whether another run may have acquired the lock by now.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

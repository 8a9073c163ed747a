//! Leases, renewed while a run works that has no deadline: on its upload and on its accounts.
//!
//! Promises: a run that lives keeps what it holds, however long it takes; what a dead run held is free soon; a run that lost
//! its lease, because it could not renew it in time, learns of it and stops, since another may be at work.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asff::AccountId;
use jiff::{SignedDuration, Timestamp};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::ports::{PortError, Ports};

/// How long a run without a deadline holds what it works on before it renews. A killed one is in the way so long.
const LOCK_DURATION: SignedDuration = SignedDuration::from_mins(15);
/// How often it renews: a few times may fail.
const RENEW_EVERY: Duration = Duration::from_secs(4 * 60);
/// How soon it tries again when that fails.
const RENEW_RETRY_AFTER: Duration = Duration::from_secs(20);
/// How long a lease outlives the deadline of its run: what a killed function held is free soon after.
const LOCK_AFTER_DEADLINE: SignedDuration = SignedDuration::from_secs(30);

/// Until when a run may hold what it works on. Without a deadline it has to renew.
pub(crate) fn lock_until(now: Timestamp, deadline: Option<Instant>) -> Timestamp {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let hold = left
        .and_then(|left| SignedDuration::try_from(left).ok())
        .map_or(LOCK_DURATION, |left| left + LOCK_AFTER_DEADLINE);
    now.saturating_add(hold).unwrap_or(now)
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
    /// A lease that needs no renewal: the run ends before it does.
    pub(crate) fn fixed() -> Self {
        Self { lost: Arc::default(), _renewing: None }
    }

    /// An account, held until `until` by a run.
    pub(crate) fn on_account<P: Ports>(ports: Arc<P>, account: AccountId, run_id: String, until: Timestamp) -> Self {
        Self::renewed(ports, until, move |ports, until| {
            let run_id = run_id.clone();
            async move { ports.renew(account, &run_id, until).await }
        })
    }

    /// An upload, held until `until` by a run.
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
                        tracing::warn!(%error, "a hold is not renewed yet");
                        pause = RENEW_RETRY_AFTER;
                    }
                    Ok(false) | Err(_) => break seen.store(true, Ordering::Relaxed),
                }
            }
        });
        Self { lost, _renewing: Some(Arc::new(Renewing(task.abort_handle()))) }
    }

    /// Whether another run may hold it by now.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

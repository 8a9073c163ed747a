//! Leases on the upload and the accounts of a run, renewed while a run without a deadline works.
//!
//! Guarantees: a running run keeps its leases, however long it takes; the leases of a killed run expire soon; a run that
//! lost a lease because it could not renew it in time notices that and stops, since another run may have acquired the lock. A
//! run that was suspended with its machine notices that before its next call: timers may not count that time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
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
#[derive(Clone)]
pub(crate) struct Lease {
    lost: Arc<AtomicBool>,
    /// Whether the lease has expired by the clock. `None` if it needs no renewal.
    has_expired: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    _renewing: Option<Arc<Renewing>>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lease").field("lost", &self.lost).finish_non_exhaustive()
    }
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
        Self { lost: Arc::default(), has_expired: None, _renewing: None }
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
        let until_ms = Arc::new(AtomicI64::new(until.as_millisecond()));
        let (seen, renewed_ms, clock) = (lost.clone(), until_ms.clone(), ports.clone());
        let has_expired = move || clock.now().as_millisecond() >= until_ms.load(Ordering::Relaxed);
        let task = tokio::spawn(async move {
            let mut pause = RENEW_EVERY;
            loop {
                tokio::time::sleep(pause).await;
                let next = lock_until(ports.now(), None);
                match renew(ports.clone(), next).await {
                    Ok(true) => {
                        renewed_ms.store(next.as_millisecond(), Ordering::Relaxed);
                        (until, pause) = (next, RENEW_EVERY);
                    }
                    Err(error) if ports.now() < until => {
                        tracing::warn!(%error, "failed to renew the lease; it is retried");
                        pause = RENEW_RETRY_AFTER;
                    }
                    Ok(false) | Err(_) => break seen.store(true, Ordering::Relaxed),
                }
            }
        });
        let renewing = Arc::new(Renewing(task.abort_handle()));
        Self { lost, has_expired: Some(Arc::new(has_expired)), _renewing: Some(renewing) }
    }

    /// Whether another run may have acquired the lock by now.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) || self.has_expired.as_ref().is_some_and(|has_expired| has_expired())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{InMemory, TestClock};

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_expired_while_the_machine_slept_is_lost_at_once() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let ports = Arc::new(InMemory::new(TestClock::Fixed(at(0))));
        let account = "123456789012".parse().unwrap();
        let lease = Lease::on_account(ports.clone(), account, "r".to_owned(), lock_until(at(0), None));
        ports.contents().clock = TestClock::Fixed(at(14));
        assert!(!lease.is_lost());
        // No timer has fired: the clock of the timers stands still while the machine sleeps.
        ports.contents().clock = TestClock::Fixed(at(15));
        assert!(lease.is_lost());
    }
}

//! The service's quota, enforced by the exporter: a token bucket for each account and Region.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Limits calls to the service's rate.
#[derive(Debug)]
pub(crate) struct CallRate {
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<TokioInstant>>>,
}

impl CallRate {
    /// A bucket that holds `burst` calls and refills by `per_second`. A rate of 0 means no limit.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let limiter = NonZeroU32::new(per_second).map(|rate| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            RateLimiter::direct_with_clock(Quota::per_second(rate).allow_burst(burst), TokioClock)
        });
        Self { limiter }
    }

    /// Waits for a token.
    pub(crate) async fn wait(&self) {
        let Some(limiter) = &self.limiter else { return };
        while let Err(not_until) = limiter.check() {
            tokio::time::sleep(not_until.wait_time_from(TokioClock.now())).await;
        }
    }
}

/// Tokio's clock for `governor`, so that a test with a paused clock pauses the bucket too.
#[derive(Clone, Copy, Debug, Default)]
struct TokioClock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TokioInstant(Instant);

impl Clock for TokioClock {
    type Instant = TokioInstant;

    fn now(&self) -> TokioInstant {
        TokioInstant(Instant::now())
    }
}

impl Reference for TokioInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl std::ops::Add<Nanos> for TokioInstant {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_then_the_rate_applies() {
        let call_rate = CallRate::new(10, 30);
        let start = Instant::now();
        for _ in 0..30 {
            call_rate.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..50 {
            call_rate.wait().await;
        }
        let elapsed = start.elapsed();
        assert!((4900..=5100).contains(&elapsed.as_millis()), "50 calls at 10 per second took {elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_zero_is_unlimited() {
        let call_rate = CallRate::new(0, 0);
        let start = Instant::now();
        for _ in 0..10_000 {
            call_rate.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

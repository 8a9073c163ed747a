//! The token bucket of one operation in one account and Region (contract 1.9).

use jiff::Timestamp;

use crate::config::Rate;

/// Tolerance for floating-point errors, as a share of a token: a caller that keeps exactly to the rate must not be throttled.
const ROUNDING: f64 = 1e-9;

/// A token bucket, which is full at first. A call takes one token; tokens are added over time.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    tokens: f64,
    filled_at: Timestamp,
}

impl TokenBucket {
    pub(crate) fn full(rate: Rate, now: Timestamp) -> Self {
        Self { tokens: rate.burst, filled_at: now }
    }

    /// Takes a token. Returns false if the call is throttled.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) -> bool {
        let seconds = now.duration_since(self.filled_at).as_secs_f64();
        if seconds > 0.0 {
            self.tokens = (self.tokens + seconds * rate.calls_per_second).min(rate.burst);
            self.filled_at = now;
        }
        let enough = self.tokens >= 1.0 - ROUNDING;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { calls_per_second: 10.0, burst: 30.0 };

    proptest! {
        /// Contract 1.9: 10 tokens per second, capacity 30. In any period of t seconds, at most 30 + 10 t calls pass.
        #[test]
        fn no_period_has_more_calls_than_burst_and_rate_allow(gaps_ms in prop::collection::vec(0_i64..400, 1..400)) {
            let mut now = Timestamp::UNIX_EPOCH;
            let mut bucket = TokenBucket::full(RATE, now);
            let mut passed = 0.0;
            for gap in gaps_ms {
                now += jiff::SignedDuration::from_millis(gap);
                passed += f64::from(u8::from(bucket.take(RATE, now)));
                let seconds = now.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
                prop_assert!(passed <= 30.0 + 10.0 * seconds + 1e-6);
            }
        }
    }

    #[test]
    fn the_burst_passes_at_once_and_then_ten_per_second() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut bucket = TokenBucket::full(RATE, now);
        let burst = (0..100).filter(|_| bucket.take(RATE, now)).count();
        now += jiff::SignedDuration::from_secs(1);
        let second = (0..100).filter(|_| bucket.take(RATE, now)).count();
        assert_eq!((burst, second), (30, 10));
    }
}

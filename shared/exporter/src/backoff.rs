//! The pause between two attempts at a call.

use std::time::Duration;

use rand::RngExt as _;

/// The pause after an attempt, counted from 1. `base` doubles with each attempt up to `max`; the pause is a random half to
/// all of it, so that callers that were throttled at the same time don't retry at the same time.
pub(crate) fn pause(base: Duration, max: Duration, attempt: u32) -> Duration {
    longest_pause(base, max, attempt).mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// The maximum length of [`pause`].
pub(crate) fn longest_pause(base: Duration, max: Duration, attempt: u32) -> Duration {
    base.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(max)
}

//! The time.

use jiff::Timestamp;

/// The wall clock. Pauses use the clock of `tokio::time` instead, so that a test can pause both.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

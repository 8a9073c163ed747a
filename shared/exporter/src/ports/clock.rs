//! The time.

use jiff::Timestamp;

/// The wall clock. Pauses go by `tokio::time`, so that a test can stop both.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

//! The clock of the world. It runs with the machine's clock or is stopped, and can be moved forward.
//!
//! Everything that depends on time uses it: token buckets, retention, sessions, consistency lag, timestamps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::lock;

/// A shared clock; clones have the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
enum State {
    /// The machine's time plus an offset.
    Running(SignedDuration),
    /// Stopped at this time.
    Standing(Timestamp),
}

impl Clock {
    /// A clock that runs with the machine's.
    #[must_use]
    pub fn running() -> Self {
        Self::with(State::Running(SignedDuration::ZERO))
    }

    /// A clock that is stopped at `now` until it is advanced.
    #[must_use]
    pub fn standing(now: Timestamp) -> Self {
        Self::with(State::Standing(now))
    }

    fn with(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The current time in this world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match *lock(&self.state) {
            State::Running(offset) => Timestamp::now().saturating_add(offset).unwrap_or(Timestamp::MAX),
            State::Standing(now) => now,
        }
    }

    /// Moves the clock forward; it continues to run, or stays stopped.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        match &mut *lock(&self.state) {
            State::Running(offset) => *offset = offset.saturating_add(by),
            State::Standing(now) => *now = now.saturating_add(by).unwrap_or(Timestamp::MAX),
        }
    }

    /// Stops the clock at `now`.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.state) = State::Standing(now);
    }

    /// Lets the clock run with the machine's again.
    pub fn run(&self) {
        *lock(&self.state) = State::Running(SignedDuration::ZERO);
    }
}

/// `2026-11-23T07:56:24.123Z`: the format in which the service writes its own times.
pub(crate) fn format_ms(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_moves_only_when_set() {
        let start: Timestamp = "2026-11-23T07:56:24.5Z".parse().unwrap();
        let clock = Clock::standing(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_millis(1500));
        assert_eq!(format_ms(clock.now()), "2026-11-23T07:56:26.000Z");
    }

    #[test]
    fn a_running_clock_keeps_its_offset() {
        let clock = Clock::running();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() > Timestamp::now() + SignedDuration::from_mins(59));
    }
}

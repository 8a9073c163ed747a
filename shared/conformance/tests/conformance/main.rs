//! The checks against the simulator: all assumptions hold, each deviation is detected, and no finding stays active after any run.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod cleaned;
mod deviations;
mod permissions;
mod stage;

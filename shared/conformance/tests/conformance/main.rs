//! The checks against the simulator: all hold, each deviation is found, and nothing stays active however a run ends.

#![expect(clippy::unwrap_used, reason = "a test that can't set its stage has to fail")]

mod cleaned;
mod deviations;
mod permissions;
mod stage;

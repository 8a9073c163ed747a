//! Support for the end-to-end tests: the deployed stack, the simulated Security Hub, scans for any account, and Prowler's
//! own findings.
//!
//! The tests are in `end_to_end/`, one file for each kind of promise. Each has accounts of its own in
//! `end_to_end/world.json`, so that they run at the same time on one stack.

pub mod hub;
pub mod hubctl;
pub mod oracle;
pub mod scans;
pub mod stage;
pub mod wait;

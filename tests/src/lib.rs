//! Support for the end-to-end tests: the deployed stack, the simulated Security Hub, scans for any account, and Prowler's own
//! findings.
//!
//! The tests are in `end_to_end/`, in one file for each kind of promise. Each test has its own accounts in
//! `end_to_end/world.json`, so that the tests run concurrently on one stack.

pub mod hub;
pub mod hubctl;
pub mod oracle;
pub mod scans;
pub mod stage;
pub mod wait;

//! The Lambda function that checks the connections of all integrations and tells what changed.
//!
//! `main` wires, [`event`] parses, [`handler`] spreads the work, [`isolated`] gives it a process, [`round`] does it, and the crate
//! `exporter` decides.

pub mod config;
pub mod event;
pub mod handler;
pub mod isolated;
pub mod memory;
pub mod round;
pub mod telemetry;

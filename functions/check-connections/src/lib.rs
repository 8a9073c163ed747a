//! The Lambda function that checks the connections of all integrations and tells what changed.
//!
//! `main` wires, [`event`] parses, [`handler`] spreads the work, [`round`] does it, and the crate `exporter` decides.

pub mod config;
pub mod event;
pub mod handler;
pub mod round;
pub mod telemetry;

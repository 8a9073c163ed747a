//! The Lambda function that checks the connections of all integrations and publishes changes.
//!
//! `main` initializes, [`event`] parses, [`handler`] fans out, [`isolated`] runs child processes, [`batch`] checks, and the crate
//! `exporter` decides.

pub mod batch;
pub mod config;
pub mod event;
pub mod handler;
pub mod isolated;
pub mod telemetry;

//! The Lambda function that checks the connections of all integrations and publishes changes.
//!
//! `main` initializes the function, [`event`] parses events, [`handler`] fans out accounts, [`isolated`] runs child processes,
//! [`batch`] checks accounts and publishes changes. The crate `exporter` has the logic.

pub mod batch;
pub mod config;
pub mod event;
pub mod handler;
pub mod isolated;
pub mod telemetry;

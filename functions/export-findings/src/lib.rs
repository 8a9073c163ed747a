//! The Lambda function that exports the findings of an uploaded scan.
//!
//! `main` initializes, [`event`] parses, [`handler`] translates, and the crate `exporter` decides.

pub mod config;
pub mod event;
pub mod handler;
pub mod keys;
pub mod metrics;
mod notifications;
pub mod telemetry;
mod uploads;

//! The Lambda function that exports the findings of an uploaded scan.
//!
//! `main` initializes the function, [`event`] parses events, [`handler`] converts them to exports or jobs. The crate `exporter`
//! has the logic.

pub mod config;
pub mod event;
pub mod handler;
pub mod keys;
pub mod metrics;
mod notifications;
pub mod telemetry;
mod uploads;

//! Exports the findings of a Prowler scan to AWS Security Hub CSPM and accounts for every finding.
//!
//! This crate makes the decisions and never calls AWS. Each AWS service is behind a trait in [`ports`], which the crate
//! `aws` implements. [`export::Exporter::export`] is the data flow of an export.

mod account;
mod backoff;
pub mod connection;
mod delivery;
mod evidence;
pub mod explain;
pub mod export;
mod grouped;
pub mod jobs;
mod lease;
pub mod lines;
pub mod model;
pub mod notifications;
pub mod ports;
pub mod progress;
pub mod quarantine;
pub mod report;
mod run;
pub mod selection;
pub mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

//! Exports the findings of a Prowler scan to AWS Security Hub CSPM and accounts for every finding.
//!
//! This crate makes the decisions and never calls AWS. Each AWS service is behind a trait in [`ports`], which the crate
//! `aws` implements. [`export::Exporter::export`] is the data flow of an export.

mod account;
mod account_router;
pub mod approval;
mod backoff;
pub mod connection;
pub mod cost;
mod coverage;
pub mod credentials;
mod deadline;
mod delivery;
pub mod destination;
mod evidence;
pub mod explain;
pub mod export;
pub mod filter;
mod grouped;
pub mod integration;
pub mod jobs;
pub mod json_lines;
mod lease;
pub mod limit;
mod line_reader;
pub mod notifications;
mod pack;
pub mod pending;
pub mod plan;
pub mod ports;
pub mod problem;
pub mod progress;
pub mod provider;
pub mod quarantine;
mod reading;
pub mod report;
mod report_store;
pub mod route;
mod run;
pub mod scan_source;
pub mod schedule;
pub mod settings;
pub mod settings_store;
pub mod state;
pub mod targets;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod upload;

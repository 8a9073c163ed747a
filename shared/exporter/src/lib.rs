//! Carries the findings of a Prowler scan into AWS Security Hub, whole and accounted for.
//!
//! This crate decides; it does not talk to AWS. Where AWS begins there is a trait in [`ports`], and the crate `aws`
//! implements it. The data flow of an export is the body of [`export::Exporter::export`].

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

//! The data of integrations, providers, scans, and schedules, without I/O.

pub mod approval;
pub mod credentials;
pub mod integration;
pub mod problem;
pub mod provider;
pub mod scan_source;
pub mod schedule;
pub mod settings;
pub mod upload;

//! The contract of Security Hub and STS, rule by rule: each test states the section whose rule it verifies.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage has to fail")]

mod around;
mod authorization;
mod customers;
mod faults;
mod format;
mod http;
mod hub;
mod importing;
mod process;
mod properties;
mod reading;
mod retention;
mod server;
mod stage;
mod sts;
mod upserting;

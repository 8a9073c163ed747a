//! Tests of the API: requests to the router over in-memory ports.

#![expect(clippy::unwrap_used, reason = "a test fails if it can't be set up or gets an unexpected response")]

mod attention;
mod client;
mod conditions;
mod description;
mod exports;
mod guarded;
mod history;
mod idempotency;
mod integrations;
mod lost;
mod organizations;
mod outcomes;
mod ownership;
mod page;
mod partitions;
mod payload;
mod providers;
mod removal;
mod resources;
mod rollbacks;
mod runs;
mod secrets;
mod stack;
mod twice;
mod validation;

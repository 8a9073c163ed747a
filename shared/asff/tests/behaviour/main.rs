//! What the crate promises, tested from outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails stops")]

mod genuine_scans;
mod support;

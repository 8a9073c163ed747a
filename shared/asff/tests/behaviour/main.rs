//! What the crate promises, tested from outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails stops")]

mod checker;
mod damage;
mod documents;
mod formats;
mod genuine_scans;
mod hostile;
mod identity;
mod limits;
mod mapping;
mod older_versions;
mod refusals;
mod support;

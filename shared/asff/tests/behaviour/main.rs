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
mod new_regions;
mod older_versions;
mod products;
mod refusals;
mod secrets;
mod spreadsheets;
mod support;

//! Tests of the crate's guarantees through its public API.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test stops")]

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
mod rejections;
mod secrets;
mod spreadsheets;
mod support;

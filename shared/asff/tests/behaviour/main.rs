//! What the crate promises, tested from outside.

mod genuine_scans;
mod support;

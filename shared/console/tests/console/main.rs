//! The promises of the console. Each is a test whose name states it, over in-memory sample data.

#![expect(clippy::unwrap_used, reason = "a page that can't be read fails the test")]

#[path = "../../examples/serve/sample/mod.rs"]
mod sample;

mod account_numbers;
mod accounts;
mod exports;
mod files;
mod guard;
mod history;
mod host;
mod lists;
mod pages;
mod secrets;
mod templates;

//! The console's promises, each a test that bears its sentence, over the sample data in memory.

#![expect(clippy::unwrap_used, reason = "a broken page is a failed test")]

#[path = "../../examples/serve/sample/mod.rs"]
mod sample;

mod guard;
mod history;
mod host;
mod lists;
mod pages;
mod secrets;
mod templates;

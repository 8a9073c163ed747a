//! Management: the operations for operators, and the HTTP API over them.
//!
//! [`Service`] has the operations, [`router`] maps HTTP routes to them, and [`document`] returns the `OpenAPI` description of the
//! routes. The host of the router adds a [`Caller`] to the extensions of each request. Guarantees: each stored value was validated
//! here; each change states the version that it applies to; the audit log records each change with its caller and time; access
//! keys are write-only.

pub mod check;
pub mod host;
pub mod http;
mod merge;
pub mod ports;
pub mod problem;
pub mod service;
#[cfg(feature = "testing")]
mod testing;
pub mod wire;

pub use check::Settings;
pub use http::openapi::document;
pub use http::router;
pub use ports::{Caller, Ports};
pub use problem::ApiError;
pub use service::Service;

//! Management: the operations for operators, and the HTTP API over them.
//!
//! [`Service`] has the operations, [`router`] has their routes, and [`document`] describes these (`OpenAPI`). The host of the
//! router adds the caller to the extensions of each request, [`Caller`]. Promises: all stored values were validated here; a
//! change states the version that it applies to; the audit log has each change with its caller and time; an access key is
//! write-only.

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

//! Management: the operators' verbs, once, and the HTTP API over them.
//!
//! [`Service`] has the verbs, [`router`] gives them addresses, and [`document`] describes these (`OpenAPI`). Whoever hosts
//! the router says who calls by an extension of the request, [`Caller`]. Promises: what is written was validated here; a
//! change names the version that it was made to; each is in the audit log with who and when; an access key goes in and never
//! comes out.

pub mod check;
pub mod host;
pub mod http;
pub mod memory;
mod merge;
pub mod ports;
pub mod problem;
pub mod service;
pub mod wire;

pub use check::Settings;
pub use http::openapi::document;
pub use http::router;
pub use ports::{Caller, Ports};
pub use problem::ApiError;
pub use service::Service;

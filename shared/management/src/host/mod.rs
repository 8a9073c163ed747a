//! Hosts the operations in a Lambda function: HTTP requests as payloads, and CloudFormation custom resources.

mod payload;
mod properties;
mod request;
mod resource;
mod response_url;

pub use payload::{is_http, respond};
pub use request::{ResourceRequest, ResourceResponse};
pub use resource::{after_interruption, handle_resource};
pub use response_url::{ResponseUrlPolicy, UntrustedResponseUrl};

//! How a Lambda function hosts the verbs: HTTP requests as payloads, and resources of CloudFormation.

mod payload;
mod properties;
mod request;
mod resource;
mod response_url;

pub use payload::{is_http, respond};
pub use request::{Answer, ResourceRequest};
pub use resource::{after_interruption, handle_resource};
pub use response_url::{Reach, UntrustedResponseUrl};

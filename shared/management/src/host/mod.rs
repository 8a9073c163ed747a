//! How a Lambda function hosts the verbs: HTTP requests as payloads, and resources of CloudFormation.

mod payload;
mod properties;
mod resource;

pub use payload::{is_http, respond};
pub use resource::{Answer, ResourceRequest, carry_out};

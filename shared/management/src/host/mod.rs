//! How a Lambda function hosts the verbs: HTTP requests as payloads, and resources of CloudFormation.

mod address;
mod payload;
mod properties;
mod request;
mod resource;

pub use address::{Foreign, Reach};
pub use payload::{is_http, respond};
pub use request::{Answer, ResourceRequest};
pub use resource::{broken_off, carry_out};

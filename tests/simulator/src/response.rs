//! The response to a call: the body of a success, or an error in the format that SDKs parse.

use std::time::Duration;

use serde_json::{Value, json};

/// A response, before it is written to a connection.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The error code, which is sent in the header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// Additional duration of the call because of a fault.
    pub delay: Duration,
    /// The caller gets no response: the connection is closed.
    pub dropped: bool,
}

impl Response {
    pub(crate) fn ok(body: &Value) -> Self {
        Self {
            status: 200,
            error_type: None,
            content_type: "application/json",
            body: body.to_string().into_bytes(),
            delay: Duration::ZERO,
            dropped: false,
        }
    }

    /// An error in the format of REST-JSON services: the code in a header, message and code in the body (contract 1.10).
    pub(crate) fn error(status: u16, error_type: &str, message: &str) -> Self {
        let mut response = Self::ok(&json!({ "Message": message, "Code": error_type }));
        response.status = status;
        response.error_type = Some(error_type.to_owned());
        response
    }

    pub(crate) fn invalid_input(message: &str) -> Self {
        Self::error(400, "InvalidInputException", message)
    }

    /// The security token is invalid, or the account did not opt into the Region (contract 1.10).
    pub(crate) fn unrecognized_client() -> Self {
        Self::error(403, "UnrecognizedClientException", "The security token included in the request is invalid")
    }

    /// The body as JSON; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The error's message.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        self.json()["Message"].as_str().map(str::to_owned)
    }

    /// Whether the response has status 200.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == 200 && !self.dropped
    }
}

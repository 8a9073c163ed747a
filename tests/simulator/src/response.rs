//! What a call is answered: the success body, or an error in the shape that SDKs read.

use std::time::Duration;

use serde_json::{Value, json};

/// An answer, before it continues a wire.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The error's name, which goes out as the header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// How much longer the call takes because of a fault.
    pub delay: Duration,
    /// The caller gets no answer: the connection is lost.
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

    /// An error as REST-JSON services give it: the name in a header, message and code in the body (contract 1.10).
    pub(crate) fn error(status: u16, error_type: &str, message: &str) -> Self {
        let mut response = Self::ok(&json!({ "Message": message, "Code": error_type }));
        response.status = status;
        response.error_type = Some(error_type.to_owned());
        response
    }

    pub(crate) fn invalid_input(message: &str) -> Self {
        Self::error(400, "InvalidInputException", message)
    }

    /// The security token cannot be made out, or the Region was never opted into (contract 1.10).
    pub(crate) fn unrecognized_client() -> Self {
        Self::error(403, "UnrecognizedClientException", "The security token included in the request is invalid")
    }

    /// The body as JSON; null where it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The error's message.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        self.json()["Message"].as_str().map(str::to_owned)
    }

    /// Whether the call was answered with 200.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == 200 && !self.dropped
    }
}

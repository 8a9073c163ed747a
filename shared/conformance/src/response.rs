//! The response of the service, before it is interpreted.

use serde_json::Value;

/// The response to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceResponse {
    /// HTTP status.
    pub status: u16,
    /// Error code, if the response is an error.
    pub code: Option<String>,
    /// Error message; empty if the response is not an error.
    pub message: String,
    /// The body; null if it is not JSON.
    pub body: Value,
}

impl ServiceResponse {
    /// A successful response.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, code: None, message: String::new(), body }
    }

    /// Whether the call succeeded.
    pub(crate) fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// Whether the error code has this prefix. Exceptions of the service model have the suffix `Exception`, error codes of
    /// findings don't.
    pub(crate) fn is_code(&self, beginning: &str) -> bool {
        self.code.as_deref().is_some_and(|code| code.starts_with(beginning))
    }

    /// Whether a retry may succeed: the call was throttled, or the service failed.
    pub(crate) fn is_transient(&self) -> bool {
        match self.status {
            429 | 502..=504 => true,
            500 => self.code.is_none() || self.is_code("Internal"),
            _ => false,
        }
    }

    /// Status, code, and message in one line.
    pub(crate) fn text(&self) -> String {
        let code = self.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
        let message = if self.message.is_empty() { String::new() } else { format!(": {}", self.message) };
        format!("HTTP {}{code}{message}", self.status)
    }
}

/// A call without a response: the endpoint can't be reached, or the connection was lost.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no response: {0}")]
pub struct NoResponse(pub String);

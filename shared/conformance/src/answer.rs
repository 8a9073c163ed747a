//! What the service answered, before anything is concluded from it.

use serde_json::Value;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Error code, if the answer is an error.
    pub code: Option<String>,
    /// Error message; empty if the answer is not an error.
    pub message: String,
    /// The body; null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A successful answer.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, code: None, message: String::new(), body }
    }

    /// Whether the call succeeded.
    pub(crate) fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// Whether the error code begins with these letters: the model's exceptions end in `Exception`, the codes of findings don't.
    pub(crate) fn is_code(&self, beginning: &str) -> bool {
        self.code.as_deref().is_some_and(|code| code.starts_with(beginning))
    }

    /// Whether a later attempt may be answered differently: throttled, or a failure of the service.
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

/// A call without an answer: the endpoint can't be reached, or the connection was lost.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no answer: {0}")]
pub struct NoAnswer(pub String);

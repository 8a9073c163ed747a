//! The error of a failed port call.

/// A failure that is transient, or that a user must fix: the caller retries the whole operation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to {action}: {message}")]
pub struct PortError {
    /// The failed action, a verb and the names of its objects: it follows "failed to".
    pub action: String,
    /// The error message.
    pub message: String,
}

//! The error of a failed port call.

/// A failure that is transient, or that a user must fix: the caller retries the whole operation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{action}: {message}")]
pub struct PortError {
    /// The failed action, with the names of its objects.
    pub action: String,
    /// The error message.
    pub message: String,
}

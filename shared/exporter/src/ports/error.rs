//! A call of a port that failed.

/// Anything that fails for a reason that may pass, or that a user must look at: the caller tries the whole again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{action}: {message}")]
pub struct PortError {
    /// What was tried, with the names of what it was tried on.
    pub action: String,
    /// What the service said.
    pub message: String,
}

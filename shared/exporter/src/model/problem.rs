//! A problem, and the command or the change that fixes it.

use serde::{Deserialize, Serialize};

/// A problem that a user must fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ConnectionProblem))]
#[error("{message}{}", self.remediation_below())]
pub struct Problem {
    /// A short name, such as `assume_role_denied` or `hub_not_enabled`.
    pub reason: String,
    /// Description of the problem, one sentence.
    pub message: String,
    /// The command or the change that fixes the problem. Alternatives are on separate lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

impl Problem {
    /// A problem without a remediation.
    pub fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into(), remediation: None }
    }

    /// Adds the remediation to the problem.
    #[must_use]
    pub fn fixed_by(self, remediation: impl Into<String>) -> Self {
        Self { remediation: Some(remediation.into()), ..self }
    }

    /// The remediation is on a line of its own, so that it can be copied.
    fn remediation_below(&self) -> String {
        self.remediation.as_ref().map_or_else(String::new, |remediation| format!("\n{remediation}"))
    }
}

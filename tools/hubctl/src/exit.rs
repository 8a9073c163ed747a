//! Exit codes, which scripts rely on, and errors with remediations.

use std::process::ExitCode;

/// The exit codes. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success, and no problems found.
    Success = 0,
    /// The command failed.
    Error = 1,
    /// The command line is invalid.
    Usage = 2,
    /// Findings are quarantined, malformed, undelivered, or missing because the file is truncated or empty; or some require
    /// approval to be archived.
    Findings = 3,
    /// Credentials are missing, expired, of the wrong account, or lack a permission.
    Credentials = 4,
    /// Security Hub is unavailable in a Region that has findings.
    Degraded = 5,
    /// The deployment differs from a file, or Security Hub from the export state.
    Differs = 6,
}

impl Exit {
    /// Of several exit codes, the one with the highest severity is returned.
    pub(crate) fn severity(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Degraded => 1,
            Self::Findings => 2,
            Self::Error | Self::Usage | Self::Differs => 3,
            Self::Credentials => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with an exit code and a remediation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What failed, with the integration, Region, or file.
    pub(crate) message: String,
    /// The remediation: a command, if there is one.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure without a remediation.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Adds a remediation.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The exit code of an error; [`Exit::Error`] if it has none.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Failure>().map_or(Exit::Error, |failure| failure.exit)
}

//! How a command ends: the exit codes that scripts rely on, and errors that say how to fix them.

use std::process::ExitCode;

/// What a script can tell from the exit code alone. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Success = 0,
    /// The command could not do its work.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Findings are in quarantine, malformed, undelivered, or missing because the file is truncated or has none; or some are
    /// archived upon approval only.
    Findings = 3,
    /// Credentials are missing, expired, of the wrong account, or not allowed to do this.
    Credentials = 4,
    /// Security Hub is not to be had in a Region that has findings.
    Degraded = 5,
    /// What is there differs from what a file declares, or Security Hub from what it was sent.
    Differs = 6,
}

impl Exit {
    /// Which exit code counts where several are due: the one with the largest number here.
    pub(crate) fn graveness(self) -> u8 {
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

/// An error whose exit code or remedy is known.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What happened, to which integration, Region or file.
    pub(crate) message: String,
    /// What fixes it: the command to type, where there is one.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure without a known remedy.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The same failure with its remedy.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The exit code of an error: its own where it has one.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Failure>().map_or(Exit::Error, |failure| failure.exit)
}

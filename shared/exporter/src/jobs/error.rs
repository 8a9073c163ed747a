//! Why a job was not run, and whether another try helps.

use crate::ports::PortError;
use crate::report::RunReport;
use crate::run::ExportError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// It can't be done, and trying again does not help.
    #[error("{0}")]
    Rejected(String),
    /// Another run works on the account. Worth another try when it is done.
    #[error("{0}")]
    Locked(String),
    /// Something that we rely on did not work, or a defect of ours. Worth another try.
    #[error(transparent)]
    Failed(#[from] ExportError),
}

impl From<PortError> for RunnerError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Why a job was not run.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It can't be, and trying again does not help.
    #[error("{0}")]
    Rejected(String),
    /// A part of it can't be, and trying again does not help.
    #[error("{why}")]
    PartlyRejected {
        /// Which, and how to fix it.
        why: String,
        /// The runs of the rest.
        runs: Vec<RunReport>,
    },
    /// Another run works on the account: the same job is to come a little later.
    #[error("{0}")]
    Locked(String),
    /// A run of it left something to another try.
    #[error("run {run_id} failed: {reasons}")]
    Unfinished {
        /// The run.
        run_id: String,
        /// Why.
        reasons: String,
    },
    /// Something that may pass.
    #[error(transparent)]
    Failed(#[from] ExportError),
}

impl JobError {
    /// Whether trying again does not help.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::PartlyRejected { .. })
    }

    /// The same, with why the job is not continued at once.
    pub(super) fn with_reason(self, ended: &str) -> Self {
        match self {
            Self::Locked(message) => Self::Locked(format!("{message}; {ended}")),
            Self::Unfinished { run_id, reasons } => Self::Unfinished { run_id, reasons: format!("{reasons}; {ended}") },
            error => error,
        }
    }
}

impl From<PortError> for JobError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<RunnerError> for JobError {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Rejected(message) => Self::Rejected(message),
            RunnerError::Locked(message) => Self::Locked(message),
            RunnerError::Failed(error) => Self::Failed(error),
        }
    }
}

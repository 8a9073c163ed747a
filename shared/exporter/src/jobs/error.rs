//! Why a job was not run, and whether a retry can succeed.

use crate::ports::PortError;
use crate::report::RunReport;
use crate::run::ExportError;

/// Why the work of a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The job is rejected, and a retry can't succeed.
    #[error("{0}")]
    Rejected(String),
    /// Another run has the account's lock. A retry can succeed when that run has ended.
    #[error("{0}")]
    Locked(String),
    /// A dependency failed, or the exporter has a defect. A retry can succeed.
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
    /// The job is rejected, and a retry can't succeed.
    #[error("{0}")]
    Rejected(String),
    /// A part of the job is rejected, and a retry can't succeed.
    #[error("{why}")]
    PartlyRejected {
        /// What is rejected, and how to fix it.
        why: String,
        /// The runs of the rest.
        runs: Vec<RunReport>,
    },
    /// Another run has the account's lock: the same job must be delivered again later.
    #[error("{0}")]
    Locked(String),
    /// A run of the job must be retried.
    #[error("run {run_id} failed: {reasons}")]
    Unfinished {
        /// The run.
        run_id: String,
        /// The reasons.
        reasons: String,
    },
    /// A failure that may be transient.
    #[error(transparent)]
    Failed(#[from] ExportError),
}

impl JobError {
    /// Whether a retry can't succeed.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::PartlyRejected { .. })
    }

    /// Returns the error with the reason why the job is not continued at once.
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

//! The outcome of a job, run locally or by the deployment.

use exporter::report::RunReport;

/// The outcome of a job.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Its runs.
    pub(crate) runs: Vec<RunReport>,
    /// Reasons for parts that were not run.
    pub(crate) refused: Vec<String>,
}

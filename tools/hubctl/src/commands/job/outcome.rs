//! What a job did, wherever it was run.

use exporter::report::RunReport;

/// What a job did.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Its runs.
    pub(crate) runs: Vec<RunReport>,
    /// Why a part of it was not run.
    pub(crate) refused: Vec<String>,
}

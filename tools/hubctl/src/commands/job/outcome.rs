//! What an order did, wherever it was carried out.

use exporter::report::RunReport;

/// What an order did.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Its runs.
    pub(crate) runs: Vec<RunReport>,
    /// Why a part of it was not carried out.
    pub(crate) refused: Vec<String>,
}

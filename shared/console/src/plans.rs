//! Plans of files from the operator's disk. The file itself is not kept: to export it, it is chosen again.

use exporter::export::plan::PlanReport;

use crate::fingerprint::Fingerprint;

/// Plans of files that are kept.
pub(crate) const PLANS_MAX: usize = 8;

/// A plan of a file.
#[derive(Debug)]
pub(crate) struct FilePlan {
    /// Name of the file.
    pub(crate) name: String,
    /// Its content. None: it was not read to its end, so it can't be exported.
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) plan: PlanReport,
}

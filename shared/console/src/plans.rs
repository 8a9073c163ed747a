//! Plans of files on the operator's machine. The file is not stored: the operator selects it again to export it.

use exporter::export::plan::PlanReport;

use crate::fingerprint::Fingerprint;

/// Maximum number of plans in memory.
pub(crate) const PLANS_MAX: usize = 8;

/// A plan of a file.
#[derive(Debug)]
pub(crate) struct FilePlan {
    /// Name of the file.
    pub(crate) name: String,
    /// The fingerprint of its content. `None` if the file was not read to its end; it can't be exported then.
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) plan: PlanReport,
}

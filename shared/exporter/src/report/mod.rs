//! Reports: the outcome of every finding of an export. The counts must add up; otherwise the run fails.

mod account;
mod approval;
mod counts;
mod drift;
pub mod history;
mod integration_run;
mod pending;
mod pending_archive;
pub mod pending_findings;
pub mod reasons;
mod run;
mod verdict;

pub use account::{AccountReport, ArchiveSkipped, Changes, PartialScan, RegionReport, Uncovered, Unproven};
pub use counts::{Counts, Fate};
pub use drift::Drift;
pub use history::HistoryEntry;
pub use integration_run::IntegrationRun;
pub use pending::{ARCHIVE_LIMIT, PendingClass, PendingFinding};
pub(crate) use pending_archive::is_far_fewer;
pub use pending_archive::{EarlierResults, PendingArchive, PendingRows, PendingSums, UnusualArchive, UnusualGroup};
pub use reasons::{undelivered, unproven};
pub use run::{MALFORMED, ReadStatus, RunKind, RunReport, RunStatus, RunTrigger};
pub use verdict::NO_FINDINGS;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

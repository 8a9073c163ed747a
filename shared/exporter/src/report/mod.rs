//! What an export did with every finding that it read. The counts must add up; where they do not, the run fails.

mod counts;
mod drift;
mod run;
pub mod undelivered;
mod verdict;

pub use counts::{Counts, Fate};
pub use drift::Drift;
pub use run::{
    AccountReport, ArchiveSkipped, Changes, FileEnd, RegionReport, RunKind, RunReport, RunStatus, UNREADABLE,
    Unavailable,
};

//! The state of the findings as they were last sent: one file for each account and Region. By comparing a scan with it,
//! a run determines which findings are new, changed, due for a refresh, or resolved.
//!
//! AWS asks providers to store the state of their findings. A file has each whole finding as it was sent, when it was
//! first seen, and a hash of its content. It is read as a stream, at most twice: first into an [`Index`] of 58 bytes
//! per finding, and again, entry by entry, while the next file is written.

mod adopt;
mod archive;
mod comparison;
mod file;
mod finding;
mod header;
mod hub_finding;
mod index;
mod pages;
mod region_state;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use adopt::{AdoptError, LAG_MS, Missing, adopt, denied_message};
pub use archive::{Resolution, archived, reactivated, resent};
pub(crate) use archive::{is_archived, status_of};
pub use comparison::{Comparison, Resend, compare};
pub use file::{StateError, StateReader, StateStep, StateWriter};
pub(crate) use finding::{ABSENT_MAX, SCANS_APART_MS, UNARCHIVED, UNATTRIBUTED};
pub use finding::{Entry, FindingKey, FindingMeta, ScanCode, Stored, fingerprint};
pub use header::{AdoptionProgress, Ahead, ArchivedBy, StateHeader, Tail, Trust};
pub(crate) use hub_finding::read_hub_finding;
pub use index::{Index, SeenInScan};
pub(crate) use pages::{Pages, Unread};
pub(crate) use region_state::{RegionState, find_entry};
pub use region_state::{state_key, state_prefix};
pub(crate) use tables::finding_home;

//! What the beginning of a decompressed file shows it to be.

use super::{Columns, Refusal};

/// What the beginning says.
#[derive(Debug)]
pub(super) enum Detected {
    NeedMore,
    Json,
    /// A table with its first row.
    Table(Columns, Vec<u8>),
    Refused(Refusal),
}

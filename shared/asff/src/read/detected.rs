//! What a decompressed file is, according to its beginning.

use super::{Columns, FileRejection};

/// The kind of file.
#[derive(Debug)]
pub(super) enum Detected {
    NeedMore,
    Json,
    /// A CSV file, with its header row.
    Table(Columns, Vec<u8>),
    Rejected(FileRejection),
}

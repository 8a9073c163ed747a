//! The parts into which a splitter splits a file.

use bytes::Bytes;

use super::Ending;
use crate::outcome::Malformed;

/// The next part.
#[derive(Debug)]
pub(super) enum Split {
    NeedMore,
    Entry { offset: u64, bytes: Bytes },
    Malformed(Malformed),
    End(Ending),
}

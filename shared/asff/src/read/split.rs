//! What a splitter cuts out of a file.

use bytes::Bytes;

use super::Ending;
use crate::outcome::Malformed;

/// What the splitter found.
#[derive(Debug)]
pub(super) enum Split {
    NeedMore,
    Entry { offset: u64, bytes: Bytes },
    Malformed(Malformed),
    End(Ending),
}

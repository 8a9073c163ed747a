//! What a splitter cuts out of a file.

use bytes::Bytes;

use super::Ending;
use crate::outcome::Unreadable;

/// What the splitter found.
#[derive(Debug)]
pub(super) enum Split {
    NeedMore,
    Entry { offset: u64, bytes: Bytes },
    Unreadable(Unreadable),
    End(Ending),
}

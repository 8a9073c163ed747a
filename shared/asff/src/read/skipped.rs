//! Damaged parts of a file that are skipped, and what is reported of them.

use super::split::Split;
use super::window::Window;
use crate::outcome::Malformed;
use crate::place::Place;
use crate::traces;

/// Bytes of a damaged entry that are checked for what is reported of it: enough for a finding of usual size.
const BEGINNING_BYTES_MAX: usize = 16 * 1024;

/// What is left out, as it passes by.
#[derive(Debug)]
pub(super) struct Skipped {
    offset: u64,
    length: u64,
    reason: String,
    beginning: Vec<u8>,
}

impl Skipped {
    pub(super) fn begin(window: &Window, reason: impl Into<String>) -> Self {
        Self { offset: window.offset(), length: 0, reason: reason.into(), beginning: Vec::new() }
    }

    /// Whether something of it has passed by.
    pub(super) fn has_passed(&self) -> bool {
        self.length > 0
    }

    pub(super) fn pass(&mut self, window: &mut Window, count: usize) {
        let passed = &window.bytes()[..count];
        let room = BEGINNING_BYTES_MAX - self.beginning.len();
        self.beginning.extend_from_slice(&passed[..passed.len().min(room)]);
        self.length += count as u64;
        window.consume(count);
    }

    /// All of some JSON has passed.
    pub(super) fn end(self) -> Split {
        let excerpt = traces::from_json(&self.beginning);
        self.into_split(excerpt)
    }

    /// All of some rows has passed.
    pub(super) fn end_of_rows(self) -> Split {
        let excerpt = traces::from_row(&self.beginning);
        self.into_split(excerpt)
    }

    fn into_split(self, excerpt: Vec<u8>) -> Split {
        Split::Malformed(Malformed {
            offset: self.offset,
            length: self.length,
            reason: self.reason,
            excerpt: excerpt.into(),
            // Damage may have joined the halves of two entries and lost others in between: nothing of it is certain.
            place: Place::default(),
        })
    }
}

//! Malformed parts of a file that are skipped, and the report about them.

use super::split::Split;
use super::window::Window;
use crate::location::Location;
use crate::outcome::Malformed;
use crate::traces;

/// Number of bytes at the beginning of a malformed entry that are searched for known values: enough for a finding of usual size.
const BEGINNING_BYTES_MAX: usize = 16 * 1024;

/// A part of the file that is being skipped.
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

    /// Whether a part of it was skipped already.
    pub(super) fn has_passed(&self) -> bool {
        self.length > 0
    }

    pub(super) fn pass(&mut self, window: &mut Window, count: usize) {
        let passed = &window.bytes()[..count];
        let remaining = BEGINNING_BYTES_MAX - self.beginning.len();
        self.beginning.extend_from_slice(&passed[..passed.len().min(remaining)]);
        self.length += count as u64;
        window.consume(count);
    }

    /// Ends a skipped part of a JSON file.
    pub(super) fn end(self) -> Split {
        let excerpt = traces::from_json(&self.beginning);
        self.into_split(excerpt)
    }

    /// Ends a skipped part of a CSV file.
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
            // Damage may have joined the halves of two entries and removed others in between: nothing about it is certain.
            location: Location::default(),
        })
    }
}

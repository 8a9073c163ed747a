//! Reads a scan file that comes in pieces: decompresses it, tells its format, cuts it into elements.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::outcome::Unreadable;

/// The bounds of reading, so that no file costs more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of one element; longer ones are skipped and reported.
    pub element_bytes_max: usize,
    /// Objects and arrays within each other.
    pub depth_max: u32,
    /// Bytes of the file after decompression.
    pub decompressed_bytes_max: u64,
    /// Decompressed bytes to one compressed byte, once `ratio_grace_bytes` are out.
    pub ratio_max: u64,
    /// Decompressed bytes before the ratio counts.
    pub ratio_grace_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            element_bytes_max: 4 << 20,
            depth_max: 128,
            decompressed_bytes_max: 20 << 30,
            ratio_max: 200,
            ratio_grace_bytes: 10 << 20,
        }
    }
}

/// The formats that Prowler writes scan results in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanFormat {
    /// OCSF detection findings (class 2004), Prowler 4.1 or later.
    Ocsf,
    /// The AWS Security Finding Format as Prowler writes it.
    Asff,
    /// Prowler's table.
    Csv,
}

impl ScanFormat {
    /// The format's name as settings and reports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Asff => "asff",
            Self::Csv => "csv",
        }
    }
}

/// What a reader has to say next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Feed it, or tell it that the input is at its end.
    NeedInput,
    /// The next element; give it to [`crate::map`].
    Element(Element),
    /// There is no more. Said again when asked again.
    Done(Ending),
}

/// How a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was read to its own end.
    Complete,
    /// It stops in the middle: what came before is good, but findings are missing.
    Truncated {
        /// Where, in the decompressed file.
        offset: u64,
        /// How that showed.
        reason: String,
    },
    /// It is not a scan that we take.
    Refused(Refusal),
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
}

/// One entry of a scan file, cut out but not yet understood. Cheap to copy and to send to another thread.
#[derive(Clone, Debug)]
pub struct Element {
    /// Where it begins in the decompressed file.
    pub offset: u64,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Ocsf(Bytes),
    Unreadable(Unreadable),
}

/// Turns the bytes of a scan file, in pieces of any size, into elements.
#[derive(Debug)]
pub struct ScanReader {
    limits: ReadLimits,
}

impl ScanReader {
    /// A reader of one file.
    #[must_use]
    pub fn new(limits: ReadLimits) -> Self {
        Self { limits }
    }

    /// Takes the next piece of the file as it is stored, compressed or not. Call it on [`Step::NeedInput`].
    pub fn feed(&mut self, chunk: Bytes) {
        drop(chunk);
    }

    /// Says that there is no more.
    pub fn end_of_input(&mut self) {}

    /// What to do next.
    #[expect(
        clippy::should_implement_trait,
        reason = "it asks for input, which an iterator cannot"
    )]
    pub fn next(&mut self) -> Step {
        let _ = self.limits;
        Step::Done(Ending::Refused(Refusal::Empty))
    }

    /// The format, as soon as the content has told it; before the first element of that format comes out.
    #[must_use]
    pub fn format(&self) -> Option<ScanFormat> {
        None
    }
}

impl fmt::Display for ScanFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

//! Reads a scan file in chunks: decompresses it, detects its format, and splits it into elements.
//!
//! The reader does no I/O: the caller feeds bytes and asks what to do next. Memory is bounded by [`ReadLimits`] for every file,
//! and a malformed element doesn't affect the elements around it.

mod buffer;
mod columns;
mod decompress;
mod detected;
mod ending;
mod json;
mod probe;
mod reader;
mod resync;
mod rows;
mod skipped;
mod sniff;
mod split;
pub(crate) mod spreadsheet;
mod table_head;
mod tag_keys;
mod value;
mod window;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub(crate) use columns::{Column, Columns, Row};
pub use ending::{Ending, FileRejection};
pub(crate) use probe::major_minor;
pub use reader::{ScanReader, Step};
pub(crate) use tag_keys::TagKeys;

use crate::outcome::Malformed;

/// The byte order mark that some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The limits of reading a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Maximum size of an element in bytes; larger ones are skipped and reported. Real ones have 3 to 10 KB, or some hundred KB
    /// with a large policy or user data.
    pub element_bytes_max: usize,
    /// Maximum size of the decompressed file in bytes. A million findings are about 8 GB.
    pub decompressed_bytes_max: u64,
    /// Maximum gzip compression ratio, which applies after `ratio_grace_bytes`. Real scans reach 40, one check on 20,000
    /// resources 80; decompression bombs have 1,000.
    pub gzip_ratio_max: u64,
    /// Maximum zstd compression ratio. It is higher, since zstd uses a larger window: one check on 20,000 resources reaches 610,
    /// bombs 20,000.
    pub zstd_ratio_max: u64,
    /// Decompressed bytes up to which the ratio is not checked.
    pub ratio_grace_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            element_bytes_max: 4 << 20,
            decompressed_bytes_max: 20 << 30,
            gzip_ratio_max: 500,
            zstd_ratio_max: 5_000,
            ratio_grace_bytes: 64 << 20,
        }
    }
}

/// The formats that Prowler writes scan results in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Format))]
#[serde(rename_all = "snake_case")]
pub enum ScanFormat {
    /// OCSF detection findings (class 2004), Prowler 4.1 or later.
    Ocsf,
    /// The AWS Security Finding Format as Prowler writes it.
    Asff,
    /// Prowler's CSV file.
    Csv,
}

impl ScanFormat {
    /// The format's name in settings and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Asff => "asff",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for ScanFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The compression of a file, detected from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not compressed.
    Plain,
    /// gzip, with one or more members.
    Gzip,
    /// zstd, with one or more frames.
    Zstd,
}

/// One entry of a scan file, not parsed yet. Cheap to clone and to send to another thread.
#[derive(Clone, Debug)]
pub struct Element {
    /// The offset of the element in the decompressed file.
    pub offset: u64,
    pub(crate) content: Content,
}

impl Element {
    /// The number of bytes that it keeps in memory.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        match &self.content {
            Content::Json { bytes, .. } | Content::Row { bytes, .. } => bytes.len(),
            Content::Malformed(malformed) => malformed.excerpt.len(),
            Content::Foreign(_) => 0,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// One JSON object with balanced brackets, which may be invalid otherwise.
    Json { bytes: Bytes, format: ScanFormat, keys: TagKeys },
    /// One row of a CSV file, without its line break.
    Row { bytes: Bytes, columns: Arc<Columns> },
    /// A finding of this other product, before the first finding of Prowler's.
    Foreign(Arc<str>),
    /// A part of the file that is not a complete entry.
    Malformed(Malformed),
}

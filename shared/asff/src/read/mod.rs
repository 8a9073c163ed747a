//! Reads a scan file that comes in pieces: decompresses it, tells its format, cuts it into elements.
//!
//! No IO: the caller feeds bytes and asks what to do next. Memory is bounded by [`ReadLimits`], whatever the file holds, and
//! one broken element never costs the ones around it.

mod columns;
mod decompress;
mod detected;
mod ending;
mod held;
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
pub use ending::{Ending, Refusal};
pub(crate) use probe::major_minor;
pub use reader::{ScanReader, Step};
pub(crate) use tag_keys::TagKeys;

use crate::outcome::Malformed;

/// The mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bounds of reading, so that no file costs more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of one element; longer ones are skipped and reported. Genuine ones have 3 to 10 KB, with a large policy or
    /// user data in them some hundred.
    pub element_bytes_max: usize,
    /// Bytes of the whole file after decompression. A million findings are about 8 GB.
    pub decompressed_bytes_max: u64,
    /// Decompressed bytes to one compressed byte in gzip, once `ratio_grace_bytes` are out. Genuine scans reach 40, one check on
    /// twenty thousand resources 80; bombs have 1,000.
    pub gzip_ratio_max: u64,
    /// The same in zstd, which remembers more: one check on twenty thousand resources reaches 610, bombs 20,000.
    pub zstd_ratio_max: u64,
    /// Decompressed bytes before the ratio counts.
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

impl fmt::Display for ScanFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// How the file is compressed, detected from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
}

/// One entry of a scan file, cut out but not yet understood. Cheap to copy and to send to another thread.
#[derive(Clone, Debug)]
pub struct Element {
    /// Where it begins in the decompressed file.
    pub offset: u64,
    pub(crate) content: Content,
}

impl Element {
    /// Bytes that it keeps in memory.
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
    /// One JSON object, balanced; whether it parses is not known yet.
    Json { bytes: Bytes, format: ScanFormat, keys: TagKeys },
    /// One row of a table, without the end of its line.
    Row { bytes: Bytes, columns: Arc<Columns> },
    /// A finding of another product, by its name, which stood before the first of Prowler's.
    Foreign(Arc<str>),
    /// What could not even be cut out.
    Malformed(Malformed),
}

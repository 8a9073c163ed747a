//! How the reading of a file ends, in words that a user can act on.

use super::ScanFormat;

/// How a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was read to its own end.
    Complete,
    /// It stops in the middle: what came before is good, but findings are missing.
    Truncated {
        /// Where it stops, in the decompressed file.
        offset: u64,
        /// How that showed.
        reason: String,
    },
    /// It is not a scan that we take, or not one that is safe to read.
    Refused(Refusal),
}

/// Why a file is not taken. The text says what the file is and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Written by a Prowler whose outputs have another shape.
    #[error(
        "the file was written by Prowler {}, whose {format} output cannot be exported; scan with Prowler 4.1 or later",
        version.as_deref().unwrap_or("3")
    )]
    OldProwler {
        /// The version, where the file names it.
        version: Option<String>,
        /// What kind of output it is.
        format: &'static str,
    },
    /// A report on a compliance framework, whose entries only look like findings.
    #[error(
        "the file is a compliance report, not a scan result; upload the file of the same scan that lies outside the folder compliance/"
    )]
    Compliance,
    /// Prowler's page for people.
    #[error("the file is an HTML page; upload the scan's .ocsf.json, .asff.json or .csv file instead")]
    Html,
    /// OCSF, but not detection findings.
    #[error("the file holds OCSF events of class {class_uid}, not Prowler's detection findings (class 2004)")]
    OtherOcsfClass {
        /// The class of the first event.
        class_uid: u64,
    },
    /// Findings of another product.
    #[error("the file holds findings of {product}, not Prowler's")]
    OtherProduct {
        /// The product of the first finding.
        product: String,
    },
    /// JSON, but nothing of Prowler's.
    #[error("the file is JSON, but its first entries are not Prowler findings: {why}")]
    NotProwler {
        /// What the first entry lacks.
        why: String,
    },
    /// A table, but not Prowler's.
    #[error("the file is a table, but not Prowler's: {why}")]
    NotProwlerTable {
        /// What its first row lacks.
        why: String,
    },
    /// Prowler's table, but as another program saved it again, so that cells are lost or changed.
    #[error(
        "the file is Prowler's table, but another program saved it again: {what}; upload the file as Prowler wrote it, or the .ocsf.json file of the same scan"
    )]
    SavedAgain {
        /// What is lost or changed, and by what.
        what: String,
    },
    /// Something else.
    #[error(
        "the file is {what}, not a scan result; upload the scan's .ocsf.json, .asff.json or .csv file, plain or compressed by gzip or zstd"
    )]
    UnknownContent {
        /// What it looks like.
        what: &'static str,
    },
    /// It grows too much when decompressed.
    #[error(
        "the file grows more than {ratio_max} times when decompressed ({compressed_bytes} bytes became more than {decompressed_bytes}), as no scan does"
    )]
    Bomb {
        /// The bound that was passed.
        ratio_max: u64,
        /// Compressed bytes read.
        compressed_bytes: u64,
        /// Bytes that came out.
        decompressed_bytes: u64,
    },
    /// It is larger than we read.
    #[error("the file has more than {bytes_max} bytes when decompressed, the largest that is read")]
    TooLarge {
        /// The bound that was passed.
        bytes_max: u64,
    },
    /// It wants more memory for decompression than we give.
    #[error("the file is compressed by zstd with a window above {} MiB; compress it with a level of 19 or lower, and without --long", window_bytes_max >> 20)]
    Window {
        /// The largest window that is taken.
        window_bytes_max: u64,
    },
}

impl Refusal {
    /// The reason in a word, as reports count it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::OldProwler { .. } => "old_prowler",
            Self::Compliance => "compliance",
            Self::Html => "html",
            Self::OtherOcsfClass { .. } => "other_ocsf_class",
            Self::OtherProduct { .. } => "other_product",
            Self::NotProwler { .. } => "not_prowler",
            Self::NotProwlerTable { .. } => "not_prowler_table",
            Self::SavedAgain { .. } => "saved_again",
            Self::UnknownContent { .. } => "unknown_content",
            Self::Bomb { .. } => "bomb",
            Self::TooLarge { .. } => "too_large",
            Self::Window { .. } => "window",
        }
    }

    /// An output of a Prowler that is too old.
    pub(super) fn old(version: Option<String>, format: ScanFormat) -> Self {
        let format = match format {
            ScanFormat::Ocsf => "OCSF",
            ScanFormat::Asff => "ASFF",
            ScanFormat::Csv => "CSV",
        };
        Self::OldProwler { version, format }
    }
}

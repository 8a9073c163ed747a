//! How the reading of a file ends, with messages that users can act on.

use super::ScanFormat;

/// How a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The file was read to its end.
    Complete,
    /// The file is truncated: the findings before that point are valid, others are missing.
    Truncated {
        /// The offset at which the decompressed file ends.
        offset: u64,
        /// The sign of truncation.
        reason: String,
    },
    /// The file is not a supported scan, or is not safe to read.
    Rejected(FileRejection),
}

/// Why a file is rejected. The message states what the file is, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileRejection {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file was written by a version of Prowler whose outputs have another format.
    #[error(
        "the file was written by Prowler {}, whose {format} output cannot be exported; scan with Prowler 4.1 or later",
        version.as_deref().unwrap_or("3")
    )]
    OldProwler {
        /// The version, if the file contains it.
        version: Option<String>,
        /// The kind of output.
        format: &'static str,
    },
    /// The file is a report on a compliance framework, whose entries only look like findings.
    #[error(
        "the file is a compliance report, not a scan result; upload the scan result of the same scan, which is outside \
         the directory compliance/"
    )]
    Compliance,
    /// The file is Prowler's HTML report.
    #[error("the file is an HTML page; upload the scan's .ocsf.json, .asff.json, or .csv file instead")]
    Html,
    /// The file is OCSF, but its events are not detection findings.
    #[error("the file contains OCSF events of class {class_uid}, not Prowler's detection findings (class 2004)")]
    OtherOcsfClass {
        /// The class of the first event.
        class_uid: u64,
    },
    /// The file has findings of another product.
    #[error("the file contains findings of {product}, not of Prowler")]
    OtherProduct {
        /// The product of the first finding.
        product: String,
    },
    /// The file is JSON, but not from Prowler.
    #[error("the file is JSON, but its first entries are not Prowler findings: {why}")]
    NotProwler {
        /// What the first entries lack.
        why: String,
    },
    /// The file is CSV, but not Prowler's.
    #[error("the file is CSV, but not a scan result of Prowler: {why}")]
    NotProwlerTable {
        /// What the header row lacks.
        why: String,
    },
    /// The file is Prowler's CSV file, but another program saved it again, so that cells are lost or changed.
    #[error(
        "the file is a CSV file of Prowler, but another program saved it again: {what}; upload the original file, or \
         the .ocsf.json file of the same scan"
    )]
    SavedAgain {
        /// The lost or changed values, and the program that changed them.
        what: String,
    },
    /// The file is anything else.
    #[error(
        "the file is {what}, not a scan result; upload the scan's .ocsf.json, .asff.json, or .csv file, uncompressed or \
         compressed with gzip or zstd"
    )]
    UnknownContent {
        /// The kind of file.
        what: &'static str,
    },
    /// The file grows too much when it is decompressed.
    #[error(
        "the file's compression ratio exceeds {ratio_max}, which no scan reaches ({compressed_bytes} bytes became more \
         than {decompressed_bytes})"
    )]
    Bomb {
        /// The limit that was exceeded.
        ratio_max: u64,
        /// Compressed bytes read.
        compressed_bytes: u64,
        /// Decompressed bytes.
        decompressed_bytes: u64,
    },
    /// The file exceeds the size limit.
    #[error("the file exceeds the limit of {bytes_max} bytes after decompression")]
    TooLarge {
        /// The limit that was exceeded.
        bytes_max: u64,
    },
    /// Decompression would need more memory than is allowed.
    #[error("the file is compressed with zstd and a window above {} MiB; compress it at level 19 or lower, without \
        --long", window_bytes_max >> 20)]
    Window {
        /// The largest allowed window.
        window_bytes_max: u64,
    },
}

impl FileRejection {
    /// The reason's name, under which reports count it.
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

    /// The rejection of an output from an unsupported old version of Prowler.
    pub(super) fn old(version: Option<String>, format: ScanFormat) -> Self {
        let format = match format {
            ScanFormat::Ocsf => "OCSF",
            ScanFormat::Asff => "ASFF",
            ScanFormat::Csv => "CSV",
        };
        Self::OldProwler { version, format }
    }
}

//! The outcome of an element of a scan file. Invalid input is a value, never an error.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, SeverityLabel, Stamped, Stamps, Status};
use crate::limits::FINDING_BYTES_MAX;
use crate::location::Location;
use crate::manual::Manual;
use crate::{AccountId, CheckId, Partition, RegionName, ResourceHash};

/// The outcome of mapping an element.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A finding that can be sent.
    Finding(Box<Mapped>),
    /// A finding that never goes to Security Hub.
    Skipped(Skip),
    /// An element that can't be parsed.
    Malformed(Malformed),
    /// A finding that Security Hub would reject, or that may be wrong.
    Quarantined(Box<Quarantined>),
}

/// A finding within the limits, with the data that determines where it is sent.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The finding to send.
    pub finding: Finding,
    /// The check.
    pub check_id: CheckId,
    /// The account of the finding.
    pub account: AccountId,
    /// The partition of that account.
    pub partition: Partition,
    /// The Region whose Security Hub the finding belongs to.
    pub region: RegionName,
    /// The status to send; WARNING if the finding is muted.
    pub status: Status,
    /// The result before muting. `None` for muted findings in ASFF files, which don't contain it.
    pub raw_status: Option<RawStatus>,
    /// Whether the finding is muted in Prowler.
    pub muted: bool,
    /// The severity.
    pub severity: SeverityLabel,
    /// The scan time, which is the same or nearly the same for all findings of one scan.
    pub scanned_at: Timestamp,
    /// Distinguishes resources that have the same short hash in the ID.
    pub resource_hash: ResourceHash,
    /// Values that were shortened or dropped to satisfy Security Hub's limits; empty for almost all findings.
    pub repairs: Vec<Repair>,
    /// The offset of the element in the decompressed file.
    pub offset: u64,
}

impl Mapped {
    /// The finding as JSON, ready to be sent.
    ///
    /// # Errors
    ///
    /// If the finding exceeds Security Hub's limit.
    pub fn encode(&self, stamps: &Stamps) -> Result<Vec<u8>, TooLarge> {
        let mut json = Vec::with_capacity(ENCODED_BYTES_USUAL);
        let stamped = Stamped { finding: &self.finding, stamps };
        if serde_json::to_writer(&mut json, &stamped).is_err() || json.len() > FINDING_BYTES_MAX {
            return Err(TooLarge { bytes: json.len() });
        }
        Ok(json)
    }

    /// The finding as JSON, even if it exceeds Security Hub's limit.
    #[must_use]
    pub fn encode_whole(&self, stamps: &Stamps) -> Vec<u8> {
        // Writing JSON to memory can't fail for these types.
        serde_json::to_vec(&Stamped { finding: &self.finding, stamps }).unwrap_or_default()
    }

    /// The stamps of a finding that was never sent before, as Prowler sets them: all times are the scan time.
    #[must_use]
    pub fn first_stamps(&self) -> Stamps {
        Stamps {
            record_state: crate::finding::RecordState::Active,
            first_observed_at: self.scanned_at,
            updated_at: self.scanned_at,
        }
    }
}

/// Initial capacity for an encoded finding in bytes; real findings have 1.5 to 3.5 KB.
const ENCODED_BYTES_USUAL: usize = 4096;

/// The error for a finding that exceeds Security Hub's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the finding has {bytes} bytes; Security Hub accepts at most {FINDING_BYTES_MAX}")]
pub struct TooLarge {
    /// The size of the finding in bytes.
    pub bytes: usize,
}

/// The outcome of a check before muting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RawStatus {
    /// The check passed.
    Pass,
    /// The check failed.
    Fail,
}

/// Why a finding is never sent to Security Hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The check requires a manual verdict; Security Hub has no status for that. The finding may have been sent while the check
    /// had a verdict, and what the check could not examine must not be archived for being absent.
    Manual(Box<Manual>),
    /// The finding is about another cloud.
    NotAws {
        /// Prowler's name of that cloud.
        provider: String,
    },
    /// Another product made the finding.
    OtherProduct {
        /// That product's name.
        product: String,
    },
}

impl Skip {
    /// The reason's name, under which reports count it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Manual(_) => "manual",
            Self::NotAws { .. } => "not_aws",
            Self::OtherProduct { .. } => "other_product",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual(_) => formatter.write_str("manual check: Security Hub has no status for it"),
            Self::NotAws { provider } => write!(formatter, "finding of {provider}, not of AWS"),
            Self::OtherProduct { product } => write!(formatter, "finding of {product}, not of Prowler"),
        }
    }
}

/// An element of the file that can't be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The offset of the element in the decompressed file.
    pub offset: u64,
    /// The length of the element in bytes of the decompressed file.
    pub length: u64,
    /// The problem, for users.
    pub reason: String,
    /// The values of a known format in the first 16 KiB of the element, and nothing else.
    pub excerpt: Bytes,
    /// The account, Region, and check of the element, if they are certain in spite of the damage.
    pub location: Location,
}

/// A quarantined finding, with the data that a user needs to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The reason as a code.
    pub code: QuarantineCode,
    /// The reason, for users.
    pub message: String,
    /// The offset of the element in the decompressed file.
    pub offset: u64,
    /// The element's known fields as JSON, and nothing else, so that it can be mapped again.
    pub element: Bytes,
    /// The account, if it could be read.
    pub account: Option<AccountId>,
    /// The Region, if it could be read.
    pub region: Option<RegionName>,
    /// The check, if it could be read.
    pub check_id: Option<CheckId>,
}

impl Quarantined {
    /// The account, Region, and check of the finding. If the entry contradicts itself about the Region, the Region is not
    /// certain.
    #[must_use]
    pub fn location(&self) -> Location {
        let uncertain = matches!(
            self.code,
            QuarantineCode::UnknownRegion | QuarantineCode::PartitionMismatch | QuarantineCode::UnknownPartition
        );
        let region = self.region.filter(|_| !uncertain);
        Location { account: self.account, region, check_id: self.check_id.clone() }
    }
}

macro_rules! codes {
    ($(#[$head:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$head])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The code in the spelling of reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a finding is quarantined.
    QuarantineCode {
        /// A required field is missing or empty, and has no default.
        MissingField => "missing_field",
        /// A field has an invalid value or type.
        InvalidField => "invalid_field",
        /// The account is not 12 digits.
        InvalidAccount => "invalid_account",
        /// Findings can't be sent to this partition.
        UnknownPartition => "unknown_partition",
        /// The Region belongs to no known partition.
        UnknownRegion => "unknown_region",
        /// The Region belongs to another partition than the finding states.
        PartitionMismatch => "partition_mismatch",
        /// The entry is of another kind than the rest of the scan.
        NotAScanResult => "not_a_scan_result",
        /// The finding exceeds Security Hub's limit even after all texts are shortened.
        TooLarge => "too_large",
    }
}

/// A change that brings a finding within Security Hub's limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repair {
    /// The ASFF field.
    pub field: &'static str,
    /// The change.
    pub what: Cow<'static, str>,
}

impl fmt::Display for Repair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.what)
    }
}

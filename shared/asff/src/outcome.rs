//! What becomes of an element of a scan file. Bad input is a value here, never an error.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, SeverityLabel, Stamped, Stamps, Status};
use crate::limits::FINDING_BYTES_MAX;
use crate::manual::Manual;
use crate::place::Place;
use crate::{AccountId, CheckId, Partition, RegionName, ResourceHash};

/// What an element of a scan turned out to be.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A finding that can be sent.
    Finding(Box<Mapped>),
    /// A finding that never goes to Security Hub.
    Skipped(Skip),
    /// Not a finding that can be read at all.
    Malformed(Malformed),
    /// A finding that the service would reject or that could be wrong.
    Quarantined(Box<Quarantined>),
}

/// A finding within the limits, and what decides where it goes.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// What is sent.
    pub finding: Finding,
    /// The check that made it.
    pub check_id: CheckId,
    /// The account that it is about.
    pub account: AccountId,
    /// The partition of that account.
    pub partition: Partition,
    /// The Region whose Security Hub it belongs to.
    pub region: RegionName,
    /// The outcome that is sent; WARNING if muted.
    pub status: Status,
    /// The outcome before muting. ASFF files do not tell it of muted findings: `None`.
    pub raw_status: Option<RawStatus>,
    /// Muted in Prowler.
    pub muted: bool,
    /// How bad it is.
    pub severity: SeverityLabel,
    /// When the scan made it: the same for all findings of one scan, or nearly.
    pub scanned_at: Timestamp,
    /// Tells resources apart where the short hash in the Id does not.
    pub resource_hash: ResourceHash,
    /// What was cut or left out to keep the service's limits; empty for nearly all.
    pub repairs: Vec<Repair>,
    /// Where the element began in the decompressed file.
    pub offset: u64,
}

impl Mapped {
    /// The finding as JSON, ready to be sent.
    ///
    /// # Errors
    ///
    /// When it is larger than the service takes.
    pub fn encode(&self, stamps: &Stamps) -> Result<Vec<u8>, TooLarge> {
        let mut json = Vec::with_capacity(ENCODED_BYTES_USUAL);
        let stamped = Stamped { finding: &self.finding, stamps };
        if serde_json::to_writer(&mut json, &stamped).is_err() || json.len() > FINDING_BYTES_MAX {
            return Err(TooLarge { bytes: json.len() });
        }
        Ok(json)
    }

    /// The finding as JSON, also where the service would not take it for its size.
    #[must_use]
    pub fn encode_whole(&self, stamps: &Stamps) -> Vec<u8> {
        // Writing JSON to memory does not fail for these types.
        serde_json::to_vec(&Stamped { finding: &self.finding, stamps }).unwrap_or_default()
    }

    /// The stamps of a finding that was never sent before, as Prowler would set them: all of the scan's time.
    #[must_use]
    pub fn first_stamps(&self) -> Stamps {
        Stamps {
            record_state: crate::finding::RecordState::Active,
            first_observed_at: self.scanned_at,
            updated_at: self.scanned_at,
        }
    }
}

/// Bytes to set aside for one encoded finding; genuine ones have 1.5 to 3.5 KB.
const ENCODED_BYTES_USUAL: usize = 4096;

/// A finding that is larger than the service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the finding has {bytes} bytes, Security Hub takes at most {FINDING_BYTES_MAX}")]
pub struct TooLarge {
    /// Its size.
    pub bytes: usize,
}

/// The outcome of a check before muting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RawStatus {
    /// All is well.
    Pass,
    /// It is not.
    Fail,
}

/// Why a finding never goes to Security Hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The check wants a user to look; the service has no status for it. The finding may have been sent when the check had
    /// a verdict, and what the check could not look at may be no reason to archive anything.
    Manual(Box<Manual>),
    /// It is about another cloud.
    NotAws {
        /// Prowler's name of that cloud.
        provider: String,
    },
    /// Another product made it.
    OtherProduct {
        /// That product's name.
        product: String,
    },
}

impl Skip {
    /// The reason in a word, as reports count it.
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
            Self::Manual(_) => formatter.write_str("manual check, which Security Hub has no status for"),
            Self::NotAws { provider } => write!(formatter, "finding of {provider}, not of AWS"),
            Self::OtherProduct { product } => write!(formatter, "finding of {product}, not of Prowler"),
        }
    }
}

/// Something in the file that is not a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where it begins in the decompressed file.
    pub offset: u64,
    /// How many bytes of the file it takes.
    pub length: u64,
    /// What is wrong, for a user.
    pub reason: String,
    /// What it tells of itself in its first 16 KiB: fields and cells of a known form, and nothing else of it.
    pub excerpt: Bytes,
    /// Where it belongs, if that is certain in spite of the damage.
    pub place: Place,
}

/// A finding that is filtered, with what a user needs to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Why, in a word.
    pub code: QuarantineCode,
    /// Why, for a user.
    pub message: String,
    /// Where it begins in the decompressed file.
    pub offset: u64,
    /// The element's known fields and nothing else, as JSON, so that it can be mapped again.
    pub element: Bytes,
    /// The account, where it could be read.
    pub account: Option<AccountId>,
    /// The Region, where it could be read.
    pub region: Option<RegionName>,
    /// The check, where it could be read.
    pub check_id: Option<CheckId>,
}

impl Quarantined {
    /// Where it belongs. The Region of an entry that contradicts itself about the Region is not certain.
    #[must_use]
    pub fn place(&self) -> Place {
        let uncertain = matches!(
            self.code,
            QuarantineCode::UnknownRegion | QuarantineCode::PartitionMismatch | QuarantineCode::UnknownPartition
        );
        let region = self.region.filter(|_| !uncertain);
        Place { account: self.account, region, check_id: self.check_id.clone() }
    }
}

macro_rules! codes {
    ($(#[$head:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$head])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The code as reports spell it.
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
    /// Why a finding is filtered.
    QuarantineCode {
        /// A field that nothing can stand in for is missing or empty.
        MissingField => "missing_field",
        /// A field has a value or type that it cannot have.
        InvalidField => "invalid_field",
        /// The account is not twelve digits.
        InvalidAccount => "invalid_account",
        /// The partition is none that we send to.
        UnknownPartition => "unknown_partition",
        /// The Region is in no partition that we know.
        UnknownRegion => "unknown_region",
        /// The Region is of another partition than the finding says.
        PartitionMismatch => "partition_mismatch",
        /// The entry is of another kind than the scan around it.
        NotAScanResult => "not_a_scan_result",
        /// Larger than the service takes, whatever is cut.
        TooLarge => "too_large",
    }
}

/// A change that keeps a finding within the service's limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repair {
    /// The ASFF field.
    pub field: &'static str,
    /// What was done to it.
    pub what: Cow<'static, str>,
}

impl fmt::Display for Repair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.what)
    }
}

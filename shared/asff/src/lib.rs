//! Reads Prowler scan results and maps them to the AWS Security Finding Format.
//!
//! Pure: bytes go in, values come out. No clock, no network, no files, no environment, no threads. Bad input is a value,
//! never a panic, and memory does not grow with the file.
//!
//! The straight line: [`ScanReader`] takes the file in pieces and gives [`Element`]s; [`map`] makes an [`Outcome`] of each;
//! [`Identities`] tells the findings of the file apart; [`Mapped::encode`] writes what is sent.

mod finding;
mod identity;
mod ids;
pub mod limits;
mod map;
mod outcome;
mod partition;
mod read;
mod redact;
mod regions;

pub use finding::{
    Compliance, Finding, FindingProviderFields, Pairs, Recommendation, RecordState, Remediation, Resource,
    SCHEMA_VERSION, Severity, SeverityLabel, Stamps, Standard, Status,
};
pub use identity::{Identities, Identity};
pub use ids::{AccountId, CheckId, FindingId, InvalidName, RegionName};
pub use map::map;
pub use outcome::{
    Mapped, Outcome, QuarantineCode, Quarantined, RawStatus, Repair, ResourceHash, Skip, TooLarge, Unreadable,
};
pub use partition::{Partition, UnknownPartition};
pub use read::{Compression, Element, Ending, ReadLimits, Refusal, ScanFormat, ScanReader, Step};
pub use regions::{Availability, Region, Regions};

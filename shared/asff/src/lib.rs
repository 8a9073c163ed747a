//! Reads Prowler scan results and maps them to the AWS Security Finding Format.
//!
//! The crate is pure: bytes are fed in, values are returned. It uses no clock, network, files, environment, or threads.
//! Invalid input results in a value, never in a panic, and memory usage doesn't depend on the size of the file.
//!
//! The data flow: [`ScanReader`] is fed chunks of the file and returns [`Element`]s; [`map`] converts each element to an
//! [`Outcome`]; [`Deduplicator`] deduplicates the findings of the file; [`Mapped::encode`] serializes a finding for Security
//! Hub.
//!
//! ```
//! use asff::{Deduplicator, Identity, Outcome, ReadLimits, Regions, ScanReader, Step, map};
//!
//! let (regions, mut deduplicator) = (Regions::known(), Deduplicator::new());
//! let file = r#"[{"class_uid": 2004, "metadata": {"product": {"name": "Prowler"}}, "status_code": "MANUAL"}]"#;
//! let mut pieces = file.as_bytes().chunks(7);
//! let mut reader = ScanReader::new(ReadLimits::default());
//! let ending = loop {
//!     match reader.next() {
//!         Step::NeedInput => match pieces.next() {
//!             Some(piece) => reader.feed(piece.into()),
//!             None => reader.end_of_input(),
//!         },
//!         Step::Element(element) => match map(&element, &regions) {
//!             Outcome::Finding(mut mapped) => match deduplicator.deduplicate(&mut mapped) {
//!                 Identity::Duplicate => println!("{} is there already", mapped.finding.id),
//!                 _ => println!("{:?}", mapped.encode(&mapped.first_stamps())),
//!             },
//!             other => println!("{other:?}"),
//!         },
//!         Step::Done(ending) => break ending,
//!     }
//! };
//! assert_eq!(ending, asff::Ending::Complete);
//! ```

mod content;
mod finding;
mod identity;
mod ids;
pub mod limits;
mod location;
mod manual;
mod map;
#[cfg(feature = "openapi")]
mod openapi;
mod outcome;
mod partition;
mod read;
mod redact;
mod regions;
mod resource_tags;
mod traces;

pub use finding::{
    Compliance, Finding, FindingProviderFields, Pairs, Recommendation, RecordState, Remediation, Resource,
    SCHEMA_VERSION, Severity, SeverityLabel, Stamps, Standard, Status,
};
pub use identity::{Deduplicator, Identity};
pub use ids::{AccountId, CheckId, FindingId, InvalidName, RegionName, ResourceHash};
pub use location::Location;
pub use manual::{Manual, ManualSubject, Unsent};
pub use map::{map, map_again, map_asff};
pub use outcome::{Malformed, Mapped, Outcome, QuarantineCode, Quarantined, RawStatus, Repair, Skip, TooLarge};
pub use partition::{Partition, UnknownPartition};
pub use read::{Compression, Element, Ending, FileRejection, ReadLimits, ScanFormat, ScanReader, Step};
pub use regions::{Availability, Region, Regions};

//! The ports in memory, for tests and for programs that run without AWS. They are only compiled with the feature `testing`,
//! which only dev-dependencies enable: no function and no release of hubctl contains them.
//!
//! [`InMemory`] implements every port of this crate. Its parts can be used and replaced independently:
//!
//! | Part | Purpose |
//! | --- | --- |
//! | [`Contents`] | the contents of the table, the state bucket, the queue, the event bus, and Secrets Manager; tests read
//! and write them directly |
//! | [`FakeHubs`] | Security Hub with the documented rules, or with a rule of the test. Any other
//! [`Hubs`](crate::ports::Hubs) can replace it |
//! | [`Faults`] | calls that fail, lose their response, or never return, and changes by concurrent writers |
//! | [`Lifetime`] | one run, which can be killed at any of its calls |
//! | [`TestClock`] | the wall clock, a fixed time, or tokio's clock, which a test can pause |
//!
//! Like the adapters for AWS, it has the guarantees that the ports document: conditional writes, locks, whole objects, and
//! pages. It doesn't model what an export should do: tests compare it with their own oracle, such as the simulation's.

mod checks;
mod contents;
mod faults;
mod hub;
mod hub_contents;
mod hub_rules;
mod jobs;
mod lifetime;
mod locks;
mod memory;
mod notifications;
mod objects;
mod pages;
mod recorded_runs;
mod runs;
mod settings_store;
mod stored;
#[cfg(test)]
mod tests;

pub use self::contents::{Contents, SentMessages, TestClock, TestedConnections};
pub use self::faults::{Effect, Fault, Faults, Operation};
pub use self::hub::{FakeHub, FakeHubs};
pub use self::hub_contents::{HubContents, ImportCall};
pub use self::lifetime::Lifetime;
pub use self::memory::InMemory;
pub use self::objects::InMemoryWriter;
pub use self::pages::newest_first;
pub use self::recorded_runs::RecordedRuns;
pub use self::stored::{AccountLock, StoredUpload, UploadLock};

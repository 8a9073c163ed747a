//! The ports in memory, for tests and for programs that run without AWS. Only the feature `testing` has it, which only
//! dev-dependencies enable: no function and no release of hubctl contains it.
//!
//! [`InMemory`] implements every port of this crate. Its parts can be used and replaced one by one:
//!
//! | Part | What it is |
//! | --- | --- |
//! | [`Contents`] | what the table, the state bucket, the queue, the event bus, and Secrets Manager hold; tests read and write it directly |
//! | [`FakeHubs`] | Security Hub: either the documented rules, or a rule of the test's own. Any other [`Hubs`](crate::ports::Hubs) can take its place |
//! | [`Faults`] | calls that fail, lose their response, or never return, and changes that another writer makes first |
//! | [`Lifetime`] | one run: it can be killed at any of its calls |
//! | [`TestClock`] | the time: the wall clock's, a fixed one, or tokio's, which a test can pause |
//!
//! It gives the promises that the ports state, as the adapters for AWS do: conditional writes, locks, whole objects, and pages.
//! It is no model of what an export should do: tests compare it with an oracle of their own, such as the simulation's.

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
pub use self::stored::{AccountLock, StoredUpload, UploadLock};

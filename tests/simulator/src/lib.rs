//! Simulates Security Hub and STS according to their documented rules, as a library and as a server.
//!
//! The simulator is the oracle of the tests, so it depends on no other crate of this workspace and on no SDK. README.md documents
//! its rules, and where its behavior is a choice. A test creates a [`Simulator`] from a [`Config`], and either calls it directly
//! or starts a server with [`serve`](Simulator::serve) and uses its URL as an SDK's endpoint.

mod arn;
mod bucket;
mod call;
mod clock;
mod config;
mod context;
mod done;
mod faults;
mod findings;
mod get_findings;
mod hub;
mod identity;
mod import;
mod limits;
mod operation;
mod products;
mod records;
mod regions;
mod response;
mod server;
mod simulator;
mod sts;
mod summary;
mod update;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use call::Input;
pub use clock::Clock;
pub use config::{
    AccessKey, AccountConfig, Aggregator, Config, Deny, Deviation, HubOffImport, Organization, Rate, Rates,
    RegionConfig, RoleConfig, Rules, ThrottleError,
};
pub use faults::{Effect, Fault, FaultStatus};
pub use findings::Write;
pub use identity::Caller;
pub use operation::Operation;
pub use records::{Call, Imported, Tally};
pub use response::Response;
pub use server::Server;
pub use simulator::Simulator;
pub use summary::RegionSummary;

/// Locks a mutex. If a thread panicked while it had the lock, for example in a test, the other threads continue.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

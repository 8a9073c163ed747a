//! A Security Hub and an STS that obey the real ones' rules, as a library and as a server.
//!
//! It is the oracle of the tests, so it depends on nothing of this project and knows no SDK. What it obeys, and where its
//! behavior is a choice, stands in README.md. A test builds a [`Config`], makes a [`Simulator`] of it, and either calls that
//! directly or lets it [`serve`](Simulator::serve) and points an SDK at the address.

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

/// Locks; a thread that panicked while it held the lock, a test's say, does not take the others down.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

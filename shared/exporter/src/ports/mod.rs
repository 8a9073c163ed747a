//! Ports: the traits through which the exporter uses AWS and the clock, in the exporter's terms.
//!
//! Each trait documents what the implementation guarantees and what the caller must do. One type implements all traits
//! ([`Ports`]); the crate `aws` has the implementation for AWS.

mod account_locks;
mod clock;
mod error;
mod hub;
mod hubs;
mod integrations;
mod newest;
mod objects;
pub(crate) mod report_store;
mod runs;
mod scans;
pub mod settings_store;
mod upload_locks;

pub use self::account_locks::{AccountLocks, Acquired, InDoubt};
pub use self::clock::Clock;
pub use self::error::PortError;
pub use self::hub::{CallError, FailedFinding, Hub, HubState, ImportOutcome, Page};
pub use self::hubs::{ConnectError, Hubs};
pub use self::integrations::Integrations;
pub use self::newest::Newest;
pub use self::objects::{Object, ObjectWriter, Objects, PutMode};
pub use self::runs::Runs;
pub use self::scans::{OpenError, Scan, Scans};
pub use self::upload_locks::{Claim, UploadLocks};

/// All ports of an export.
pub trait Ports:
    Integrations + Runs + UploadLocks + AccountLocks + Objects + Hubs + Clock + Send + Sync + 'static
{
}

impl<T> Ports for T where
    T: Integrations + Runs + UploadLocks + AccountLocks + Objects + Hubs + Clock + Send + Sync + 'static
{
}

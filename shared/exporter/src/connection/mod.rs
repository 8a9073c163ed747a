//! Connections: what a check of an account's Security Hub found, Region by Region, and how to fix it.
//!
//! A [`Connection`] is kept for each account that an integration reaches. A check that fails for a transient reason keeps
//! the Regions of the check before, marked stale: an outage of ours is no news about the customer's hubs.
//!
//! [`Checker`] makes the checks. It never fails: whatever goes wrong is in the verdict. It leaves nothing in any hub.

mod check;
mod check_batch;
mod connection_cache;
mod denial;
mod external_id;
mod identity;
mod model;
mod ports;
mod probe;
mod region;
mod remediation;
mod settings;
#[cfg(test)]
mod tests;
mod verdict;

pub use self::check::{Checked, Checker, SaveOutcome};
pub use self::check_batch::CheckBatch;
pub(crate) use self::connection_cache::CachedConnection;
pub use self::connection_cache::ConnectionCache;
pub use self::identity::{CredentialOwner, assume_role_remediation, refused_caller};
pub use self::model::{CheckTarget, Connection, ConnectionStatus, ExternalIdCheck, RegionConnection, RegionStatus};
pub use self::ports::{AccountRegion, CheckPorts, Connections, Probe};
pub use self::probe::{PROBE_ID, write_probe_body};
pub(crate) use self::remediation::RegionContext;
pub use self::remediation::{PERMISSIONS, dns_suffix};
pub use self::settings::{CheckSettings, WriteProbe};
pub use crate::problem::Problem;

//! Connections: what a check of an account's Security Hub found in each Region, and how to fix it.
//!
//! A [`Connection`] is saved for each account that an integration reaches. A check that fails for a transient reason keeps
//! the Regions of the previous check and marks them stale: an outage of the exporter isn't a change of the customer's hubs.
//!
//! [`Checker`] performs the checks. It never fails: every failure is in the verdict. It leaves nothing in any hub.

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
pub mod targets;
#[cfg(test)]
mod tests;
mod verdict;

pub use self::check::{Checked, Checker, SaveOutcome};
pub use self::check_batch::CheckBatch;
pub(crate) use self::connection_cache::CachedConnection;
pub use self::connection_cache::ConnectionCache;
pub use self::identity::{CredentialOwner, assume_role_remediation, rejected_caller};
pub use self::model::{CheckTarget, Connection, ConnectionStatus, ExternalIdCheck, RegionConnection, RegionStatus};
pub use self::ports::{AccountRegion, CheckPorts, Connections, Probe};
pub use self::probe::{PROBE_ID, write_probe_body};
pub(crate) use self::remediation::RegionContext;
pub use self::remediation::{PERMISSIONS, dns_suffix};
pub use self::settings::{CheckSettings, WriteProbe};
pub use crate::model::problem::Problem;

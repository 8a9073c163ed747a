//! Connections: what a check of an account's Security Hub found, Region by Region, and how to fix it.
//!
//! A [`Connection`] is kept for each account that an integration reaches. A check that fails for a passing reason keeps
//! the Regions of the check before, marked stale: an outage of ours is no news about the customer's hubs.
//!
//! [`Checker`] makes the checks. It never fails: whatever goes wrong is in the verdict. It leaves nothing in any hub.

mod check;
mod denial;
mod external_id;
mod identity;
mod model;
mod ports;
mod probe;
mod region;
mod remediation;
mod round;
mod settings;
#[cfg(test)]
mod tests;
mod upkeep;
mod verdict;

pub use self::check::{Checked, Checker, Kept};
pub use self::identity::{Whose, assume_role_remediation, refused_caller};
pub use self::model::{Connection, ConnectionStatus, ExternalIdCheck, RegionConnection, RegionStatus, Target};
pub use self::ports::{AccountRegion, CheckPorts, Connections, Probe};
pub(crate) use self::remediation::Place;
pub use self::remediation::{PERMISSIONS, dns_suffix};
pub use self::round::Round;
pub use self::settings::{CheckSettings, WriteProbe};
pub(crate) use self::upkeep::Standing;
pub use self::upkeep::Upkeep;
pub use crate::problem::Problem;

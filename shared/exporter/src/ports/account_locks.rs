//! Account locks: which run exports which account, the account's newest scan, and the Regions in doubt.

use std::collections::BTreeSet;
use std::future::Future;

use asff::{AccountId, RegionName};
use jiff::Timestamp;

use super::{Newest, PortError};

/// Locks accounts, so that each is exported by one run at a time and its scans are exported in order.
pub trait AccountLocks {
    /// Locks the account until `until` for a run that exports a scan of `scanned_at` from an upload with this content, in
    /// one atomic step. Fails if a newer scan was begun before ([`Newest::with_scan`]), or if another run has locked the
    /// account. The time of the scan is stored in the same step.
    fn acquire(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Acquired, PortError>> + Send;

    /// Extends the lock of the account until `until` if the run still has it. Returns false if it doesn't.
    fn renew(
        &self,
        account: AccountId,
        run_id: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// The newest scan of the account, and what is in doubt. Doesn't lock the account. `None` if the account was never
    /// exported.
    fn lock_status(
        &self,
        account: AccountId,
    ) -> impl Future<Output = Result<Option<(Newest, InDoubt)>, PortError>> + Send;

    /// The run that has the account locked at `now`. `None` also if the implementation has no locks.
    fn locked_by(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<String>, PortError>> + Send;

    /// Releases the account if the run still has the lock. `exported_at`: when the run completed an upload of the account
    /// ([`Newest::exported_at`]). If it is `None`, the stored time is kept.
    fn release(
        &self,
        account: AccountId,
        run_id: &str,
        in_doubt: InDoubt,
        exported_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where Security Hub may have findings, or versions of findings, that the saved state doesn't have, because a run was
/// killed or failed. Between [`AccountLocks::acquire`] and [`AccountLocks::release`], every Region is in doubt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InDoubt {
    /// Every Region is in doubt.
    pub everywhere: bool,
    /// These Regions are in doubt.
    pub regions: BTreeSet<RegionName>,
}

impl InDoubt {
    /// Whether a Region is in doubt.
    pub fn includes(&self, region: RegionName) -> bool {
        self.everywhere || self.regions.contains(&region)
    }
}

/// The result of [`AccountLocks::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The run has the account locked now.
    Granted {
        /// The Regions that an earlier run left in doubt.
        in_doubt: InDoubt,
    },
    /// A newer scan was exported, or is being exported.
    Superseded {
        /// The time of that scan.
        newest: Timestamp,
    },
    /// Another run has the account locked.
    Locked {
        /// That run.
        run_id: String,
    },
}

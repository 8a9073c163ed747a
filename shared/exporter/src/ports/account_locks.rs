//! Account locks: which run works on which account, the newest scan of it, and what is in doubt.

use std::collections::BTreeSet;
use std::future::Future;

use asff::{AccountId, RegionName};
use jiff::Timestamp;

use super::{Newest, PortError};

/// Keeps an account's scans in order and its exports apart.
pub trait AccountLocks {
    /// Locks the account for a run that exports a scan of `scanned_at` from an upload of this content, until `until`, in one
    /// atomic step: unless a newer scan was begun before ([`Newest::with_scan`]), or another run has the account locked. The scan's
    /// time is remembered at once.
    fn acquire(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Acquired, PortError>> + Send;

    /// Keeps the account locked until `until`, if the run still has the lock; false, if it does not.
    fn renew(
        &self,
        account: AccountId,
        run_id: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// The status of the account, without locking it: the newest scan and what is in doubt. None, if nothing of it
    /// was ever exported.
    fn lock_status(
        &self,
        account: AccountId,
    ) -> impl Future<Output = Result<Option<(Newest, InDoubt)>, PortError>> + Send;

    /// The run that has the account locked at `now`. None, too, where the implementer has no locks.
    fn locked_by(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<String>, PortError>> + Send;

    /// Releases the account, if the run still has the lock. `exported_at`: when the run completed an upload of the account
    /// ([`Newest::exported_at`]); none, if it did not, and then the time that is stored stays.
    fn release(
        &self,
        account: AccountId,
        run_id: &str,
        in_doubt: InDoubt,
        exported_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where Security Hub may hold findings, or versions of them, that the saved state does not know, because a run died or
/// failed. From [`AccountLocks::acquire`] to [`AccountLocks::release`] everything is in doubt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InDoubt {
    /// Everywhere.
    pub everywhere: bool,
    /// In these Regions.
    pub regions: BTreeSet<RegionName>,
}

impl InDoubt {
    /// Whether a Region is in doubt.
    pub fn includes(&self, region: RegionName) -> bool {
        self.everywhere || self.regions.contains(&region)
    }
}

/// The answer to [`AccountLocks::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The account is ours.
    Granted {
        /// What an earlier run left in doubt.
        in_doubt: InDoubt,
    },
    /// A newer scan was exported, or is being exported.
    Superseded {
        /// Its time.
        newest: Timestamp,
    },
    /// Another run has the account locked.
    Locked {
        /// That run.
        run_id: String,
    },
}

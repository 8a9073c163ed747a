//! The session of a run with one account, for exports and for jobs: lock, read the state, keep the lease, connect, and release.
//!
//! Promises: what a user or another run changed before the lock is seen, since it is read under the lock; an account for which
//! nothing can be sent is released as it was found; until it is released, all of it is in doubt. A read that fails has changed nothing: the
//! account is released as it was found, so that the next run need not read from Security Hub what it stores.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::coverage::Coverage;
use crate::deadline::within;
use crate::integration::{ArchiveScope, Integration};
use crate::lease::Lease;
use crate::ports::{Acquired, ConnectError, InDoubt, PortError, Ports};
use crate::run::RunContext;
use crate::state::state_prefix;

/// Tries to lock an account while exports begin newer scans of it at the same moment.
const BEGIN_TRIES_MAX: u32 = 3;

/// An account that a run has locked.
pub(crate) struct AccountSession<P: Ports> {
    ports: Arc<P>,
    run_id: Arc<str>,
    give_up_at: Option<Instant>,
    pub(crate) account: AccountId,
    pub(crate) integration: Integration,
    /// The newest scan that was begun.
    pub(crate) newest: Timestamp,
    /// What an earlier run left in doubt.
    pub(crate) in_doubt: InDoubt,
    pub(crate) lease: Lease,
}

/// The scan for which an account is locked.
#[derive(Clone, Copy)]
pub(crate) struct BegunScan<'a> {
    /// The content of its upload.
    pub(crate) content: &'a str,
    /// Its time, never in the future.
    pub(crate) scanned_at: Timestamp,
}

/// Why an account was not locked.
pub(crate) enum NotLocked<R> {
    /// The integration is not as the run needs it.
    Rejected(R),
    /// A scan of this time was begun before, and is newer.
    Superseded(Timestamp),
    /// This run has the lock.
    Locked(String),
}

impl<P: Ports> AccountSession<P> {
    /// Locks an account whose integration the run accepts. The integration is read again under the lock: until then a user may
    /// disable it, or another run archive what it sent. Without a `scan` the newest one stays what it is.
    pub(crate) async fn lock<R>(
        run: &RunContext<P>,
        account: AccountId,
        scan: Option<BegunScan<'_>>,
        accept: impl Fn(Option<Integration>) -> Result<Integration, R>,
    ) -> Result<Result<Self, NotLocked<R>>, PortError> {
        let ports = &run.ports;
        // An account that can't be worked on need not be locked.
        let scope = match accept(ports.integration(&account).await?) {
            Ok(integration) => integration.archive_scope,
            Err(refused) => return Ok(Err(NotLocked::Rejected(refused))),
        };
        let (newest, begun) = match scan {
            Some(BegunScan { content, scanned_at }) if scope == ArchiveScope::Full => {
                let begun = ports.acquire(account, run.run_id(), content, scanned_at, ports.now(), run.until).await?;
                (scanned_at, begun)
            }
            // Scans of parts come in any order: each finding is compared by itself.
            _ => acquire_any(run, account, scan).await?,
        };
        let in_doubt = match begun {
            Acquired::Granted { in_doubt } => in_doubt,
            Acquired::Superseded { newest } => return Ok(Err(NotLocked::Superseded(newest))),
            Acquired::Locked { run_id } => return Ok(Err(NotLocked::Locked(run_id))),
        };
        let give_up_at = run.shared.give_up_at;
        let lease = match give_up_at {
            Some(_) => Lease::fixed(),
            None => Lease::on_account(ports.clone(), account, run.run_id().to_owned(), run.until),
        };
        match ports.integration(&account).await.map(accept) {
            Ok(Ok(integration)) => {
                let (ports, run_id) = (ports.clone(), run.shared.run_id.clone());
                Ok(Ok(Self { ports, run_id, give_up_at, account, integration, newest, in_doubt, lease }))
            }
            Ok(Err(refused)) => {
                ports.release(account, run.run_id(), in_doubt, None).await?;
                Ok(Err(NotLocked::Rejected(refused)))
            }
            Err(error) => {
                release_after_failed_read(ports.as_ref(), account, run.run_id(), in_doubt).await;
                Err(error)
            }
        }
    }

    /// What earlier scans showed of the account.
    pub(crate) async fn read_coverage(&self) -> Result<Coverage, PortError> {
        let action = || format!("read what is known of account {}", self.account);
        within(self.give_up_at, action, Coverage::read(self.ports.as_ref(), self.account)).await
    }

    /// The Regions that have a state.
    pub(crate) async fn regions_with_state(&self) -> Result<BTreeSet<RegionName>, PortError> {
        let action = || format!("read what is known of account {}", self.account);
        within(self.give_up_at, action, regions_with_state(self.ports.as_ref(), self.account)).await
    }

    /// A connection to the account's Security Hub.
    pub(crate) async fn connect(&self) -> Result<P::Hub, ConnectError> {
        let action = || format!("connect to account {}", self.account);
        let connecting = async { Ok(self.ports.connect(self.account, &self.integration).await) };
        let connected = within(self.give_up_at, action, connecting).await;
        connected.unwrap_or_else(|error| Err(error.into()))
    }

    /// Releases the account. Elsewhere than in these Regions each state is what Security Hub has. `exported_at`: when the run
    /// completed an upload of the account, if it did.
    pub(crate) async fn release(
        &self,
        in_doubt_regions: impl IntoIterator<Item = RegionName> + Send,
        exported_at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let in_doubt = InDoubt { everywhere: false, regions: in_doubt_regions.into_iter().collect() };
        self.ports.release(self.account, &self.run_id, in_doubt, exported_at).await
    }

    /// The session with what was found, where the run continues with it. Otherwise the account is released as it was.
    pub(crate) async fn release_unless<T, R>(
        self,
        opened: Result<Result<T, R>, PortError>,
    ) -> Result<Result<(Self, T), R>, PortError> {
        match opened {
            Ok(Ok(opened)) => Ok(Ok((self, opened))),
            Ok(Err(refused)) => {
                self.ports.release(self.account, &self.run_id, self.in_doubt, None).await?;
                Ok(Err(refused))
            }
            Err(error) => {
                release_after_failed_read(self.ports.as_ref(), self.account, &self.run_id, self.in_doubt).await;
                Err(error)
            }
        }
    }
}

/// Nothing was sent yet, so what was in doubt before still is, and nothing else. If the release fails, too, the lock expires.
async fn release_after_failed_read<P: Ports>(ports: &P, account: AccountId, run_id: &str, in_doubt: InDoubt) {
    if let Err(error) = ports.release(account, run_id, in_doubt, None).await {
        tracing::warn!(%account, %error, "the account was not released after a failed read; its lock expires");
    }
}

/// The Regions in which an account has a state.
pub(crate) async fn regions_with_state<P: Ports>(
    ports: &P,
    account: AccountId,
) -> Result<BTreeSet<RegionName>, PortError> {
    let prefix = state_prefix(account);
    let keys = ports.keys(&prefix).await?;
    let regions = keys.iter().filter_map(|key| key.strip_prefix(&prefix)?.strip_suffix(".zst")?.parse().ok());
    Ok(regions.collect())
}

/// Locks an account whatever the time of its newest scan is: that stays, unless the scan is newer. That time, and the answer,
/// which is not [`Acquired::Superseded`] but where newer scans are begun all the time.
async fn acquire_any<P: Ports>(
    run: &RunContext<P>,
    account: AccountId,
    scan: Option<BegunScan<'_>>,
) -> Result<(Timestamp, Acquired), PortError> {
    let BegunScan { content, scanned_at } =
        scan.unwrap_or(BegunScan { content: "", scanned_at: Timestamp::UNIX_EPOCH });
    let ports = &run.ports;
    let mut tries = 0;
    loop {
        let newest = ports.lock_status(account).await?.map_or(Timestamp::UNIX_EPOCH, |(newest, _)| newest.newest);
        let newest = newest.max(scanned_at);
        tries += 1;
        let begun = ports.acquire(account, run.run_id(), content, newest, ports.now(), run.until).await?;
        if tries >= BEGIN_TRIES_MAX || !matches!(begun, Acquired::Superseded { .. }) {
            return Ok((newest, begun));
        }
    }
}

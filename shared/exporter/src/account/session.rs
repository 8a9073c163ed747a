//! The session of a run with one account, for exports and for jobs: acquires the lock, reads the coverage, renews the
//! lease, connects, and releases the account.
//!
//! Guarantees: changes that a user or another run made before the lock are effective, since settings are read under the
//! lock. An account for which nothing can be sent is released unchanged. Until it is released, all its Regions are in
//! doubt. If a read fails, nothing was changed yet: the account is released unchanged, so that the next run need not
//! read all findings from Security Hub.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::delivery::deadline::within;
use crate::evidence::coverage::Coverage;
use crate::lease::Lease;
use crate::model::integration::{ArchiveScope, Integration};
use crate::ports::{Acquired, ConnectError, InDoubt, PortError, Ports};
use crate::run::RunContext;
use crate::state::state_prefix;

/// Attempts to lock an account while exports of newer scans start at the same time.
const BEGIN_TRIES_MAX: u32 = 3;

/// An account that is locked by a run.
pub(crate) struct AccountSession<P: Ports> {
    ports: Arc<P>,
    run_id: Arc<str>,
    give_up_at: Option<Instant>,
    pub(crate) account: AccountId,
    pub(crate) integration: Integration,
    /// The newest scan whose export was started.
    pub(crate) newest: Timestamp,
    /// The Regions that an earlier run left in doubt.
    pub(crate) in_doubt: InDoubt,
    pub(crate) lease: Lease,
}

/// The scan for which an account is locked.
#[derive(Clone, Copy)]
pub(crate) struct BegunScan<'a> {
    /// The identity of its upload's content.
    pub(crate) content: &'a str,
    /// The scan time, never in the future.
    pub(crate) scanned_at: Timestamp,
}

/// Why an account was not locked.
pub(crate) enum NotLocked<R> {
    /// The run does not accept the integration.
    Rejected(R),
    /// The export of a newer scan, with this time, was started before.
    Superseded(Timestamp),
    /// The run with this ID has the lock.
    Locked(String),
}

impl<P: Ports> AccountSession<P> {
    /// Locks an account if `accept` accepts its integration. The integration is read again under the lock: until then a
    /// user may disable it, or another run may archive all its findings. Without a `scan`, the newest scan is
    /// unchanged.
    pub(crate) async fn lock<R>(
        run: &RunContext<P>,
        account: AccountId,
        scan: Option<BegunScan<'_>>,
        accept: impl Fn(Option<Integration>) -> Result<Integration, R>,
    ) -> Result<Result<Self, NotLocked<R>>, PortError> {
        let ports = &run.ports;
        // An account that can't be processed need not be locked.
        let scope = match accept(ports.integration(&account).await?) {
            Ok(integration) => integration.archive_scope,
            Err(problem) => return Ok(Err(NotLocked::Rejected(problem))),
        };
        let (newest, begun) = match scan {
            Some(BegunScan { content, scanned_at }) if scope == ArchiveScope::Full => {
                let begun = ports.acquire(account, run.run_id(), content, scanned_at, ports.now(), run.until).await?;
                (scanned_at, begun)
            }
            // Scans of parts of an account can arrive in any order: each finding is compared separately.
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
            Ok(Err(problem)) => {
                ports.release(account, run.run_id(), in_doubt, None).await?;
                Ok(Err(NotLocked::Rejected(problem)))
            }
            Err(error) => {
                release_after_failed_read(ports.as_ref(), account, run.run_id(), in_doubt).await;
                Err(error)
            }
        }
    }

    /// Reads the account's coverage by earlier scans.
    pub(crate) async fn read_coverage(&self) -> Result<Coverage, PortError> {
        let action = || format!("read the state of account {}", self.account);
        within(self.give_up_at, action, Coverage::read(self.ports.as_ref(), self.account)).await
    }

    /// Lists the Regions that have a state.
    pub(crate) async fn regions_with_state(&self) -> Result<BTreeSet<RegionName>, PortError> {
        let action = || format!("read the state of account {}", self.account);
        within(self.give_up_at, action, regions_with_state(self.ports.as_ref(), self.account)).await
    }

    /// Connects to the account's Security Hub.
    pub(crate) async fn connect(&self) -> Result<P::Hub, ConnectError> {
        let action = || format!("connect to account {}", self.account);
        let connecting = async { Ok(self.ports.connect(self.account, &self.integration).await) };
        let connected = within(self.give_up_at, action, connecting).await;
        connected.unwrap_or_else(|error| Err(error.into()))
    }

    /// Releases the account. In all Regions other than `in_doubt_regions`, the state has what Security Hub has.
    /// `exported_at`: when the run completed an upload of the account. `None` if it did not.
    pub(crate) async fn release(
        &self,
        in_doubt_regions: impl IntoIterator<Item = RegionName> + Send,
        exported_at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let in_doubt = InDoubt { everywhere: false, regions: in_doubt_regions.into_iter().collect() };
        self.ports.release(self.account, &self.run_id, in_doubt, exported_at).await
    }

    /// Returns the session with the opened resources if the run continues. Otherwise the account is released unchanged.
    pub(crate) async fn release_unless<T, R>(
        self,
        opened: Result<Result<T, R>, PortError>,
    ) -> Result<Result<(Self, T), R>, PortError> {
        match opened {
            Ok(Ok(opened)) => Ok(Ok((self, opened))),
            Ok(Err(problem)) => {
                self.ports.release(self.account, &self.run_id, self.in_doubt, None).await?;
                Ok(Err(problem))
            }
            Err(error) => {
                release_after_failed_read(self.ports.as_ref(), self.account, &self.run_id, self.in_doubt).await;
                Err(error)
            }
        }
    }
}

/// Releases an account for which nothing was sent yet: the Regions in doubt are the same as before. If the release
/// fails as well, the lock expires.
async fn release_after_failed_read<P: Ports>(ports: &P, account: AccountId, run_id: &str, in_doubt: InDoubt) {
    if let Err(error) = ports.release(account, run_id, in_doubt, None).await {
        tracing::warn!(%account, %error, "failed to unlock the account after a failed read; its lock expires");
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

/// Locks an account whatever the time of its newest scan, which is updated only if the scan is newer. Returns that time
/// and the result, which is [`Acquired::Superseded`] only if exports of newer scans are started all the time.
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

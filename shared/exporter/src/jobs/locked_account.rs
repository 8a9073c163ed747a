//! An account that a job has locked, connected, with what is known of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::{AccountId, Partition, RegionName};
use jiff::Timestamp;

use super::context::{AccountResult, JobContext};
use super::error::RunnerError;
use crate::account::{AccountSession, NotLocked, account_locked, integration_disabled, no_integration};
use crate::coverage::Coverage;
use crate::delivery::{AccountDelivered, AccountDelivery, DeliveryTarget, Policy};
use crate::integration::Integration;
use crate::ports::{ConnectError, PortError, Ports};
use crate::problem::Problem;
use crate::provider::ProviderId;
use crate::report::{AccountReport, Fate, undelivered};

/// An account that a job has locked.
pub(super) struct LockedAccount<P: Ports> {
    pub(super) session: AccountSession<P>,
    hub: P::Hub,
    pub(super) partition: Partition,
    /// The Regions that have a state.
    pub(super) stored_regions: BTreeSet<RegionName>,
    pub(super) coverage: Coverage,
}

/// Which integration a job requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequiredIntegration<'a> {
    /// It is enabled.
    Enabled,
    /// It is there.
    Any,
    /// It is there, enabled or not, and not being deleted: what the removal archives would be made active again.
    NotBeingDeleted,
    /// It is that of this provider.
    OwnedBy(&'a ProviderId),
    /// It is that of this provider, and being deleted since then. Any other, were it disabled as well, was made or
    /// called back after the job was given.
    BeingDeleted(&'a ProviderId, Timestamp),
}

impl RequiredIntegration<'_> {
    /// The integration, if it is the required one.
    fn accept(self, account: AccountId, integration: Option<Integration>) -> Result<Integration, Problem> {
        let Some(integration) = integration else { return Err(no_integration(account)) };
        match self {
            Self::Enabled if !integration.enabled => Err(integration_disabled(account, &integration)),
            Self::NotBeingDeleted if integration.deletion_requested_at.is_some() => {
                let message =
                    format!("the integration of account {account} is being deleted, which archives its findings");
                Err(Problem::new(undelivered::INTEGRATION_DISABLED, message)
                    .fixed_by(format!("hubctl integration enable {}", integration.provider)))
            }
            Self::OwnedBy(provider) | Self::BeingDeleted(provider, _) if integration.provider != *provider => {
                let id = &integration.provider;
                let message = format!("account {account} goes by the integration of {id}, not of {provider}");
                Err(Problem::new(NOT_ARCHIVED, message))
            }
            Self::BeingDeleted(provider, since) if integration.deletion_requested_at != Some(since) => {
                let message = format!(
                    "the integration of account {account} is not the one that was to be removed, so its findings are not \
                     archived; to delete it with them: hubctl integration delete {provider} --archive"
                );
                Err(Problem::new(NOT_ARCHIVED, message))
            }
            _ => Ok(integration),
        }
    }
}

/// The name for findings of an integration that is not given up.
const NOT_ARCHIVED: &str = "archive_all_skipped";

impl<P: Ports> LockedAccount<P> {
    /// Locks an account whose integration is as it must be, and connects.
    pub(super) async fn open(
        context: &JobContext<P>,
        account: AccountId,
        required: RequiredIntegration<'_>,
    ) -> Result<Result<Box<Self>, Problem>, PortError> {
        // The newest scan stays what it is.
        let accept = |integration| required.accept(account, integration);
        let session = match AccountSession::lock(&context.run, account, None, accept).await? {
            Ok(session) => session,
            Err(NotLocked::Rejected(problem)) => return Ok(Err(problem)),
            Err(NotLocked::Superseded(_)) => {
                return Ok(Err(account_locked(format!("account {account}: scans of it are being exported"))));
            }
            Err(NotLocked::Locked(run_id)) => {
                let message = format!("account {account}: run {run_id} works on it; try again when it is done");
                return Ok(Err(account_locked(message)));
            }
        };
        let opened = open_locked(&session).await;
        Ok(session.release_unless(opened).await?.map(|(session, (with_state, coverage, hub))| {
            let known = with_state.iter().chain(session.integration.regions.iter().flatten());
            let partition = known.copied().find_map(|region| context.run.regions.partition_of(region));
            let partition = partition.unwrap_or(Partition::Aws);
            Box::new(Self { session, hub, partition, stored_regions: with_state, coverage })
        }))
    }

    /// Records that the run works, now that the account is its own. The account is released if it can't be.
    pub(super) async fn record_start(self, context: &JobContext<P>) -> Result<Self, RunnerError> {
        let Err(error) = context.run.ports.record(&context.begun).await else { return Ok(self) };
        self.release(AccountDelivered::default(), &BTreeSet::new()).await;
        Err(error.into())
    }

    /// The delivery by which the account's findings are sent. `scanned_at`: by which scan; the newest, where none is meant.
    pub(super) fn delivery(&self, context: &JobContext<P>, scanned_at: Timestamp) -> AccountDelivery<P> {
        let AccountSession { account, integration, in_doubt, lease, .. } = &self.session;
        let policy = Policy {
            resend: integration.resend,
            // So that a Region that does not answer is said to be unfinished.
            archive: true,
            scope: integration.archive_scope,
            copy_regions: Arc::default(),
            selected_regions: None,
            full_at: Arc::new(self.coverage.full_at()),
            in_doubt: in_doubt.clone(),
            regions: context.run.regions.clone(),
            accepted_regions: Arc::default(),
            unavailable_regions: Arc::default(),
            collects_deferred: true,
        };
        let sending = DeliveryTarget {
            hub: self.hub.clone(),
            account: *account,
            partition: self.partition,
            scanned_at,
            fallback_region: integration.fallback_region,
        };
        AccountDelivery::new(context.run.ports.clone(), sending, policy, context.run.shared.clone())
            .with_lease(lease.clone())
    }

    /// Releases the account. `touched`: the Regions that were worked on; of the others everything stays in doubt that was.
    pub(super) async fn release(self, delivered: AccountDelivered, touched: &BTreeSet<RegionName>) -> AccountResult {
        let Self { session, stored_regions: with_state, .. } = self;
        let everywhere = if session.in_doubt.everywhere { with_state } else { BTreeSet::new() };
        let in_doubt = session.in_doubt.regions.iter().copied().chain(everywhere);
        let untouched = in_doubt.filter(|region| !touched.contains(region));
        let ended = session.release(delivered.in_doubt_regions.into_iter().chain(untouched), None).await;
        let report = AccountReport { counts: delivered.counts, regions: delivered.regions, ..AccountReport::default() };
        AccountResult { account: Some(session.account), report, error: delivered.error.or(ended.err()) }
    }
}

async fn open_locked<P: Ports>(
    session: &AccountSession<P>,
) -> Result<Result<(BTreeSet<RegionName>, Coverage, P::Hub), Problem>, PortError> {
    let (with_state, coverage) = (session.regions_with_state().await?, session.read_coverage().await?);
    let connected = session.connect().await.map_err(ConnectError::into_problem);
    Ok(connected.map(|hub| (with_state, coverage, hub)))
}

/// The end of a job about one account that can't be worked on.
pub(super) fn unavailable_error(account: AccountId, problem: &Problem) -> RunnerError {
    if problem.reason == undelivered::ACCOUNT_LOCKED {
        RunnerError::Locked(problem.to_string())
    } else if undelivered::is_transient(&problem.reason) {
        PortError { action: format!("take account {account}"), message: problem.to_string() }.into()
    } else {
        RunnerError::Rejected(problem.to_string())
    }
}

/// The report of an account of which `findings` could not be worked on.
pub(super) fn report_problem(account: AccountId, problem: &Problem, findings: u64) -> AccountResult {
    let mut report = AccountReport { problem: Some(problem.to_string()), ..AccountReport::default() };
    report.counts.read = findings;
    report.counts.add(Fate::Undelivered(problem.reason.clone()), findings);
    AccountResult { account: Some(account), report, error: None }
}

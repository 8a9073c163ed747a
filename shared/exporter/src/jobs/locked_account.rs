//! An account that a job has locked, with its connection and its coverage.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::{AccountId, Partition, RegionName};
use jiff::Timestamp;

use super::context::{AccountResult, JobContext};
use super::error::RunnerError;
use crate::account::{AccountSession, NotLocked, account_locked, integration_disabled, no_integration};
use crate::delivery::{AccountDelivered, AccountDelivery, DeliveryTarget, Policy};
use crate::evidence::coverage::Coverage;
use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;
use crate::ports::{ConnectError, PortError, Ports};
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

/// The integration that a job requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequiredIntegration<'a> {
    /// The integration is enabled.
    Enabled,
    /// The integration exists.
    Any,
    /// The integration exists, enabled or not, and is not being deleted: findings that the deletion archives must not
    /// be reactivated.
    NotBeingDeleted,
    /// The integration belongs to this provider.
    OwnedBy(&'a ProviderId),
    /// The integration belongs to this provider, and its deletion was requested at this time. Any other integration,
    /// even if it is disabled, was created, or its deletion was canceled, after the job was submitted.
    BeingDeleted(&'a ProviderId, Timestamp),
}

impl RequiredIntegration<'_> {
    /// Returns the integration if it is the required one.
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
                let message = format!("account {account} uses the integration of {id}, not of {provider}");
                Err(Problem::new(NOT_ARCHIVED, message))
            }
            Self::BeingDeleted(provider, since) if integration.deletion_requested_at != Some(since) => {
                let message = format!(
                    "the integration of account {account} is not the one whose deletion was requested, so its findings \
                     are not archived; to archive them and delete it: hubctl integration delete {provider} --archive"
                );
                Err(Problem::new(NOT_ARCHIVED, message))
            }
            _ => Ok(integration),
        }
    }
}

/// The reason code for findings of an integration that are not archived.
const NOT_ARCHIVED: &str = "archive_all_skipped";

impl<P: Ports> LockedAccount<P> {
    /// Locks an account whose integration is the required one, and connects.
    pub(super) async fn open(
        context: &JobContext<P>,
        account: AccountId,
        required: RequiredIntegration<'_>,
    ) -> Result<Result<Box<Self>, Problem>, PortError> {
        // The newest scan is unchanged.
        let accept = |integration| required.accept(account, integration);
        let session = match AccountSession::lock(&context.run, account, None, accept).await? {
            Ok(session) => session,
            Err(NotLocked::Rejected(problem)) => return Ok(Err(problem)),
            Err(NotLocked::Superseded(_)) => {
                return Ok(Err(account_locked(format!("account {account}: scans of it are being exported"))));
            }
            Err(NotLocked::Locked(run_id)) => {
                let message = format!("account {account}: locked by run {run_id}; retry when that run is complete");
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

    /// Records that the run has started, after it has locked the account. If that fails, the account is released.
    pub(super) async fn record_start(self, context: &JobContext<P>) -> Result<Self, RunnerError> {
        let Err(error) = context.run.ports.record(&context.begun).await else { return Ok(self) };
        self.release(AccountDelivered::default(), &BTreeSet::new()).await;
        Err(error.into())
    }

    /// The delivery of the account's findings. `scanned_at`: the time of their scan, or of the newest scan if they are
    /// of no particular one.
    pub(super) fn delivery(&self, context: &JobContext<P>, scanned_at: Timestamp) -> AccountDelivery<P> {
        let AccountSession { account, integration, in_doubt, lease, .. } = &self.session;
        let policy = Policy {
            resend: integration.resend,
            // With `archive`, a Region that does not respond is reported as unfinished.
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

    /// Releases the account. `touched`: the Regions that were processed. All other Regions that were in doubt stay in
    /// doubt.
    pub(super) async fn release(self, delivered: AccountDelivered, touched: &BTreeSet<RegionName>) -> AccountResult {
        let Self { session, stored_regions: with_state, .. } = self;
        let everywhere = if session.in_doubt.everywhere { with_state } else { BTreeSet::new() };
        let in_doubt = session.in_doubt.regions.iter().copied().chain(everywhere);
        let untouched = in_doubt.filter(|region| !touched.contains(region));
        let ended = session.release(delivered.in_doubt_regions.into_iter().chain(untouched), None).await;
        let report = AccountReport {
            integration: Some(session.integration.provider.clone()),
            counts: delivered.counts,
            errors: delivered.errors,
            regions: delivered.regions,
            ..AccountReport::default()
        };
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

/// The error of a job for one account that is unavailable.
pub(super) fn unavailable_error(account: AccountId, problem: &Problem) -> RunnerError {
    if problem.reason == undelivered::ACCOUNT_LOCKED {
        RunnerError::Locked(problem.to_string())
    } else if undelivered::is_transient(&problem.reason) {
        PortError { action: format!("lock account {account}"), message: problem.to_string() }.into()
    } else {
        RunnerError::Rejected(problem.to_string())
    }
}

/// The report of an account with `findings` that could not be processed.
pub(super) fn report_problem(account: AccountId, problem: &Problem, findings: u64) -> AccountResult {
    let mut report = AccountReport { problem: Some(problem.to_string()), ..AccountReport::default() };
    report.counts.read = findings;
    report.counts.add(Fate::Undelivered(problem.reason.clone()), findings);
    AccountResult { account: Some(account), report, error: None }
}

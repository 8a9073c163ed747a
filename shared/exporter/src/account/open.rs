//! Opens an account for an export: locks it, reads its coverage, and connects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use asff::{Partition, RegionName};
use jiff::Timestamp;

use super::export::{AccountExport, Context, Delivering, First, State};
use super::problems::{account_locked, integration_disabled, no_integration, not_authorized, other_format};
use super::session::{AccountSession, BegunScan, NotLocked};
use crate::connection::CachedConnection;
use crate::delivery::{AccountDelivery, DeliveryTarget, Policy};
use crate::evidence::Evidence;
use crate::evidence::coverage::{Coverage, FinishedUpload};
use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;
use crate::ports::{InDoubt, PortError, Ports};
use crate::report::Counts;
use crate::report::reasons::filtered::ALREADY_EXPORTED;
use crate::selection::route::{Route, route};

/// The integration and the connection of an account, even if the account can't be opened.
#[derive(Default)]
struct Found {
    integration: Option<ProviderId>,
    cached_connection: Option<CachedConnection>,
}

/// The resources that are opened under the account's lock.
struct Opened<P: Ports> {
    hub: P::Hub,
    coverage: Arc<Coverage>,
    /// The Regions that have a state. `None` if they need not be known.
    with_state: Option<BTreeSet<RegionName>>,
}

impl<P: Ports> AccountExport<P> {
    /// Reads the account's integration, locks the account, and connects.
    pub(crate) async fn open(context: &Context<P>, first: First) -> Result<Self, PortError> {
        let mut found = Found::default();
        let state = Self::prepare(context, first, &mut found).await?;
        let Found { integration, cached_connection } = found;
        Ok(Self {
            account: first.account,
            integration,
            state,
            counts: Counts::default(),
            errors: BTreeMap::new(),
            evidence: Evidence::default(),
            has_verdicts: false,
            older: Vec::new(),
            resume_failed: false,
            cached_connection,
        })
    }

    /// Opens an account whose first entries were of a superseded scan, if this entry's scan is new enough.
    pub(super) async fn reopen(
        &mut self,
        context: &Context<P>,
        partition: Partition,
        scanned_at: Timestamp,
    ) -> Result<(), PortError> {
        let State::Superseded(newest, _) = &self.state else { return Ok(()) };
        if scanned_at < *newest {
            return Ok(());
        }
        let first = First { account: self.account, partition, scanned_at };
        let cached_connection = self.cached_connection.take();
        let mut found = Found { integration: self.integration.take(), cached_connection };
        self.state = Self::prepare(context, first, &mut found).await?;
        (self.integration, self.cached_connection) = (found.integration, found.cached_connection);
        Ok(())
    }

    async fn prepare(context: &Context<P>, first: First, found: &mut Found) -> Result<State<P>, PortError> {
        let account = first.account;
        // If a scan in the future were recorded, every later scan with a correct time would count as older.
        let scanned_at = first.scanned_at.min(context.run.ports.now());
        let scan = BegunScan { content: &context.content, scanned_at };
        // It is read twice, the second time under the lock.
        let integration = Mutex::new(None);
        let accept = |read: Option<Integration>| {
            *integration.lock().unwrap_or_else(PoisonError::into_inner) =
                read.as_ref().map(|read| read.provider.clone());
            accept(context, first, read)
        };
        let locked = AccountSession::lock(&context.run, account, Some(scan), accept).await?;
        found.integration = integration.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cached_connection = &mut found.cached_connection;
        let session = match locked {
            Ok(session) => session,
            Err(NotLocked::Rejected(state)) => return Ok(state),
            Err(NotLocked::Superseded(newest)) => {
                let message = format!(
                    "account {account}: the scan of {scanned_at} is older than the newest exported scan, of {newest}"
                );
                return Ok(State::Superseded(newest, message));
            }
            Err(NotLocked::Locked(run_id)) => {
                let message = format!("account {account}: locked by run {run_id}, which is exporting a scan of it");
                return Ok(State::Unavailable(account_locked(message)));
            }
        };
        let opened = Self::open_locked(context, &session, cached_connection).await;
        Ok(match session.release_unless(opened).await? {
            Ok((session, opened)) => {
                let coverage = opened.coverage.clone();
                let (delivery, untracked) =
                    start_delivery(context, first, &session, opened, cached_connection.as_ref());
                State::Delivering(Box::new(Delivering { session, delivery, coverage, scanned_at, untracked }))
            }
            Err(state) => state,
        })
    }

    /// Reads the coverage of a locked account, and connects. Otherwise returns the state that explains why nothing is
    /// sent.
    async fn open_locked(
        context: &Context<P>,
        session: &AccountSession<P>,
        cached_connection: &mut Option<CachedConnection>,
    ) -> Result<Result<Opened<P>, State<P>>, PortError> {
        let AccountSession { account, integration, in_doubt, .. } = session;
        let is_in_doubt = *in_doubt != InDoubt::default();
        let coverage = session.read_coverage().await?;
        // A run that continues starts where the previous one ended.
        if !is_in_doubt && let Some(finished) = context.earlier_export(&coverage, integration).await? {
            let options = &context.run.shared.settings.command_options;
            let degraded = || {
                let FinishedUpload { run_id, .. } = finished;
                let message = format!("account {account}: run {run_id} exported this scan and needs attention");
                Problem::new(ALREADY_EXPORTED, message).fixed_by(format!("hubctl run show {run_id}{options}"))
            };
            return Ok(Err(State::Complete(finished.is_degraded.then(degraded))));
        }
        *cached_connection = CachedConnection::read(context.connection_cache.as_deref(), *account, integration).await;
        let hub = match session.connect().await {
            Ok(hub) => hub,
            Err(error) => return Ok(Err(State::Unavailable(error.into_problem()))),
        };
        let with_state = match integration.archive_previous_findings || is_in_doubt {
            true => Some(session.regions_with_state().await?),
            false => None,
        };
        Ok(Ok(Opened { hub, coverage: Arc::new(coverage), with_state }))
    }
}

/// Returns the integration if it exists, is enabled, and accepts the upload and its format.
fn accept<P: Ports>(
    context: &Context<P>,
    First { account, .. }: First,
    integration: Option<Integration>,
) -> Result<Integration, State<P>> {
    match integration {
        None => Err(State::Unavailable(no_integration(account))),
        Some(integration) if !integration.enabled => {
            Err(State::Unavailable(integration_disabled(account, &integration)))
        }
        Some(integration) if !integration.accepts(account, &context.upload) => {
            Err(State::Excluded(not_authorized(account, &integration, &context.upload)))
        }
        Some(integration) if context.any_format => Ok(integration.with(|settings| settings.format = context.format)),
        Some(integration) if integration.format != context.format => {
            Err(State::Excluded(other_format(account, context.format, &integration)))
        }
        Some(integration) => Ok(integration),
    }
}

/// Starts the delivery for an open account. Also returns the Regions that stay in doubt, since the integration does not
/// select them.
fn start_delivery<P: Ports>(
    context: &Context<P>,
    first: First,
    session: &AccountSession<P>,
    Opened { hub, coverage, with_state }: Opened<P>,
    cached_connection: Option<&CachedConnection>,
) -> (AccountDelivery<P>, BTreeSet<RegionName>) {
    let AccountSession { account, integration, in_doubt, lease, .. } = session;
    let fallback_region = integration.fallback_region;
    let looks = with_state.is_some();
    let with_state = with_state.unwrap_or_default();
    let policy = Policy {
        resend: integration.resend,
        archive: integration.archive_previous_findings,
        scope: integration.archive_scope,
        in_doubt: in_doubt.clone(),
        regions: context.run.regions.clone(),
        collects_deferred: false,
        copy_regions: Arc::new(copy_regions(integration, &coverage, &with_state)),
        selected_regions: integration.regions.as_ref().map(|regions| Arc::new(regions.iter().copied().collect())),
        full_at: Arc::new(coverage.full_at()),
        accepted_regions: Arc::new(cached_connection.map(CachedConnection::accepted_regions).unwrap_or_default()),
        unavailable_regions: Arc::new(cached_connection.map(CachedConnection::unavailable_regions).unwrap_or_default()),
    };
    let First { partition, scanned_at, .. } = first;
    let sending = DeliveryTarget { hub, account: *account, partition, scanned_at, fallback_region };
    let (ports, shared) = (context.run.ports.clone(), context.run.shared.clone());
    let mut delivery = AccountDelivery::new(ports, sending, policy, shared).with_lease(lease.clone());
    let mut untracked = BTreeSet::new();
    for region in with_state.into_iter().chain(in_doubt.regions.iter().copied()).filter(|_| looks) {
        // A Region that the integration does not select is not tracked: the absence of its findings proves nothing.
        if route(integration, region) == Route::Own || fallback_region == Some(region) {
            delivery.track(region);
        } else if in_doubt.includes(region) {
            untracked.insert(region);
        }
    }
    (delivery, untracked)
}

/// The Regions of an integration, other than its fallback Region, that have findings of other Regions. If that is
/// unknown, since the states are of an earlier version, all Regions with a state.
fn copy_regions(
    integration: &Integration,
    coverage: &Coverage,
    with_state: &BTreeSet<RegionName>,
) -> BTreeSet<RegionName> {
    if !integration.archive_previous_findings {
        return BTreeSet::new();
    }
    let is_ours = |region: &RegionName| route(integration, *region) == Route::Own;
    let known: BTreeSet<RegionName> =
        if coverage.is_new() { with_state.clone() } else { coverage.copy_regions().collect() };
    known.into_iter().filter(|region| is_ours(region) && Some(*region) != integration.fallback_region).collect()
}

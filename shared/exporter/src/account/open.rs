//! Opens an account: looks up its integration, takes it, and connects.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::{AccountId, Partition, RegionName, ScanFormat};
use jiff::Timestamp;

use super::session::{AccountExport, Context, Delivering, First, State};
use crate::connection::{Standing, with_remediation};
use crate::coverage::Coverage;
use crate::deadline::within;
use crate::deliver::{AccountDelivery, Policy, Sending};
use crate::evidence::Evidence;
use crate::filter::Kept;
use crate::integration::{ArchiveScope, Integration};
use crate::lease::Lease;
use crate::ports::{Begun, ConnectError, Doubt, PortError, Ports};
use crate::report::{Counts, undelivered};
use crate::route::{Route, route};
use crate::scan_source::NOT_AUTHORIZED_SOURCE;
use crate::state::state_prefix;
use crate::upload::UploadInfo;

/// Tries to take an account while exports begin newer scans of it at the same moment.
const BEGIN_TRIES_MAX: u32 = 3;

impl<P: Ports> AccountExport<P> {
    /// Looks up the account's integration, takes the account, and connects.
    pub(crate) async fn open(context: &Context<P>, first: First) -> Result<Self, PortError> {
        let mut standing = None;
        let state = Self::prepare(context, first, &mut standing).await?;
        Ok(Self {
            account: first.account,
            state,
            counts: Counts::default(),
            evidence: Evidence::default(),
            has_verdicts: false,
            older: Vec::new(),
            is_stranded: false,
            standing,
        })
    }

    /// Opens an account after all whose first entries were of an older scan, where this one is not.
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
        self.state = Self::prepare(context, first, &mut self.standing).await?;
        Ok(())
    }

    async fn prepare(
        context: &Context<P>,
        first: First,
        standing: &mut Option<Standing>,
    ) -> Result<State<P>, PortError> {
        let (ports, account) = (&context.run.ports, first.account);
        let integration = match usable(context, account, ports.integration(&account).await?) {
            Ok(integration) => integration,
            Err(state) => return Ok(state),
        };
        if integration.format != context.format && !context.any_format {
            let message = other_format(account, context.format, &integration);
            return Ok(State::KeptBack(Kept::OtherFormat.as_str(), Some(message)));
        }
        let now = ports.now();
        // A scan of the future would make every honest one after it an old one.
        let scanned_at = first.scanned_at.min(now);
        let begun = match integration.archive_scope {
            ArchiveScope::Full => {
                ports.begin(account, context.run.run_id(), &context.content, scanned_at, now, context.run.until).await?
            }
            // Scans of parts come in any order: each finding is compared by itself.
            ArchiveScope::Partial | ArchiveScope::Observed => {
                let (run_id, content) = (context.run.run_id(), &context.content);
                begin_any(ports.as_ref(), account, run_id, content, scanned_at, context.run.until).await?.1
            }
        };
        let doubt = match begun {
            Begun::Taken { doubt } => doubt,
            Begun::Superseded { newest } => {
                let message = format!("account {account}: the scan of {scanned_at} is older than that of {newest}");
                return Ok(State::Superseded(newest, message));
            }
            Begun::Held { run_id } => {
                let message = format!("account {account}: run {run_id} is exporting a scan of it");
                return Ok(State::Blocked(undelivered::ACCOUNT_LOCKED, message));
            }
        };
        // What was disabled, or archived and deleted, before the account was ours must not be sent after that.
        let integration = match usable(context, account, ports.integration(&account).await?) {
            Ok(integration) if context.any_format => Integration { format: context.format, ..integration },
            Ok(integration) => integration,
            Err(state) => {
                ports.end(account, context.run.run_id(), doubt).await?;
                return Ok(state);
            }
        };
        let give_up_at = context.run.shared.give_up_at;
        let reading = || format!("read what is known of account {account}");
        let coverage = within(give_up_at, reading, Coverage::read(ports.as_ref(), account)).await?;
        if doubt == Doubt::default()
            && let Some(finished) = context.finished(&coverage, &integration).await?
        {
            // A run that goes on begins where the one before it ended.
            ports.end(account, context.run.run_id(), doubt).await?;
            let run_id = &finished.run_id;
            let problem = finished.is_degraded.then(|| {
                let options = &context.run.shared.settings.command_options;
                let said = format!("account {account}: run {run_id} exported it, and not every finding arrived");
                with_remediation(said, Some(format!("hubctl run show {run_id}{options}")))
            });
            return Ok(State::Complete(problem));
        }
        let coverage = Arc::new(coverage);
        let lease = match give_up_at {
            Some(_) => Lease::fixed(),
            None => Lease::on_account(ports.clone(), account, context.run.run_id().to_owned(), context.run.until),
        };
        *standing = Standing::read(context.upkeep.as_deref(), account, &integration).await;
        let connecting = async { Ok(ports.connect(account, &integration).await) };
        let connected = within(give_up_at, || format!("connect to account {account}"), connecting).await;
        let hub = match connected.unwrap_or_else(|error| Err(error.into())) {
            Ok(hub) => hub,
            Err(error) => {
                ports.end(account, context.run.run_id(), doubt).await?;
                return Ok(match error {
                    ConnectError::Refused { reason, message, remediation } => {
                        State::Blocked(reason, with_remediation(message, remediation))
                    }
                    ConnectError::Failed(error) => {
                        State::Blocked(undelivered::CREDENTIALS_UNAVAILABLE, error.to_string())
                    }
                });
            }
        };
        let looks = integration.archive_previous_findings || doubt != Doubt::default();
        let with_state = if looks {
            within(give_up_at, reading, regions_with_state(ports.as_ref(), account)).await?
        } else {
            BTreeSet::new()
        };
        let fallback_region = integration.fallback_region;
        let policy = Policy {
            resend: integration.resend,
            archive: integration.archive_previous_findings,
            scope: integration.archive_scope,
            doubt: doubt.clone(),
            regions: context.run.regions.clone(),
            remembers_left: false,
            keepers: Arc::new(keepers(&integration, &coverage, &with_state)),
            only: integration.regions.as_ref().map(|regions| Arc::new(regions.iter().copied().collect())),
            full_at: Arc::new(coverage.full_at()),
            accepted: Arc::new(standing.as_ref().map(Standing::accepted).unwrap_or_default()),
            closed: Arc::new(standing.as_ref().map(Standing::closed).unwrap_or_default()),
        };
        let First { partition, scanned_at: dated, .. } = first;
        let sending = Sending { hub, account, partition, scanned_at: dated, fallback_region };
        let mut delivery =
            AccountDelivery::new(ports.clone(), sending, policy, context.run.shared.clone()).held_by(lease.clone());
        let mut unwatched = BTreeSet::new();
        if looks {
            for region in with_state.into_iter().chain(doubt.regions.iter().copied()) {
                // What the integration leaves out is not looked at: that its findings do not come says nothing.
                if route(&integration, region) == Route::Own || fallback_region == Some(region) {
                    delivery.watch(region);
                } else if doubt.covers(region) {
                    unwatched.insert(region);
                }
            }
        }
        Ok(State::Delivering(Box::new(Delivering { integration, delivery, coverage, lease, scanned_at, unwatched })))
    }
}

/// An integration that is there, enabled, and accepts the upload.
fn usable<P: Ports>(
    context: &Context<P>,
    account: AccountId,
    integration: Option<Integration>,
) -> Result<Integration, State<P>> {
    match integration {
        None => {
            let message = no_integration(account);
            Err(State::Blocked(undelivered::NO_INTEGRATION, message))
        }
        Some(integration) if !integration.enabled => {
            let message = disabled(account, &integration);
            Err(State::Blocked(undelivered::INTEGRATION_DISABLED, message))
        }
        Some(integration) if !integration.accepts(account, &context.upload) => {
            let message = not_authorized(account, &integration, &context.upload);
            Err(State::KeptBack(NOT_AUTHORIZED_SOURCE, Some(message)))
        }
        Some(integration) => Ok(integration),
    }
}

/// That an account has no integration, and the command that makes one.
pub(crate) fn no_integration(account: AccountId) -> String {
    let remediation = format!("hubctl integration create --provider {account}");
    with_remediation(format!("account {account} has no integration"), Some(remediation))
}

/// That an account's integration is off, and the command that switches it on and exports what came meanwhile.
pub(crate) fn disabled(account: AccountId, integration: &Integration) -> String {
    let remediation = format!("hubctl integration enable {} --replay", integration.provider);
    with_remediation(format!("the integration of account {account} is disabled"), Some(remediation))
}

/// That an integration does not accept an upload, and the command by which it does.
fn not_authorized(account: AccountId, integration: &Integration, upload: &UploadInfo) -> String {
    let (provider, source) = (&integration.provider, upload.described_source());
    let message = format!(
        "account {account}: the integration {provider} does not accept scans from {source}; if this source may send findings \
         of the account, accept it, and replay the run"
    );
    with_remediation(message, Some(integration.accept_command(upload)))
}

/// The Regions of an integration, besides its fallback Region, that hold findings of other Regions. Where nobody knows, since
/// the states are of an earlier version, each of them may.
fn keepers(integration: &Integration, coverage: &Coverage, with_state: &BTreeSet<RegionName>) -> BTreeSet<RegionName> {
    if !integration.archive_previous_findings {
        return BTreeSet::new();
    }
    let is_ours = |region: &RegionName| route(integration, *region) == Route::Own;
    let known: BTreeSet<RegionName> = if coverage.is_new() { with_state.clone() } else { coverage.keepers().collect() };
    known.into_iter().filter(|region| is_ours(region) && Some(*region) != integration.fallback_region).collect()
}

/// Takes an account whatever the time of its newest scan is: that stays, unless `scanned_at` is newer. That time, and the
/// answer, which is not [`Begun::Superseded`] but where newer scans are begun all the time.
pub(crate) async fn begin_any<P: Ports>(
    ports: &P,
    account: AccountId,
    run_id: &str,
    content: &str,
    scanned_at: Timestamp,
    until: Timestamp,
) -> Result<(Timestamp, Begun), PortError> {
    let mut tries = 0;
    loop {
        let newest = ports.standing(account).await?.map_or(Timestamp::UNIX_EPOCH, |(newest, _)| newest.newest);
        let newest = newest.max(scanned_at);
        tries += 1;
        let begun = ports.begin(account, run_id, content, newest, ports.now(), until).await?;
        if tries >= BEGIN_TRIES_MAX || !matches!(begun, Begun::Superseded { .. }) {
            return Ok((newest, begun));
        }
    }
}

/// That an integration takes scans in another format, and the command that has it take this one.
fn other_format(account: AccountId, format: ScanFormat, integration: &Integration) -> String {
    let Integration { provider, format: wanted, .. } = integration;
    let remediation = format!("hubctl integration configure {provider} --format {format}");
    with_remediation(
        format!(
            "account {account}: the scan is in {format}, and the integration exports {wanted}; export {format} instead with"
        ),
        Some(remediation),
    )
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

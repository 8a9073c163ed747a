//! The findings of one account on their way: its integration, its filters, its delivery.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::{AccountId, Mapped, Partition, RegionName, Regions, ScanFormat, Unsent};
use jiff::Timestamp;

use crate::approval::Approval;
use crate::connection::{Standing, Target, Upkeep, with_mend};
use crate::deliver::{AccountDelivery, Archive, Policy, Sending, Shared};
use crate::filter::{Kept, filter};
use crate::integration::Integration;
use crate::lease::Lease;
use crate::ports::{Begun, ConnectError, Doubt, PortError, Ports};
use crate::report::{AccountReport, Counts, Fate, undelivered};
use crate::route::{NOT_IN_INTEGRATION, Route, route};
use crate::state::state_prefix;

/// What the accounts of one export share.
pub(crate) struct Context<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) run_id: String,
    pub(crate) format: ScanFormat,
    /// Until when an account is held.
    pub(crate) until: Timestamp,
    pub(crate) regions: Arc<Regions>,
    /// What a user approved.
    pub(crate) approval: Approval,
    pub(crate) shared: Shared,
    /// Knows the accounts' connections, if anybody does.
    pub(crate) upkeep: Option<Arc<dyn Upkeep>>,
}

/// What an account's first finding says of all.
#[derive(Clone, Copy)]
pub(crate) struct First {
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    pub(crate) scanned_at: Timestamp,
}

/// One account of a scan.
pub(crate) struct AccountExport<P: Ports> {
    account: AccountId,
    state: State<P>,
    counts: Counts,
    /// The scan says something of the account besides what a person must look at.
    has_verdicts: bool,
    /// How it stood when this began, if somebody keeps that.
    standing: Option<Standing>,
}

enum State<P: Ports> {
    /// Its findings go to Security Hub. The Regions named are those that stay in doubt, since the integration leaves them out.
    Delivering(Box<Integration>, Box<AccountDelivery<P>>, BTreeSet<RegionName>),
    /// Its findings are all kept back, for this reason.
    KeptBack(&'static str, Option<String>),
    /// Nothing can be sent for this account.
    Blocked(&'static str, String),
}

/// The reason's name in reports for the findings of an older scan.
pub(crate) const SUPERSEDED: &str = "superseded";

impl<P: Ports> AccountExport<P> {
    /// Looks up the account's integration, takes the account, and connects.
    pub(crate) async fn open(context: &Context<P>, first: First) -> Result<Self, PortError> {
        let mut standing = None;
        let state = Self::prepare(context, first, &mut standing).await?;
        Ok(Self { account: first.account, state, counts: Counts::default(), has_verdicts: false, standing })
    }

    async fn prepare(
        context: &Context<P>,
        first: First,
        standing: &mut Option<Standing>,
    ) -> Result<State<P>, PortError> {
        let (ports, account) = (&context.ports, first.account);
        let integration = match enabled(account, ports.integration(&account).await?) {
            Ok(integration) => integration,
            Err(blocked) => return Ok(blocked),
        };
        if integration.format != context.format {
            return Ok(State::KeptBack(Kept::OtherFormat.as_str(), None));
        }
        let now = ports.now();
        // A scan of the future would make every honest one after it an old one.
        let scanned_at = first.scanned_at.min(now);
        let doubt = match ports.begin(account, &context.run_id, scanned_at, now, context.until).await? {
            Begun::Taken { doubt } => doubt,
            Begun::Superseded { newest } => {
                let message = format!("account {account}: the scan of {scanned_at} is older than that of {newest}");
                return Ok(State::KeptBack(SUPERSEDED, Some(message)));
            }
            Begun::Held { run_id } => {
                let message = format!("account {account}: run {run_id} is exporting a scan of it");
                return Ok(State::Blocked(undelivered::ACCOUNT_BUSY, message));
            }
        };
        // What was disabled, or withdrawn and deleted, before the account was ours must not be sent after that.
        let integration = match enabled(account, ports.integration(&account).await?) {
            Ok(integration) => integration,
            Err(blocked) => {
                ports.end(account, &context.run_id, doubt).await?;
                return Ok(blocked);
            }
        };
        let lease = match context.shared.give_up_at {
            Some(_) => Lease::fixed(),
            None => Lease::on_account(ports.clone(), account, context.run_id.clone(), context.until),
        };
        *standing = Standing::read(context.upkeep.as_deref(), account, &integration).await;
        let hub = match ports.connect(account, &integration).await {
            Ok(hub) => hub,
            Err(error) => {
                ports.end(account, &context.run_id, doubt).await?;
                return Ok(match error {
                    ConnectError::Refused { reason, message, mend } => State::Blocked(reason, with_mend(message, mend)),
                    ConnectError::Failed(error) => {
                        State::Blocked(undelivered::CREDENTIALS_UNAVAILABLE, error.to_string())
                    }
                });
            }
        };
        let policy = Policy {
            resend: integration.resend,
            archive: integration.archive_previous_findings,
            archive_scope: integration.archive_scope,
            doubt: doubt.clone(),
            regions: context.regions.clone(),
            remembers_left: false,
            closed: Arc::new(standing.as_ref().map(Standing::closed).unwrap_or_default()),
        };
        let fallback_region = integration.fallback_region;
        let First { partition, scanned_at, .. } = first;
        let sending = Sending { hub, account, partition, scanned_at, fallback_region };
        let mut delivery = AccountDelivery::new(ports.clone(), sending, policy, context.shared.clone()).held_by(lease);
        let mut unwatched = BTreeSet::new();
        if integration.archive_previous_findings || doubt != Doubt::default() {
            let with_state = regions_with_state(ports.as_ref(), account).await?;
            for region in with_state.into_iter().chain(doubt.regions.iter().copied()) {
                // What the integration leaves out is not looked at: that its findings do not come says nothing.
                if route(&integration, region) == Route::Own || fallback_region == Some(region) {
                    delivery.watch(region);
                } else if doubt.covers(region) {
                    unwatched.insert(region);
                }
            }
        }
        Ok(State::Delivering(Box::new(integration), Box::new(delivery), unwatched))
    }

    /// Gives a finding its fate, or hands it to the delivery, which will.
    pub(crate) async fn take(&mut self, context: &Context<P>, mut mapped: Box<Mapped>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.has_verdicts = true;
        let (integration, delivery) = match &mut self.state {
            State::Delivering(integration, delivery, _) => (integration, delivery),
            State::KeptBack(reason, _) => {
                self.counts.add(Fate::Filtered((*reason).to_owned()), 1);
                return Ok(());
            }
            State::Blocked(reason, _) => {
                self.counts.add(Fate::Undelivered((*reason).to_owned()), 1);
                return Ok(());
            }
        };
        let kept = filter(integration, context.format, mapped.status, mapped.severity);
        let region = match route(integration, mapped.region) {
            Route::Own => mapped.region,
            Route::Fallback(region) => {
                mapped.finding.product_arn = mapped.partition.product_arn(region);
                self.counts.redirected += u64::from(kept.is_none());
                region
            }
            Route::NotInIntegration => {
                let unavailable = Fate::RegionUnavailable(mapped.region, NOT_IN_INTEGRATION.to_owned());
                let fate = kept.map_or(unavailable, |kept| Fate::Filtered(kept.as_str().to_owned()));
                self.counts.add(fate, 1);
                return Ok(());
            }
        };
        delivery.send(region, mapped, kept).await
    }

    /// Counts a finding that is never sent, and lets the delivery know that it is there.
    pub(crate) async fn note(&mut self, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.counts.read += 1;
        if let State::Delivering(integration, delivery, _) = &mut self.state {
            match route(integration, unsent.region) {
                Route::Own => return delivery.note(unsent.region, unsent).await,
                Route::Fallback(region) => return delivery.note(region, unsent).await,
                Route::NotInIntegration => {}
            }
        }
        self.counts.add(Fate::Filtered(Kept::Manual.as_str().to_owned()), 1);
        Ok(())
    }

    /// Waits until every finding has its fate, archives what is over, and gives the account back. `incomplete` is why
    /// the scan can't be taken at its word, if so. Adds the account to those that are `stale`, if its connection is to be
    /// looked at anew.
    pub(crate) async fn finish(
        self,
        context: &Context<P>,
        incomplete: Option<String>,
        stale: &mut Vec<Target>,
    ) -> (AccountId, AccountReport, Option<PortError>) {
        let mut report = AccountReport { counts: self.counts, ..AccountReport::default() };
        let (integration, delivery, unwatched) = match self.state {
            State::Delivering(integration, delivery, unwatched) => (integration, delivery, unwatched),
            State::KeptBack(_, message) => {
                report.problem = message.filter(|_| self.has_verdicts);
                return (self.account, report, None);
            }
            State::Blocked(_, message) => {
                stale.extend(self.standing.and_then(Standing::refused));
                report.problem = Some(message).filter(|_| self.has_verdicts);
                return (self.account, report, None);
            }
        };
        let archive = match incomplete {
            _ if !integration.archive_previous_findings => Archive::Off,
            Some(why) => Archive::Incomplete(why),
            None if !self.has_verdicts => Archive::Incomplete("the scan leaves every verdict to a person".to_owned()),
            None if context.approval.pending => Archive::UpTo(100),
            None => Archive::UpTo(integration.archive_limit_percent),
        };
        let delivered = delivery.finish(archive).await;
        report.counts.merge(&delivered.counts);
        report.regions = delivered.regions;
        report.archive = delivered.archive;
        stale.extend(self.standing.and_then(|standing| standing.after(&report.regions, context.ports.now())));
        let doubt = Doubt {
            everywhere: delivered.error.is_some(),
            regions: delivered.doubtful.into_iter().chain(unwatched).collect(),
        };
        let ended = context.ports.end(self.account, &context.run_id, doubt).await;
        (self.account, report, delivered.error.or(ended.err()))
    }
}

/// An integration that is there and enabled.
fn enabled<P: Ports>(account: AccountId, integration: Option<Integration>) -> Result<Integration, State<P>> {
    match integration {
        None => {
            let message = no_integration(account);
            Err(State::Blocked(undelivered::NO_INTEGRATION, message))
        }
        Some(integration) if !integration.enabled => {
            let message = disabled(account, &integration);
            Err(State::Blocked(undelivered::INTEGRATION_DISABLED, message))
        }
        Some(integration) => Ok(integration),
    }
}

/// That an account has no integration, and the command that makes one.
pub(crate) fn no_integration(account: AccountId) -> String {
    let mend = format!("hubctl integration create --provider {account}");
    with_mend(format!("account {account} has no integration"), Some(mend))
}

/// That an account's integration is off, and the command that switches it on and exports what came meanwhile.
pub(crate) fn disabled(account: AccountId, integration: &Integration) -> String {
    let mend = format!("hubctl integration enable {} --replay", integration.provider);
    with_mend(format!("the integration of account {account} is disabled"), Some(mend))
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

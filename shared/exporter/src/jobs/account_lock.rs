//! An account in the hands of a user's job: held as an export holds it, connected, with what is in doubt of it.

use std::collections::BTreeSet;

use asff::{AccountId, Partition, RegionName};
use jiff::Timestamp;

use super::context::{Done, JobContext};
use super::error::RunnerError;
use crate::account::{begin_any, disabled, no_integration, regions_with_state};
use crate::connection::with_remediation;
use crate::coverage::Coverage;
use crate::deliver::{AccountDelivered, AccountDelivery, Policy, Sending};
use crate::integration::Integration;
use crate::lease::Lease;
use crate::ports::{Begun, ConnectError, Doubt, PortError, Ports};
use crate::provider::ProviderId;
use crate::report::{AccountReport, undelivered};

/// An account that is ours until it is given back.
pub(super) struct Hold<P: Ports> {
    pub(super) account: AccountId,
    pub(super) integration: Integration,
    hub: P::Hub,
    pub(super) partition: Partition,
    /// The newest scan that was begun. A job changes nothing about it.
    pub(super) newest: Timestamp,
    doubt: Doubt,
    lease: Lease,
    /// The Regions that have a state.
    pub(super) with_state: BTreeSet<RegionName>,
    pub(super) coverage: Coverage,
}

/// Why an account can't be worked on: a name of [`undelivered`] or of the credentials, and how to fix it.
pub(super) struct Blocked {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// How an integration must stand for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants<'a> {
    /// It is enabled.
    Enabled,
    /// It is there.
    Any,
    /// It is there, enabled or not, and not being deleted: what the removal archives would be made active again.
    NotRemoved,
    /// It is that of this provider.
    Of(&'a ProviderId),
    /// It is that of this provider, and being deleted since then. Any other, were it switched off as well, was made or
    /// called back after the job was given.
    Removing(&'a ProviderId, Timestamp),
}

impl Wants<'_> {
    /// The integration, if it stands as it must.
    fn of(self, account: AccountId, integration: Option<Integration>) -> Result<Integration, Blocked> {
        let blocked = |reason, message| Err(Blocked { reason, message });
        let Some(integration) = integration else {
            return blocked(undelivered::NO_INTEGRATION, no_integration(account));
        };
        match self {
            Self::Enabled if !integration.enabled => {
                blocked(undelivered::INTEGRATION_DISABLED, disabled(account, &integration))
            }
            Self::NotRemoved if integration.deletion_requested_at.is_some() => {
                let remediation = format!("hubctl integration enable {}", integration.provider);
                let message =
                    format!("the integration of account {account} is being deleted, which archives its findings");
                blocked(undelivered::INTEGRATION_DISABLED, with_remediation(message, Some(remediation)))
            }
            Self::Of(provider) | Self::Removing(provider, _) if integration.provider != *provider => {
                let id = &integration.provider;
                blocked(NOT_ARCHIVED, format!("account {account} goes by the integration of {id}, not of {provider}"))
            }
            Self::Removing(provider, since) if integration.deletion_requested_at != Some(since) => {
                let message = format!(
                    "the integration of account {account} is not the one that was to be removed, so its findings are not \
                     archived; to delete it with them: hubctl integration delete {provider} --archive"
                );
                blocked(NOT_ARCHIVED, message)
            }
            _ => Ok(integration),
        }
    }
}

/// The name for findings of an integration that is not given up.
const NOT_ARCHIVED: &str = "not_withdrawn";

impl<P: Ports> Hold<P> {
    /// Records that the run works, now that the account is its own. The account is released if it can't be.
    pub(super) async fn begin(self, context: &JobContext<P>) -> Result<Self, RunnerError> {
        let Err(error) = context.run.ports.record(&context.begun).await else { return Ok(self) };
        self.release(context, AccountDelivered::default(), &BTreeSet::new()).await;
        Err(error.into())
    }

    /// Takes an account whose integration stands as it must. That, and in which Regions there is a state, is read when the
    /// account is ours: until then an export may change the one and a user the other.
    pub(super) async fn take(
        context: &JobContext<P>,
        account: AccountId,
        wants: Wants<'_>,
    ) -> Result<Result<Box<Self>, Blocked>, PortError> {
        let blocked = |reason, message| Ok(Err(Blocked { reason, message }));
        let ports = &context.run.ports;
        // An account that can't be worked on need not be taken.
        if let Err(why) = wants.of(account, ports.integration(&account).await?) {
            return Ok(Err(why));
        }
        let at_least = Timestamp::UNIX_EPOCH;
        let (newest, doubt) =
            match begin_any(ports.as_ref(), account, context.run.run_id(), "", at_least, context.run.until).await? {
                (newest, Begun::Taken { doubt }) => (newest, doubt),
                (_, Begun::Superseded { .. }) => {
                    let message = format!("account {account}: scans of it are being exported");
                    return blocked(undelivered::ACCOUNT_LOCKED, message);
                }
                (_, Begun::Held { run_id }) => {
                    let message = format!("account {account}: run {run_id} works on it; try again when it is done");
                    return blocked(undelivered::ACCOUNT_LOCKED, message);
                }
            };
        let lease = context.lease(account);
        let integration = match wants.of(account, ports.integration(&account).await?) {
            Ok(integration) => integration,
            Err(why) => {
                ports.end(account, context.run.run_id(), doubt).await?;
                return Ok(Err(why));
            }
        };
        let with_state = regions_with_state(ports.as_ref(), account).await?;
        let coverage = Coverage::read(ports.as_ref(), account).await?;
        let hub = match ports.connect(account, &integration).await {
            Ok(hub) => hub,
            Err(error) => {
                ports.end(account, context.run.run_id(), doubt).await?;
                return match error {
                    ConnectError::Refused { reason, message, remediation } => {
                        blocked(reason, with_remediation(message, remediation))
                    }
                    ConnectError::Failed(error) => blocked(undelivered::CREDENTIALS_UNAVAILABLE, error.to_string()),
                };
            }
        };
        let known = with_state.iter().chain(integration.regions.iter().flatten());
        let partition =
            known.copied().find_map(|region| context.run.regions.partition_of(region)).unwrap_or(Partition::Aws);
        Ok(Ok(Box::new(Self { account, integration, hub, partition, newest, doubt, lease, with_state, coverage })))
    }

    /// The delivery by which the account's findings are sent. `scanned_at`: by which scan; the newest, where none is meant.
    pub(super) fn delivery(&self, context: &JobContext<P>, scanned_at: Timestamp) -> AccountDelivery<P> {
        let policy = Policy {
            resend: self.integration.resend,
            // So that a Region that does not answer is said to be unfinished.
            archive: true,
            scope: self.integration.archive_scope,
            keepers: std::sync::Arc::default(),
            only: None,
            full_at: std::sync::Arc::new(self.coverage.full_at()),
            doubt: self.doubt.clone(),
            regions: context.run.regions.clone(),
            accepted: std::sync::Arc::default(),
            closed: std::sync::Arc::default(),
            remembers_left: true,
        };
        let sending = Sending {
            hub: self.hub.clone(),
            account: self.account,
            partition: self.partition,
            scanned_at,
            fallback_region: self.integration.fallback_region,
        };
        AccountDelivery::new(context.run.ports.clone(), sending, policy, context.run.shared.clone())
            .held_by(self.lease.clone())
    }

    /// Gives the account back. `touched`: the Regions that were worked on; of the others everything stays in doubt that was.
    pub(super) async fn release(
        self,
        context: &JobContext<P>,
        delivered: AccountDelivered,
        touched: &BTreeSet<RegionName>,
    ) -> Done {
        let everywhere = if self.doubt.everywhere { self.with_state } else { BTreeSet::new() };
        let untouched = self.doubt.regions.into_iter().chain(everywhere).filter(|region| !touched.contains(region));
        let doubt = Doubt {
            everywhere: false,
            // Of the others each state is what Security Hub has.
            regions: delivered.doubtful.into_iter().chain(untouched).collect(),
        };
        let ended = context.run.ports.end(self.account, context.run.run_id(), doubt).await;
        let report = AccountReport { counts: delivered.counts, regions: delivered.regions, ..AccountReport::default() };
        Done { account: Some(self.account), report, error: delivered.error.or(ended.err()) }
    }
}

impl Blocked {
    /// The end of a job about one account that can't be worked on.
    pub(super) fn into_error(self, account: AccountId) -> RunnerError {
        if self.reason == undelivered::ACCOUNT_LOCKED {
            RunnerError::Locked(self.message)
        } else if undelivered::passes(self.reason) {
            PortError { action: format!("take account {account}"), message: self.message }.into()
        } else {
            RunnerError::Refused(self.message)
        }
    }

    /// The account as it is reported where `findings` of it could not be worked on.
    pub(super) fn report(self, account: AccountId, findings: u64) -> Done {
        let mut report = AccountReport { problem: Some(self.message), ..AccountReport::default() };
        report.counts.read = findings;
        report.counts.add(crate::report::Fate::Undelivered(self.reason.to_owned()), findings);
        Done { account: Some(account), report, error: None }
    }
}

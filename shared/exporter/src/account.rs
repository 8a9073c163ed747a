//! The findings of one account on their way: its integration, its filters, its delivery.

use asff::{AccountId, Identities, Identity, Mapped, Partition, RegionName, ScanFormat, Stamps, Status};
use jiff::{SignedDuration, Timestamp};

use crate::deliver::{AccountDelivery, Outgoing, Shared};
use crate::filter::{Kept, filter};
use crate::integration::Integration;
use crate::ports::{ConnectError, PortError, Ports};
use crate::quarantine::{Entry, Stage};
use crate::report::{AccountReport, Counts, Fate, undelivered};
use crate::route::{NOT_IN_INTEGRATION, Route, route};

/// One account of a scan.
pub(crate) struct AccountExport<P: Ports> {
    account: AccountId,
    shared: Shared,
    state: State<P>,
    counts: Counts,
}

enum State<P: Ports> {
    /// Has an integration; connects with the first finding that is to be sent.
    Ready(Box<Integration>),
    /// Connected.
    Delivering(Box<Integration>, AccountDelivery<P::Hub>),
    /// Nothing can be sent for this account.
    Blocked(Block),
}

/// Why nothing can be sent for an account.
#[derive(Clone)]
struct Block {
    reason: &'static str,
    message: String,
}

impl<P: Ports> AccountExport<P> {
    /// Looks up the account's integration.
    pub(crate) async fn open(ports: &P, account: AccountId, shared: Shared) -> Result<Self, PortError> {
        let state = match ports.integration(&account).await? {
            None => State::Blocked(Block {
                reason: undelivered::NO_INTEGRATION,
                message: format!(
                    "account {account} has no integration; create one and export the upload again: hubctl integration \
                     create --account {account}"
                ),
            }),
            Some(integration) if !integration.enabled => State::Blocked(Block {
                reason: undelivered::INTEGRATION_DISABLED,
                message: format!("the integration of account {account} is disabled"),
            }),
            Some(integration) => State::Ready(Box::new(integration)),
        };
        Ok(Self { account, shared, state, counts: Counts::default() })
    }

    /// Gives a finding its fate, or hands it to the delivery, which will.
    pub(crate) async fn take(
        &mut self,
        ports: &P,
        mut mapped: Box<Mapped>,
        format: ScanFormat,
        identities: &mut Identities,
    ) -> Result<(), PortError> {
        self.counts.read += 1;
        let integration = match &self.state {
            State::Blocked(block) => {
                self.counts.add(Fate::Undelivered(block.reason.to_owned()), 1);
                return Ok(());
            }
            State::Ready(integration) | State::Delivering(integration, _) => integration.as_ref(),
        };
        let identity = identities.settle(&mut mapped);
        let kept = filter(integration, format, mapped.status, mapped.severity)
            .or((identity == Identity::Duplicate).then_some(Kept::Duplicate));
        if let Some(kept) = kept {
            self.counts.add(Fate::Filtered(kept.as_str().to_owned()), 1);
            return Ok(());
        }
        let region = match route(integration, mapped.region) {
            Route::Own => mapped.region,
            Route::Fallback(region) => {
                mapped.finding.product_arn = mapped.partition.product_arn(region);
                self.counts.redirected += 1;
                region
            }
            Route::NotInIntegration => {
                self.counts.add(Fate::RegionUnavailable(mapped.region, NOT_IN_INTEGRATION.to_owned()), 1);
                return Ok(());
            }
        };
        if !mapped.repairs.is_empty() {
            self.counts.repaired += 1;
        }
        match encode(&mapped, identity, ports.now()) {
            Ok(finding) => self.deliver(ports, mapped.partition, region, finding).await,
            Err(entry) => {
                self.counts.add(Fate::Quarantined(entry.code.clone()), 1);
                self.shared.quarantine.put(*entry).await
            }
        }
    }

    async fn deliver(
        &mut self,
        ports: &P,
        partition: Partition,
        region: RegionName,
        finding: Outgoing,
    ) -> Result<(), PortError> {
        if let State::Ready(integration) = &self.state {
            self.state = match ports.connect(integration).await {
                Ok(hub) => {
                    let fallback = integration.fallback_region;
                    let delivery = AccountDelivery::new(hub, partition, fallback, self.shared.clone());
                    State::Delivering(integration.clone(), delivery)
                }
                Err(ConnectError::Refused { reason, message }) => State::Blocked(Block { reason, message }),
                Err(ConnectError::Failed(error)) => {
                    State::Blocked(Block { reason: undelivered::CREDENTIALS_UNAVAILABLE, message: error.to_string() })
                }
            };
        }
        match &mut self.state {
            State::Delivering(_, delivery) => delivery.send(&region, finding).await,
            State::Blocked(block) => {
                self.counts.add(Fate::Undelivered(block.reason.to_owned()), 1);
                Ok(())
            }
            State::Ready(_) => Ok(()),
        }
    }

    /// Waits until every finding has its fate.
    pub(crate) async fn finish(self) -> (AccountId, AccountReport, Option<PortError>) {
        let mut report = AccountReport { counts: self.counts, ..AccountReport::default() };
        let mut error = None;
        match self.state {
            State::Ready(_) => {}
            State::Blocked(block) => report.problem = Some(block.message),
            State::Delivering(_, delivery) => {
                let delivered = delivery.finish().await;
                report.counts.merge(&delivered.counts);
                report.regions = delivered.regions;
                error = delivered.error;
            }
        }
        (self.account, report, error)
    }
}

/// The finding as it is sent.
fn encode(mapped: &Mapped, identity: Identity, now: Timestamp) -> Result<Outgoing, Box<Entry>> {
    let stamps = Stamps { updated_at: updated_at(mapped, identity, now), ..mapped.first_stamps() };
    match mapped.encode(&stamps) {
        Ok(json) => {
            Ok(Outgoing { id: mapped.finding.id.to_string(), json: json.into(), apart: identity == Identity::Worse })
        }
        Err(too_large) => Err(Box::new(Entry {
            stage: Stage::Mapping,
            code: asff::QuarantineCode::TooLarge.as_str().to_owned(),
            message: too_large.to_string(),
            id: Some(mapped.finding.id.to_string()),
            account: Some(mapped.account),
            region: Some(mapped.region),
            offset: Some(mapped.offset),
            finding: serde_json::Value::Null,
        })),
    }
}

/// The scan's time, but never the future: Security Hub would ignore every honest update until then. A worse result for
/// the same resource must come after the better one, so it is later by its rank in milliseconds.
fn updated_at(mapped: &Mapped, identity: Identity, now: Timestamp) -> Timestamp {
    let rank = match (identity, mapped.status) {
        (Identity::Worse, Status::Failed) => 2,
        (Identity::Worse, _) => 1,
        _ => 0,
    };
    let scanned_at = mapped.scanned_at.min(now);
    scanned_at.saturating_add(SignedDuration::from_millis(rank)).unwrap_or(scanned_at)
}

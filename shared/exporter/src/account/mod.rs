//! The findings of one account on their way: its integration, its filters, its delivery.

mod finish;
mod open;
mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asff::{AccountId, Mapped, Partition, RegionName, Regions, ScanFormat, SeverityLabel, Status, Unsent};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub(crate) use self::finish::Finished;
pub(crate) use self::open::{begin_any, disabled, no_integration, regions_with_state};
use self::rest::Dormant;
use crate::approval::Approval;
use crate::connection::{Standing, Upkeep};
use crate::coverage::Coverage;
use crate::deliver::{AccountDelivery, Shared};
use crate::evidence::{Evidence, Malformed};
use crate::filter::{Kept, filter};
use crate::integration::Integration;
use crate::lease::Lease;
use crate::ports::{PortError, Ports};
use crate::report::{Counts, Fate, FileEnd, undelivered};
use crate::route::{Route, route};
use crate::state::{Key, Seen};
use crate::way::{Way, way};

/// What the accounts of one export share.
pub(crate) struct Context<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) run_id: String,
    pub(crate) format: ScanFormat,
    /// The upload, as it is claimed.
    pub(crate) identity: Arc<str>,
    /// What stands for its content.
    pub(crate) content: Arc<str>,
    /// Until when an account is held.
    pub(crate) until: Timestamp,
    pub(crate) regions: Arc<Regions>,
    /// The order that the export belongs to.
    pub(crate) order: Option<String>,
    /// The upload may have been exported before.
    pub(crate) again: bool,
    /// What a user approved.
    pub(crate) approval: Approval,
    /// The scan's format is the one to export.
    pub(crate) any_format: bool,
    pub(crate) shared: Shared,
    /// Runs of which it is known whether they left a report.
    pub(crate) reported: Mutex<BTreeMap<String, bool>>,
    /// Knows the accounts' connections, if anybody does.
    pub(crate) upkeep: Option<Arc<dyn Upkeep>>,
}

/// How the reading of the file ended.
pub(crate) struct Ending {
    pub(crate) end: FileEnd,
    /// The format shows where the file ends.
    pub(crate) has_end: bool,
    /// Where entries could belong that can't be read or mapped.
    pub(crate) malformed: Arc<Malformed>,
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
    evidence: Evidence,
    /// The scan says something of the account besides what a person must look at.
    has_verdicts: bool,
    /// Findings that were in the file before its first entry of the newest scan, where it is exported again: the account counts
    /// by the newest scan now, and they are present as they were then. 40 bytes for each.
    older: Vec<Older>,
    /// How it stood when this began, if somebody keeps that.
    standing: Option<Standing>,
    /// It could not be connected to again after it came to rest.
    is_stranded: bool,
}

enum State<P: Ports> {
    /// Its findings go to Security Hub.
    Delivering(Box<Delivering<P>>),
    /// The same, coming to rest.
    Settling(JoinHandle<Dormant<P>>),
    /// The same, at rest.
    Resting(Box<Dormant<P>>),
    /// For a moment, between the two.
    Waking,
    /// An earlier run finished it for the same upload; what that run says of it, if not all is well.
    Complete(Option<String>),
    /// Its findings are all kept back, for this reason.
    KeptBack(&'static str, Option<String>),
    /// A newer scan of the whole account was exported. A newer entry of the same file may still count.
    Superseded(Timestamp, String),
    /// Nothing can be sent for this account.
    Blocked(&'static str, String),
}

/// An account whose findings go to Security Hub.
struct Delivering<P: Ports> {
    integration: Integration,
    delivery: AccountDelivery<P>,
    coverage: Arc<Coverage>,
    lease: Lease,
    /// The time of the first entry, never in the future.
    scanned_at: Timestamp,
    /// Regions that stay in doubt, since the integration leaves them out.
    unwatched: BTreeSet<RegionName>,
}

/// What an older scan in the file says of a finding.
struct Older {
    region: RegionName,
    key: Key,
    /// The time of the scan, in milliseconds since 1970.
    at_ms: i64,
    status: Status,
    severity: SeverityLabel,
}

/// The reason's name in reports for the findings of an older scan.
pub(crate) const SUPERSEDED: &str = "superseded";

/// The reason's name in reports for the findings of an account that an earlier run of the same upload finished.
pub(crate) const ALREADY_EXPORTED: &str = "already_exported";

fn asleep(account: AccountId) -> PortError {
    PortError { action: format!("export account {account}"), message: "it is at rest".to_owned() }
}

impl<P: Ports> AccountExport<P> {
    /// Gives a finding its fate, or hands it to the delivery, which will.
    pub(crate) async fn take(&mut self, context: &Context<P>, mut mapped: Box<Mapped>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.has_verdicts = true;
        self.reopen(context, mapped.partition, mapped.scanned_at).await?;
        if let Err(error) = self.rouse(context).await {
            // It stays at rest; the next try of the upload goes on with it.
            tracing::warn!(account.id = %self.account, %error, "the account could not be connected to again");
            self.counts.add(Fate::Undelivered(undelivered::CREDENTIALS_UNAVAILABLE.to_owned()), 1);
            return Ok(());
        }
        self.tell_older(context).await?;
        let Delivering { integration, delivery, coverage, .. } = match &mut self.state {
            State::Delivering(delivering) => delivering.as_mut(),
            State::Superseded(..) => {
                self.evidence.time(mapped.scanned_at);
                if context.again {
                    let at_ms = mapped.scanned_at.min(context.ports.now()).as_millisecond();
                    let (key, region) = (Key::of(mapped.finding.id.as_str()), mapped.region);
                    let (status, severity) = (mapped.status, mapped.severity);
                    self.older.push(Older { region, key, at_ms, status, severity });
                }
                self.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
                return Ok(());
            }
            State::KeptBack(reason, _) => {
                self.counts.add(Fate::Filtered((*reason).to_owned()), 1);
                return Ok(());
            }
            State::Complete(_) => {
                self.counts.add(Fate::Filtered(ALREADY_EXPORTED.to_owned()), 1);
                return Ok(());
            }
            // It was woken above.
            State::Settling(_) | State::Resting(_) | State::Waking => return Err(asleep(self.account)),
            State::Blocked(reason, _) => {
                self.counts.add(Fate::Undelivered((*reason).to_owned()), 1);
                return Ok(());
            }
        };
        self.evidence.verdict(&mapped.check_id, mapped.region, mapped.scanned_at);
        if coverage.is_superseded(mapped.check_id.as_str(), mapped.region, mapped.scanned_at) {
            self.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
            return Ok(());
        }
        let Way { region, kept, redirected } = match way(integration, context.format, &mapped) {
            Ok(way) => way,
            Err(fate) => {
                let seen = match fate {
                    Fate::RegionUnavailable(..) => Seen::Wanted,
                    _ => filter(integration, context.format, mapped.status, mapped.severity)
                        .map_or(Seen::Wanted, Kept::seen),
                };
                self.counts.add(fate, 1);
                return delivery.see_elsewhere(&mapped, seen).await;
            }
        };
        if region != mapped.region {
            mapped.finding.product_arn = mapped.partition.product_arn(region);
        }
        self.counts.redirected += u64::from(redirected);
        delivery.send(region, mapped, kept).await
    }

    /// Tells the Regions, once the account is open, what the file had before.
    async fn tell_older(&mut self, context: &Context<P>) -> Result<(), PortError> {
        let State::Delivering(delivering) = &mut self.state else { return Ok(()) };
        let Delivering { integration, delivery, .. } = delivering.as_mut();
        for Older { region, key, at_ms, status, severity } in std::mem::take(&mut self.older) {
            let seen = filter(integration, context.format, status, severity).map_or(Seen::Wanted, Kept::seen);
            let region = match route(integration, region) {
                Route::Own | Route::NotInIntegration => region,
                Route::Fallback(fallback) => fallback,
            };
            delivery.see_in(region, key, seen, at_ms).await?;
        }
        Ok(())
    }

    /// Counts a finding that is never sent, and lets the delivery know that it is there.
    pub(crate) async fn note(&mut self, context: &Context<P>, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.counts.read += 1;
        self.evidence.time(unsent.scanned_at);
        self.reopen(context, unsent.partition, unsent.scanned_at).await?;
        // Where it can't be woken, nothing is judged, and what was sent stays as it is.
        drop(self.rouse(context).await);
        if let State::Delivering(delivering) = &mut self.state {
            let Delivering { integration, delivery, .. } = delivering.as_mut();
            match route(integration, unsent.region) {
                Route::Own => return delivery.note(unsent.region, unsent).await,
                Route::Fallback(region) => return delivery.note(region, unsent).await,
                Route::NotInIntegration => {}
            }
        }
        self.counts.add(Fate::Filtered(Kept::Manual.as_str().to_owned()), 1);
        Ok(())
    }
}

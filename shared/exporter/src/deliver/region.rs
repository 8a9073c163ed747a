//! One worker for each account and Region: compares what the scan says with what was last sent, sends the difference, keeps
//! the state, and at the end archives what is over.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use asff::{Identities, Identity, Mapped, RegionName, Regions, ResourceHash, Unsent};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::sender::Sender;
use super::stamp::{readdress, stamps};
use super::stop::{Stop, explain, still_closed};
use crate::account::SUPERSEDED;
use crate::filter::Kept;
use crate::integration::ArchiveScope;
use crate::pack::Outgoing;
use crate::ports::{CallError, Doubt, Hub, PortError, Ports};
use crate::quarantine::{Entry, Quarantine};
use crate::report::{Counts, Fate, RegionReport, undelivered};
use crate::state::{
    Declined, Delta, Header, Key, Ledger, Resend, Seen, Slot, Stored, Trust, adopt, decide, denied, fingerprint,
};

/// What a worker is told.
pub(crate) enum Message {
    /// A finding of the scan, and why it is kept back, if so.
    Finding(Box<Mapped>, Option<Kept>),
    /// A finding of the scan that is never sent.
    Unsent(Box<Unsent>),
    /// A finding that its own Region does not take.
    Redirected(Outgoing),
    /// What the scan says of a finding of another Region that may have come here in an earlier scan.
    Seen(Key, Seen),
}

/// How a worker behaves.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) resend: Resend,
    pub(crate) archive: bool,
    pub(crate) archive_scope: ArchiveScope,
    /// What an earlier run left in doubt.
    pub(crate) doubt: Doubt,
    pub(crate) regions: Arc<Regions>,
    /// Whether the keys of what is left to a later run are gathered: 8 bytes for each.
    pub(crate) remembers_left: bool,
    /// Regions that took nothing when they were looked at: they are asked before anything is sent to them.
    pub(crate) closed: Arc<BTreeSet<RegionName>>,
}

/// A Region's worker.
pub(crate) struct RegionWorker<P: Ports> {
    pub(crate) ports: Arc<P>,
    pub(crate) header: Header,
    /// The scan's own time, which may lie ahead of the clock.
    pub(crate) dated: Timestamp,
    pub(crate) policy: Policy,
    pub(crate) sender: Sender<P::Hub>,
    pub(crate) quarantine: Quarantine,
    pub(crate) fallback: Option<(RegionName, mpsc::Sender<Message>)>,
    pub(crate) work: Work<P>,
}

/// What changes while a worker works.
pub(crate) struct Work<P: Ports> {
    pub(super) ledger: Option<Ledger<P>>,
    identities: Identities,
    pub(super) checks: HashSet<u32>,
    pub(super) counts: Counts,
    pub(super) report: RegionReport,
    pub(super) archiving: bool,
    /// Everything that should be in Security Hub is.
    pub(super) clean: bool,
    /// The keys of what is left to a later run, if they are asked for.
    pub(super) left_keys: HashSet<Key>,
    /// Something is left to a later run; where it belongs to, nobody can say that it is gone.
    pub(crate) left: bool,
    /// The state was opened, and adopted where it had to be.
    pub(super) opened: bool,
    pub(super) error: Option<PortError>,
}

impl<P: Ports> Default for Work<P> {
    fn default() -> Self {
        Self {
            ledger: None,
            identities: Identities::default(),
            checks: HashSet::new(),
            counts: Counts::default(),
            report: RegionReport::default(),
            archiving: false,
            clean: true,
            left_keys: HashSet::new(),
            left: false,
            opened: false,
            error: None,
        }
    }
}

/// What a worker did.
#[derive(Debug, Default)]
pub(crate) struct Worked {
    pub(crate) counts: Counts,
    pub(crate) report: RegionReport,
    /// The Region was in doubt and still is.
    pub(crate) doubtful: bool,
    /// The state or the quarantine could not be kept: the run must fail.
    pub(crate) error: Option<PortError>,
    pub(crate) left: HashSet<Key>,
}

impl<P: Ports> RegionWorker<P> {
    /// Takes what comes through the queue until it is closed and every finding has a fate.
    pub(crate) async fn drain(mut self, mut queue: mpsc::Receiver<Message>) -> Self {
        if self.policy.archive || self.is_doubtful() {
            let opened = self.open().await;
            self.note(opened);
        }
        while let Some(message) = queue.recv().await {
            if self.work.error.is_some() {
                continue;
            }
            let taken = match message {
                Message::Finding(mapped, kept) => self.take(mapped, kept).await,
                Message::Unsent(unsent) => self.note_unsent(unsent).await,
                Message::Redirected(finding) => self.take_over(finding).await,
                Message::Seen(key, seen) => self.see(key, seen).await,
            };
            let settled = self.settle().await;
            self.note(taken.and(settled));
        }
        self.sender.flush().await;
        let settled = self.settle().await;
        self.note(settled);
        self.fallback = None;
        // All is told apart; what is archived next comes from the state, which holds each finding once.
        self.work.identities = Identities::default();
        self
    }

    pub(super) fn note(&mut self, outcome: Result<(), PortError>) {
        if let Err(error) = outcome {
            self.work.error.get_or_insert(error);
        }
    }

    /// Opens the Region's state with the first word about the Region; from then on either the state is there or the
    /// sender knows why nothing can be sent.
    pub(crate) async fn open(&mut self) -> Result<(), PortError> {
        if self.work.ledger.is_some() || self.sender.stop().is_some() {
            return Ok(());
        }
        if !self.reach().await {
            return Ok(());
        }
        let lane = self.sender.lane();
        let hub = lane.hub.clone();
        let mut ledger = Ledger::open(self.ports.clone(), self.header.clone()).await?;
        if let Some(ahead) = ledger.old.as_ref().and_then(|old| old.ahead).filter(|ahead| ahead.dated == self.dated) {
            self.header.ahead = Some(ahead);
            ledger.header.ahead = Some(ahead);
        }
        if let Some(trust) = self.trust(&ledger) {
            let now_ms = self.ports.now().as_millisecond();
            let until = self.sender.lane().give_up_at;
            match adopt(ledger, &hub, &self.policy.regions, trust, now_ms, until).await {
                Ok(drift) => {
                    self.work.report.adopted = drift.unknown;
                    self.work.report.not_adopted = drift.unread;
                    if let Some(reason) = drift.paused {
                        self.sender.refuse(Stop::Undelivered(reason));
                        return Ok(());
                    }
                }
                Err(Declined::Hub(error @ (CallError::AccessDenied(_) | CallError::InvalidAccess(_)))) => {
                    self.work.report.not_adopted = Some(denied(&error));
                }
                Err(Declined::Hub(_)) => {
                    self.sender.refuse(Stop::Undelivered(undelivered::SERVICE_ERROR));
                    return Ok(());
                }
                Err(Declined::Port(error)) => return Err(error),
            }
            ledger = Ledger::open(self.ports.clone(), self.header.clone()).await?;
        }
        if let Some(old) = ledger.old.as_ref().filter(|old| old.scanned_at > ledger.header.scanned_at) {
            // What is sent late of an older scan does not make the state one of that scan.
            (ledger.header.scanned_at, ledger.header.ahead) = (old.scanned_at, old.ahead);
        }
        if let Some(adopting) = &ledger.header.adopting {
            self.work.report.not_adopted = adopting.given_up.clone();
        }
        self.work.ledger = Some(ledger);
        self.work.opened = true;
        Ok(())
    }

    /// Asks the hub since when it is on. False, where the sender knows by then why nothing can be sent.
    pub(super) async fn reach(&mut self) -> bool {
        let lane = self.sender.lane();
        let (hub, region, partition) = (lane.hub.clone(), lane.region, lane.partition);
        if self.policy.closed.contains(&region)
            && let Some(unavailable) = still_closed(&hub, partition, &region).await
        {
            self.sender.refuse(Stop::Unavailable(unavailable));
            return false;
        }
        self.header.hub_since = match hub.since(&region).await {
            Ok(since) => since,
            Err(CallError::AccessDenied(_)) => None,
            Err(
                error @ (CallError::InvalidAccess(_) | CallError::UnrecognizedClient(_) | CallError::Unreachable(_)),
            ) => {
                let unavailable = explain(&hub, partition, &region, &error).await;
                self.sender.refuse(Stop::Unavailable(unavailable));
                return false;
            }
            Err(CallError::Throttled(_)) => {
                self.sender.refuse(Stop::Undelivered(undelivered::THROTTLED));
                return false;
            }
            Err(_) => {
                self.sender.refuse(Stop::Undelivered(undelivered::SERVICE_ERROR));
                return false;
            }
        };
        true
    }

    /// How far the service's word is to be trusted where the state does not do; none where the state does.
    fn trust(&self, ledger: &Ledger<P>) -> Option<Trust> {
        let Some(old) = &ledger.old else { return Some(Trust::Content) };
        if self.is_doubtful() || !old.is_of_this_hub(&self.header) {
            return Some(Trust::Existence);
        }
        old.adopting.as_ref().filter(|adopting| adopting.given_up.is_none()).map(|adopting| adopting.trust)
    }

    /// Whether Security Hub may hold what the state does not know of.
    pub(super) fn is_doubtful(&self) -> bool {
        self.policy.doubt.covers(self.header.region)
    }

    /// Gives a finding of the scan its fate, or sends it.
    async fn take(&mut self, mut mapped: Box<Mapped>, kept: Option<Kept>) -> Result<(), PortError> {
        if kept.is_none() {
            self.open().await?;
        }
        // A finding that came by way of the fallback says nothing of what was scanned here.
        let scanned_here = mapped.region == self.header.region;
        if self.is_anothers(mapped.finding.id.as_str(), mapped.resource_hash) {
            mapped.use_longer_id();
        }
        let work = &mut self.work;
        let resource = mapped.resource_hash.fingerprint();
        let identity = work.identities.settle(&mut mapped);
        let key = Key::of(mapped.finding.id.as_str());
        let check = fingerprint(mapped.check_id.as_str());
        if scanned_here {
            work.checks.insert(check);
        }
        let duplicate = (identity == Identity::Duplicate).then_some(Kept::Duplicate);
        if let Some(kept) = kept.or(duplicate) {
            work.counts.add(Fate::Filtered(kept.as_str().to_owned()), 1);
            return self.see(key, kept.seen()).await;
        }
        if !mapped.repairs.is_empty() {
            work.counts.repaired += 1;
        }
        let now = self.ports.now();
        let content = mapped.content_hash();
        let last = work.ledger.as_ref().and_then(|ledger| ledger.index.get(key)).copied();
        if last.is_some_and(|last| last.is_newer_than(self.header.scanned_at)) {
            work.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
            return self.see(key, Seen::Wanted).await;
        }
        if let Some(ledger) = &mut work.ledger {
            ledger.index.see(key, Seen::Wanted);
            let delta = decide(last.as_ref(), content, now.as_millisecond());
            let done = self.header.has_sent(last.as_ref(), mapped.scanned_at.as_millisecond());
            let skips = self.policy.resend == Resend::Changed || done;
            if delta == Delta::Same && skips && identity != Identity::Worse {
                work.counts.add(Fate::Unchanged, 1);
                return Ok(());
            }
            work.report.changes.count(delta);
        }
        let stamps = stamps(&mapped, identity, last.as_ref(), now);
        match mapped.encode(&stamps) {
            Ok(json) => {
                let slot = Slot {
                    key,
                    content,
                    resource,
                    check,
                    first_seen_ms: stamps.first_observed_at.as_millisecond(),
                    updated_ms: stamps.updated_at.as_millisecond(),
                    sent_ms: now.as_millisecond(),
                    stored: Stored::Active(mapped.status),
                };
                let id = mapped.finding.id.to_string();
                let apart = identity == Identity::Worse;
                self.dispatch(Outgoing { id, json: json.into(), slot, apart }).await
            }
            Err(too_large) => {
                work.counts.add(Fate::Quarantined(asff::QuarantineCode::TooLarge.as_str().to_owned()), 1);
                self.quarantine.put(Entry::too_large(&mapped, &too_large)).await
            }
        }
    }

    /// Whether an earlier scan's finding of another resource has the Id.
    fn is_anothers(&self, id: &str, resource: ResourceHash) -> bool {
        let holder = self.work.ledger.as_ref().and_then(|ledger| ledger.index.get(Key::of(id)));
        holder.is_some_and(|holder| holder.resource != 0 && holder.resource != resource.fingerprint())
    }

    /// Keeps what was sent of a finding that is never sent as it is now.
    async fn note_unsent(&mut self, mut unsent: Box<Unsent>) -> Result<(), PortError> {
        if self.is_anothers(unsent.id.as_str(), unsent.resource_hash) {
            unsent.use_longer_id();
        }
        self.work.counts.add(Fate::Filtered(Kept::Manual.as_str().to_owned()), 1);
        self.see(Key::of(unsent.id.as_str()), Kept::Manual.seen()).await
    }

    /// Notes what the scan says of a finding that was perhaps sent before, here or to the fallback Region.
    async fn see(&mut self, key: Key, seen: Seen) -> Result<(), PortError> {
        if let Some(ledger) = &mut self.work.ledger {
            ledger.index.see(key, seen);
        }
        // It may have gone to the fallback in an earlier scan, whatever this Region does today. What this Region has is not
        // wanted there as well.
        let unavailable = matches!(self.sender.stop(), Some(Stop::Unavailable(_)));
        if let Some((_, fallback)) = &self.fallback
            && (unavailable || seen != Seen::Wanted)
        {
            fallback.send(Message::Seen(key, seen)).await.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Takes a finding that its own Region does not take.
    async fn take_over(&mut self, mut finding: Outgoing) -> Result<(), PortError> {
        self.open().await?;
        if let Some(ledger) = &mut self.work.ledger {
            let last = ledger.index.get(finding.slot.key).copied();
            ledger.index.see(finding.slot.key, Seen::Wanted);
            let now_ms = self.ports.now().as_millisecond();
            let delta = decide(last.as_ref(), finding.slot.content, now_ms);
            let done = self.header.has_sent(last.as_ref(), finding.slot.updated_ms);
            if delta == Delta::Same && (self.policy.resend == Resend::Changed || done) {
                self.work.counts.add(Fate::Unchanged, 1);
                return Ok(());
            }
            self.work.report.changes.count(delta);
            if let Some(last) = last {
                finding.slot.first_seen_ms = finding.slot.first_seen_ms.min(last.first_seen_ms);
                finding.slot.updated_ms = finding.slot.updated_ms.max(last.updated_ms + 1);
            }
        }
        let lane = self.sender.lane();
        let readdressed = readdress(&finding, &lane.partition.product_arn(lane.region));
        finding.json = readdressed.map_err(|error| self.failed(&error))?.into();
        self.dispatch(finding).await
    }

    pub(super) fn failed(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("deliver to {}", self.header.region), message: error.to_string() }
    }
}

//! The delivery of one account's findings: one worker for each Region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asff::{AccountId, Mapped, Partition, RegionName, Unsent};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::batch::{Counters, RegionConfig};
use super::call_rate::CallRate;
use super::delivered::{AccountDelivered, ended_early};
use super::halt::RegionHalt;
use super::sender::Sender;
use super::timed_hub::Timed;
use super::worker::conclude::Conclusion;
use super::worker::judge::Heard;
use super::worker::judge::Verdicts;
use super::worker::region::Policy;
use super::worker::region::{Message, RegionWorker, WorkerState};
use crate::filter::FilterReason;
use crate::json_lines::JsonLines;
use crate::lease::Lease;
use crate::limit::Limit;
use crate::ports::{PortError, Ports};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::PendingFinding;
use crate::settings::Settings;
use crate::state::{Ahead, FindingKey, SeenInScan, StateHeader, Tail};

/// What the deliveries of one export share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) run_id: Arc<str>,
    pub(crate) settings: Settings,
    pub(crate) in_flight: Arc<Semaphore>,
    /// Room for findings that wait for the end of the file.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) give_up_at: Option<Instant>,
    pub(crate) quarantine: Quarantine,
    pub(crate) pending: JsonLines<PendingFinding>,
    pub(crate) progress: Arc<Progress>,
}

/// The delivery of one account's findings.
pub(crate) struct AccountDelivery<P: Ports> {
    pub(super) ports: Arc<P>,
    pub(super) hub: P::Hub,
    pub(super) account: AccountId,
    pub(super) partition: Partition,
    pub(super) scanned_at: Timestamp,
    pub(super) fallback_region: Option<RegionName>,
    pub(super) policy: Policy,
    pub(super) shared: Shared,
    pub(super) lease: Lease,
    pub(super) workers: BTreeMap<RegionName, Running<P>>,
    /// A Region of the account answered.
    pub(super) heard: Arc<AtomicBool>,
    /// The Regions that came to rest, and have not gone on.
    pub(super) rested: BTreeMap<RegionName, Rested<P>>,
    /// What became of Regions that ended early.
    pub(super) delivered: AccountDelivered,
}

pub(super) struct Running<P: Ports> {
    pub(super) queue: mpsc::Sender<Message>,
    pub(super) task: JoinHandle<RegionWorker<P>>,
}

/// The delivery of one account's findings, at rest.
pub(crate) struct Resting<P: Ports> {
    pub(super) ports: Arc<P>,
    pub(super) account: AccountId,
    pub(super) partition: Partition,
    pub(super) scanned_at: Timestamp,
    pub(super) fallback_region: Option<RegionName>,
    pub(super) policy: Policy,
    pub(super) shared: Shared,
    pub(super) lease: Lease,
    pub(super) heard: Arc<AtomicBool>,
    pub(super) rested: BTreeMap<RegionName, Rested<P>>,
    pub(super) delivered: AccountDelivered,
}

/// A Region's worker at rest.
pub(crate) struct Rested<P: Ports> {
    pub(super) header: StateHeader,
    pub(super) stop: Option<RegionHalt>,
    pub(super) has_accepted: bool,
    /// Security Hub may hold what the state does not know of.
    pub(super) in_doubt_regions: bool,
    /// Calls, of these throttled, and failed for another passing reason.
    pub(super) calls: (u64, u64, u64),
    pub(super) work: Box<WorkerState<P>>,
    /// What the file says of findings that the state knew.
    pub(super) marks: Vec<(FindingKey, SeenInScan)>,
}

/// How findings are judged that are not in the scan, at the end of an account's delivery.
pub(crate) struct Judging {
    pub(crate) verdicts: Verdicts,
    /// What is archived. None: nothing, since the integration does not archive.
    pub(crate) limit: Option<Limit>,
}

/// Whose findings are delivered.
pub(crate) struct Sending<P: Ports> {
    pub(crate) hub: P::Hub,
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    /// The scan's own time, which may lie ahead of the clock.
    pub(crate) scanned_at: Timestamp,
    pub(crate) fallback_region: Option<RegionName>,
}

impl<P: Ports> AccountDelivery<P> {
    pub(crate) fn new(ports: Arc<P>, sending: Sending<P>, policy: Policy, shared: Shared) -> Self {
        let Sending { hub, account, partition, scanned_at, fallback_region } = sending;
        let (lease, workers, heard) = (Lease::fixed(), BTreeMap::new(), Arc::default());
        let (rested, delivered) = (BTreeMap::new(), AccountDelivered::default());
        Self {
            ports,
            hub,
            account,
            partition,
            scanned_at,
            fallback_region,
            policy,
            shared,
            lease,
            workers,
            heard,
            rested,
            delivered,
        }
    }

    /// The same, stopping when the hold on the account is lost.
    pub(crate) fn held_by(self, lease: Lease) -> Self {
        Self { lease, ..self }
    }

    /// Starts the workers of Regions that the scan may not mention, but a state does.
    pub(crate) fn watch(&mut self, region: RegionName) {
        drop(self.queue(region));
    }

    /// Hands a finding to a Region's worker; waits while that worker has enough to do.
    pub(crate) async fn send(
        &mut self,
        region: RegionName,
        mapped: Box<Mapped>,
        kept: Option<FilterReason>,
    ) -> Result<(), PortError> {
        let queue = self.queue(region);
        queue.send(Message::Finding(mapped, kept)).await.map_err(|_| ended_early(region))
    }

    /// Tells the Regions that may hold a copy of a finding what the scan says of it, where its own Region is left out.
    pub(crate) async fn see_elsewhere(&mut self, mapped: &Mapped, seen: SeenInScan) -> Result<(), PortError> {
        let at_ms = mapped.scanned_at.min(self.ports.now()).as_millisecond();
        let key = FindingKey::of(mapped.finding.id.as_str());
        for keeper in self.policy.keepers.clone().iter() {
            let queue = self.queue(*keeper);
            queue.send(Message::SeenInScan(key, seen, at_ms)).await.map_err(|_| ended_early(*keeper))?;
        }
        Ok(())
    }

    /// Tells each Region that may hold a finding, among them this one, what the scan says of it.
    pub(crate) async fn see_in(
        &mut self,
        region: RegionName,
        key: FindingKey,
        seen: SeenInScan,
        at_ms: i64,
    ) -> Result<(), PortError> {
        let holders = self.policy.keepers.iter().copied().chain(self.fallback_region).chain([region]);
        let is_known = |holder: &RegionName| self.workers.contains_key(holder) || self.rested.contains_key(holder);
        let holders: BTreeSet<RegionName> = holders.filter(is_known).collect();
        for holder in holders {
            let queue = self.queue(holder);
            queue.send(Message::SeenInScan(key, seen, at_ms)).await.map_err(|_| ended_early(holder))?;
        }
        Ok(())
    }

    /// Tells a Region's worker of a finding that is never sent.
    pub(crate) async fn note(&mut self, region: RegionName, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.queue(region).send(Message::Unsent(unsent)).await.map_err(|_| ended_early(region))
    }

    fn queue(&mut self, region: RegionName) -> mpsc::Sender<Message> {
        if let Some(running) = self.workers.get(&region) {
            return running.queue.clone();
        }
        let fallback = self.fallback_region.filter(|fallback| *fallback != region).map(|fallback| self.queue(fallback));
        // A keeper tells only those after it, and the fallback nobody, so that none waits for another in a circle. All others
        // are told late.
        let is_before =
            |keeper: &RegionName| self.fallback_region != Some(region) && Some(*keeper) != self.fallback_region;
        let after =
            self.policy.keepers.iter().skip_while(|keeper| self.policy.keepers.contains(&region) && **keeper <= region);
        let keepers: Vec<RegionName> =
            after.filter(|keeper| **keeper != region && is_before(keeper)).copied().collect();
        let all = self.policy.keepers.iter().copied();
        let late = all.filter(|keeper| *keeper != region && !keepers.contains(keeper)).collect();
        let keepers = keepers.into_iter().map(|keeper| self.queue(keeper)).collect();
        let mut worker = RegionWorker { late, ..self.worker(region, fallback, keepers) };
        if let Some(rested) = self.rested.remove(&region) {
            worker.resume(rested);
        }
        let (queue, receiver) = mpsc::channel(self.shared.settings.worker_queue_max);
        let task = tokio::spawn(worker.drain(receiver));
        self.workers.insert(region, Running { queue: queue.clone(), task });
        queue
    }

    pub(super) fn worker(
        &self,
        region: RegionName,
        fallback: Option<mpsc::Sender<Message>>,
        keepers: Vec<mpsc::Sender<Message>>,
    ) -> RegionWorker<P> {
        let settings = &self.shared.settings;
        let lane = RegionConfig {
            hub: Timed::new(self.hub.clone(), self.shared.give_up_at, self.heard.clone()),
            partition: self.partition,
            account: self.account,
            region,
            settings: settings.clone(),
            pace: CallRate::new(settings.import_calls_per_second, settings.import_calls_burst),
            in_flight: self.shared.in_flight.clone(),
            give_up_at: self.shared.give_up_at,
            lease: self.lease.clone(),
            counters: Counters::default(),
            accepted: AtomicBool::default(),
            progress: self.shared.progress.clone(),
        };
        let now = self.ports.now();
        let scanned_at = Some(self.scanned_at.min(now));
        let ahead = (self.scanned_at > now).then_some(Ahead { dated: self.scanned_at, begun: now });
        let tail = Tail { full_at: self.policy.full_at.get(&region).copied(), ..Tail::default() };
        RegionWorker {
            ports: self.ports.clone(),
            run_id: self.shared.run_id.clone(),
            header: StateHeader { account: self.account, region, hub_since: None, scanned_at, ahead, tail },
            dated: self.scanned_at,
            policy: self.policy.clone(),
            sender: Sender::new(lane),
            quarantine: self.shared.quarantine.clone(),
            pending: self.shared.pending.clone(),
            fallback,
            keepers,
            room: self.shared.room.clone(),
            marks: Vec::new(),
            late: Vec::new(),
            work: WorkerState::default(),
        }
    }

    /// Closes the queues, waits until every finding has its fate, archives what is resolved if it may, and saves the states.
    /// Without judging, nothing is said about findings that were not sent.
    pub(crate) async fn finish(mut self, judging: Option<Judging>) -> AccountDelivered {
        for region in self.rested.keys().copied().collect::<Vec<_>>() {
            self.watch(region);
        }
        let mut delivered = std::mem::take(&mut self.delivered);
        let mut drained = self.drain(&mut delivered).await;
        tell_late(&mut drained);
        let all_spoke = delivered.error.is_none() && drained.iter().all(RegionWorker::has_spoken);
        let mut conclusion = Conclusion::default();
        if let Some(judging) = judging {
            for worker in &mut drained {
                worker.end_of_file();
                let heard = self.heard(worker.header.region, all_spoke);
                worker.prepare(judging.verdicts.clone(), heard).await;
            }
            if let Some(limit) = judging.limit {
                conclusion = delivered.decide(&judging.verdicts, limit, &drained);
            }
        }
        let conclude = |worker: RegionWorker<P>| (worker.header.region, tokio::spawn(worker.conclude(conclusion)));
        let saving: Vec<_> = drained.into_iter().map(conclude).collect();
        for (region, task) in saving {
            if let Some(worked) = delivered.joined(region, task.await) {
                delivered.add(region, worked);
            }
        }
        if !self.heard.load(Ordering::Relaxed) {
            delivered.blame_network();
        }
        delivered
    }

    /// Which Regions a Region heard of: all whose findings go to a Region, be it the fallback Region.
    fn heard(&self, region: RegionName, all_spoke: bool) -> Heard {
        if self.fallback_region == Some(region) {
            return Heard { is_nothing: !all_spoke, only: None };
        }
        let is_nothing = !all_spoke || !self.policy.keepers.contains(&region);
        let only = if self.fallback_region.is_some() { None } else { self.policy.only.clone() };
        Heard { is_nothing, only }
    }

    /// Lets the workers come to the end of their queues: those that tell others first, the fallback Region's last.
    pub(super) async fn drain(&mut self, delivered: &mut AccountDelivered) -> Vec<RegionWorker<P>> {
        let mut last = Vec::new();
        let keepers = self.policy.keepers.iter().copied().filter(|keeper| Some(*keeper) != self.fallback_region);
        for region in keepers.chain(self.fallback_region).collect::<Vec<_>>() {
            last.extend(self.workers.remove_entry(&region));
        }
        // Close all other queues first, so that the workers drain at the same time.
        let tasks: Vec<_> =
            std::mem::take(&mut self.workers).into_iter().map(|(region, running)| (region, running.task)).collect();
        let mut drained = Vec::new();
        for (region, task) in tasks {
            drained.extend(delivered.joined(region, task.await));
        }
        for (region, running) in last {
            drop(running.queue);
            drained.extend(delivered.joined(region, running.task.await));
        }
        drained
    }
}

/// Tells the Regions that may hold copies what others could not tell them before, without waiting for each other in a circle.
fn tell_late<P: Ports>(drained: &mut [RegionWorker<P>]) {
    for teller in 0..drained.len() {
        let untold = std::mem::take(&mut drained[teller].work.untold);
        let late = std::mem::take(&mut drained[teller].late);
        for keeper in drained.iter_mut().filter(|worker| late.contains(&worker.header.region)) {
            for (key, seen, at_ms) in &untold {
                keeper.mark(*key, *seen, *at_ms);
            }
        }
    }
}

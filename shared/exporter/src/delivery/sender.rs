//! One Region's sender: fills batches, keeps calls in flight, and says what became of each finding.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::batch::{Delivered, RegionConfig, deliver};
use super::halt::{RegionHalt, explain};
use crate::pack::{Batch, Outgoing, Packer};
use crate::ports::Hub;
use crate::quarantine::Rejected;
use crate::report::undelivered;
use crate::state::FindingKey;

/// What became of findings that were given to a sender.
#[derive(Debug)]
pub(crate) enum Settled {
    /// Stored.
    Sent(Batch),
    /// No answer, for this reason: perhaps stored, perhaps not.
    Uncertain(Batch, &'static str),
    /// Not tried, for this reason. A later run may.
    Untried(Batch, &'static str),
    /// The Region does not take them.
    Refused(Batch),
    /// The service will never take this one.
    Rejected(Rejected),
}

/// A Region's sender.
pub(crate) struct Sender<H> {
    lane: Arc<RegionConfig<H>>,
    packer: Packer,
    calls: JoinSet<Delivered>,
    stop: Option<RegionHalt>,
    /// The Region took at least one batch: more than one call may be in flight.
    proven: bool,
    failed_batches: u32,
    settled: Vec<Settled>,
}

impl<H: Hub + Clone + Send + Sync + 'static> Sender<H> {
    pub(crate) fn new(lane: RegionConfig<H>) -> Self {
        Self {
            lane: Arc::new(lane),
            packer: Packer::default(),
            calls: JoinSet::new(),
            stop: None,
            proven: false,
            failed_batches: 0,
            settled: Vec::new(),
        }
    }

    pub(crate) fn lane(&self) -> &RegionConfig<H> {
        &self.lane
    }

    /// Why this Region gets no more findings, once it is so.
    pub(crate) fn stop(&self) -> Option<&RegionHalt> {
        self.stop.as_ref()
    }

    /// The Region refused before anything was sent to it.
    pub(crate) fn refuse(&mut self, stop: RegionHalt) {
        self.stop.get_or_insert(stop);
    }

    /// Takes a finding; waits while enough calls are in flight. What was settled meanwhile is in [`Self::settled`].
    pub(crate) async fn send(&mut self, finding: Outgoing) {
        if let Some(batch) = self.packer.push(finding) {
            self.start(batch).await;
        }
    }

    /// Takes a finding out of the batch that is being filled. False, where it is not there.
    pub(crate) fn take_back(&mut self, key: FindingKey) -> bool {
        self.packer.take_back(key)
    }

    /// Sends what is left and waits for every answer.
    pub(crate) async fn flush(&mut self) {
        if let Some(batch) = self.packer.flush() {
            self.start(batch).await;
        }
        while let Some(delivered) = self.calls.join_next().await {
            self.settle(delivered).await;
        }
    }

    /// What became of findings since it was last asked.
    pub(crate) fn settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    async fn start(&mut self, batch: Batch) {
        while let Some(delivered) = self.calls.try_join_next() {
            self.settle(delivered).await;
        }
        loop {
            let calls_max = if self.proven { self.lane.settings.calls_in_flight_max } else { 1 };
            if self.stop.is_some() || self.calls.len() < calls_max {
                break;
            }
            if let Some(delivered) = self.calls.join_next().await {
                self.settle(delivered).await;
            }
        }
        match &self.stop {
            Some(stop) => {
                let settled = turned_away(batch, stop);
                self.settled.push(settled);
            }
            None => {
                let lane = self.lane.clone();
                // Here, not in the call: a batch that waits takes memory too.
                let in_flight = lane.enter(&batch).await;
                self.calls.spawn(async move {
                    let delivered = deliver(&lane, batch).await;
                    drop(in_flight);
                    delivered
                });
            }
        }
    }

    /// Takes note of what became of a batch.
    async fn settle(&mut self, delivered: Result<Delivered, tokio::task::JoinError>) {
        // A call that panicked leaves its findings without a fate; the counts do not add up then, and the run fails.
        let Ok(delivered) = delivered else { return };
        if delivered.sent.is_empty() {
            self.failed_batches += u32::from(delivered.refused.is_none());
        } else {
            self.proven = true;
            self.lane.note_accepted();
            self.failed_batches = 0;
        }
        self.settled.extend(delivered.sent.into_iter().map(Settled::Sent));
        self.settled.extend(delivered.quarantined.into_iter().map(Settled::Rejected));
        let reason = delivered.left.last().map(|(_, reason)| *reason);
        self.settled.extend(delivered.left.into_iter().map(|(batch, reason)| Settled::Uncertain(batch, reason)));
        let over =
            reason.is_some_and(|reason| [undelivered::DEADLINE_EXCEEDED, undelivered::LEASE_LOST].contains(&reason));
        if over || self.failed_batches >= self.lane.settings.failed_batches_max {
            self.stop.get_or_insert(RegionHalt::Undelivered(reason.unwrap_or(undelivered::SERVICE_ERROR)));
        }
        if let Some((error, batches)) = delivered.refused {
            let stop = match self.stop.take() {
                Some(stop) => stop,
                None => RegionHalt::Unavailable(explain(&self.lane.hub, self.lane.place(), &error).await),
            };
            self.settled.extend(batches.into_iter().map(|batch| turned_away(batch, &stop)));
            self.stop = Some(stop);
        }
    }
}

fn turned_away(batch: Batch, stop: &RegionHalt) -> Settled {
    match stop {
        RegionHalt::Unavailable(_) => Settled::Refused(batch),
        RegionHalt::Undelivered(reason) => Settled::Untried(batch, reason),
    }
}

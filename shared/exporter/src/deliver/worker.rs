//! One worker for each account and Region: fills batches, keeps calls in flight, and says what became of each finding.

use asff::{Partition, RegionName};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::batch::{Delivered, Lane, Rejected, deliver};
use super::stop::{Stop, explain};
use crate::pack::{Batch, Outgoing, Packer};
use crate::ports::{Hub, PortError};
use crate::quarantine::{Entry, Quarantine};
use crate::report::{Counts, Fate, RegionReport, undelivered};

/// What a worker did.
#[derive(Debug, Default)]
pub(crate) struct Worked {
    /// The fates of the findings that it was given, but for those in `redirected`.
    pub(crate) counts: Counts,
    /// How the Region did.
    pub(crate) report: RegionReport,
    /// The quarantine could not be written: the run must fail.
    pub(crate) error: Option<PortError>,
}

/// Where the findings go that the Region does not take.
pub(crate) type Fallback = mpsc::Sender<Outgoing>;

/// A Region's worker.
pub(crate) struct Worker<H> {
    pub(crate) lane: Lane<H>,
    pub(crate) partition: Partition,
    pub(crate) quarantine: Quarantine,
    pub(crate) fallback: Option<(RegionName, Fallback)>,
    pub(crate) progress: std::sync::Arc<crate::progress::Progress>,
}

/// What changes while a worker works.
#[derive(Default)]
struct State {
    worked: Worked,
    stop: Option<Stop>,
    /// The Region took at least one batch: more than one call may be in flight.
    proven: bool,
    failed_batches: u32,
}

impl<H: Hub + Sync> Worker<H> {
    /// Sends what comes through the queue until it is closed and every finding has a fate.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Outgoing>) -> Worked {
        let mut state = State::default();
        let mut packer = Packer::default();
        let mut calls = FuturesUnordered::new();
        let mut ready: Option<Batch> = None;
        let mut open = true;
        while open || ready.is_some() || !calls.is_empty() {
            let calls_max = if state.proven { self.lane.settings.calls_in_flight_max } else { 1 };
            if let Some(batch) = ready.take_if(|_| state.stop.is_some() || calls.len() < calls_max) {
                match &state.stop {
                    None => calls.push(deliver(&self.lane, batch)),
                    Some(stop) => self.turn_away(batch, &stop.clone(), &mut state).await,
                }
                continue;
            }
            tokio::select! {
                Some(delivered) = calls.next() => self.settle(delivered, &mut state).await,
                finding = queue.recv(), if open && ready.is_none() => {
                    ready = match finding {
                        Some(finding) => packer.push(finding),
                        None => {
                            open = false;
                            packer.flush()
                        }
                    };
                }
            }
        }
        self.report(state)
    }

    fn report(&self, state: State) -> Worked {
        use std::sync::atomic::Ordering::Relaxed;
        let mut worked = state.worked;
        worked.report.sent = worked.counts.sent;
        worked.report.calls = self.lane.counters.calls.load(Relaxed);
        worked.report.throttled = self.lane.counters.throttled.load(Relaxed);
        worked.report.retried = self.lane.counters.retried.load(Relaxed);
        if let Some(Stop::Unavailable(unavailable)) = state.stop {
            worked.report.unavailable = Some(unavailable);
        }
        worked
    }

    /// Takes note of what became of a batch.
    async fn settle(&self, delivered: Delivered, state: &mut State) {
        state.worked.counts.add(Fate::Sent, delivered.sent);
        self.progress.add_sent(delivered.sent);
        if delivered.sent > 0 {
            state.proven = true;
            state.failed_batches = 0;
        } else if delivered.refused.is_none() {
            state.failed_batches += 1;
        }
        for rejected in delivered.quarantined {
            self.reject(rejected, state).await;
        }
        let mut reason = undelivered::SERVICE_ERROR;
        for (batch, why) in delivered.left {
            reason = why;
            self.leave(&batch, why, state);
        }
        let out_of_time = reason == undelivered::OUT_OF_TIME;
        if state.stop.is_none() && (out_of_time || state.failed_batches >= self.lane.settings.failed_batches_max) {
            state.stop = Some(Stop::Undelivered(reason));
        }
        if let Some((error, batches)) = delivered.refused {
            let stop = match &state.stop {
                // A Region that took findings a moment ago and now can't be reached is in trouble, not unavailable.
                None if state.proven && matches!(error, crate::ports::CallError::Unreachable(_)) => {
                    Stop::Undelivered(undelivered::SERVICE_ERROR)
                }
                None => Stop::Unavailable(explain(&self.lane.hub, self.partition, &self.lane.region, &error).await),
                Some(stop) => stop.clone(),
            };
            for batch in batches {
                self.turn_away(batch, &stop, state).await;
            }
            state.stop = Some(stop);
        }
    }

    /// Gives a fate to findings that are not tried any more.
    async fn turn_away(&self, batch: Batch, stop: &Stop, state: &mut State) {
        match (stop, &self.fallback) {
            (Stop::Undelivered(reason), _) => self.leave(&batch, reason, state),
            (Stop::Unavailable(_), Some((region, fallback))) => {
                for (id, json) in batch.findings() {
                    let id = id.to_owned();
                    match for_region(&json, self.partition, *region) {
                        Ok(json) => {
                            // The fallback's worker lives until every sender is gone, so it takes it.
                            let sent = fallback.send(Outgoing { id, json: json.into(), apart: false }).await;
                            match sent {
                                Ok(()) => state.worked.counts.redirected += 1,
                                Err(_) => state.worked.counts.add(Fate::Undelivered("service_error".to_owned()), 1),
                            }
                        }
                        Err(error) => {
                            let (code, message) = ("NotReadable".to_owned(), error.to_string());
                            self.reject(Rejected { id, json, code, message }, state).await;
                        }
                    }
                }
            }
            (Stop::Unavailable(why), None) => {
                let fate = Fate::RegionUnavailable(self.lane.region, why.reason.clone());
                state.worked.counts.add(fate, batch.len() as u64);
            }
        }
    }

    fn leave(&self, batch: &Batch, reason: &'static str, state: &mut State) {
        state.worked.counts.add(Fate::Undelivered(reason.to_owned()), batch.len() as u64);
    }

    async fn reject(&self, rejected: Rejected, state: &mut State) {
        state.worked.counts.add(Fate::Quarantined(rejected.code.clone()), 1);
        let entry = Entry::refused(&self.lane.region, rejected);
        if let Err(error) = self.quarantine.put(entry).await {
            state.worked.error.get_or_insert(error);
        }
    }
}

/// The same finding for another Region's Security Hub: only the product's ARN differs; the resource keeps its Region.
fn for_region(json: &[u8], partition: Partition, region: RegionName) -> serde_json::Result<Vec<u8>> {
    let mut finding: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json)?;
    finding.insert("ProductArn".to_owned(), partition.product_arn(region).into());
    serde_json::to_vec(&finding)
}

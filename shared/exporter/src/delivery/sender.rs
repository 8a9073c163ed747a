//! One Region's sender: fills batches, keeps calls in flight, and reports the outcome of each finding.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::batch::{Delivered, RegionConfig, deliver_batch};
use super::halt::{RegionHalt, explain_rejection};
use crate::delivery::pack::{Batch, Outgoing, Packer};
use crate::ports::Hub;
use crate::quarantine::Rejected;
use crate::report::undelivered;
use crate::state::FindingKey;

/// The outcome of findings that were passed to a sender.
#[derive(Debug)]
pub(crate) enum SendOutcome {
    /// Stored.
    Sent(Batch),
    /// No response, for this reason: it is unknown whether they were stored.
    Unknown(Batch, &'static str),
    /// Not attempted, for this reason. A later run may send them.
    NotAttempted(Batch, &'static str),
    /// The Region does not accept them.
    RegionRejected(Batch),
    /// The service rejects this finding permanently.
    Rejected(Rejected),
}

/// A Region's sender.
pub(crate) struct Sender<H> {
    config: Arc<RegionConfig<H>>,
    packer: Packer,
    calls: JoinSet<Delivered>,
    halt: Option<RegionHalt>,
    /// The Region accepted at least one batch: more than one call may be in flight.
    has_accepted: bool,
    failed_batches: u32,
    outcomes: Vec<SendOutcome>,
}

impl<H: Hub + Clone + Send + Sync + 'static> Sender<H> {
    pub(crate) fn new(config: RegionConfig<H>) -> Self {
        Self {
            config: Arc::new(config),
            packer: Packer::default(),
            calls: JoinSet::new(),
            halt: None,
            has_accepted: false,
            failed_batches: 0,
            outcomes: Vec::new(),
        }
    }

    pub(crate) fn config(&self) -> &RegionConfig<H> {
        &self.config
    }

    /// Why this Region gets no more findings. `None` while it gets some.
    pub(crate) fn halt(&self) -> Option<&RegionHalt> {
        self.halt.as_ref()
    }

    /// Halts the Region before anything is sent to it.
    pub(crate) fn halt_with(&mut self, halt: RegionHalt) {
        self.halt.get_or_insert(halt);
    }

    /// Adds a finding to a batch. Waits while the maximum number of calls is in flight. [`Self::take_outcomes`] returns
    /// the findings that were completed in the meantime.
    pub(crate) async fn send(&mut self, finding: Outgoing) {
        if let Some(batch) = self.packer.push(finding) {
            self.dispatch(batch).await;
        }
    }

    /// Removes a finding from the batch that is being filled. Returns false if the batch doesn't have it.
    pub(crate) fn remove_unsent(&mut self, key: FindingKey) -> bool {
        self.packer.take_back(key)
    }

    /// Sends the last batch and waits for all responses.
    pub(crate) async fn flush(&mut self) {
        if let Some(batch) = self.packer.flush() {
            self.dispatch(batch).await;
        }
        while let Some(delivered) = self.calls.join_next().await {
            self.complete(delivered).await;
        }
    }

    /// The outcomes since the last call.
    pub(crate) fn take_outcomes(&mut self) -> Vec<SendOutcome> {
        std::mem::take(&mut self.outcomes)
    }

    async fn dispatch(&mut self, batch: Batch) {
        while let Some(delivered) = self.calls.try_join_next() {
            self.complete(delivered).await;
        }
        loop {
            let calls_max = if self.has_accepted { self.config.settings.calls_in_flight_max } else { 1 };
            if self.halt.is_some() || self.calls.len() < calls_max {
                break;
            }
            if let Some(delivered) = self.calls.join_next().await {
                self.complete(delivered).await;
            }
        }
        match &self.halt {
            Some(halt) => {
                let completed = not_sent(batch, halt);
                self.outcomes.push(completed);
            }
            None => {
                let config = self.config.clone();
                // The permit is acquired before the call is spawned, since a batch that waits needs memory too.
                let in_flight = config.acquire_in_flight(&batch).await;
                self.calls.spawn(async move {
                    let delivered = deliver_batch(&config, batch).await;
                    drop(in_flight);
                    delivered
                });
            }
        }
    }

    /// Records the outcome of a batch.
    async fn complete(&mut self, delivered: Result<Delivered, tokio::task::JoinError>) {
        // A call that panicked leaves its findings without an outcome; then the counts do not add up, and the run
        // fails.
        let Ok(delivered) = delivered else { return };
        if delivered.sent.is_empty() {
            self.failed_batches += u32::from(delivered.region_rejected.is_none());
        } else {
            self.has_accepted = true;
            self.config.note_accepted();
            self.failed_batches = 0;
        }
        self.outcomes.extend(delivered.sent.into_iter().map(SendOutcome::Sent));
        self.outcomes.extend(delivered.quarantined.into_iter().map(SendOutcome::Rejected));
        let reason = delivered.unconfirmed.last().map(|(_, reason)| *reason);
        self.outcomes
            .extend(delivered.unconfirmed.into_iter().map(|(batch, reason)| SendOutcome::Unknown(batch, reason)));
        let is_out_of_time =
            reason.is_some_and(|reason| [undelivered::DEADLINE_EXCEEDED, undelivered::LEASE_LOST].contains(&reason));
        if is_out_of_time || self.failed_batches >= self.config.settings.failed_batches_max {
            self.halt.get_or_insert(RegionHalt::Undelivered(reason.unwrap_or(undelivered::SERVICE_ERROR)));
        }
        if let Some((error, batches)) = delivered.region_rejected {
            let halt = match self.halt.take() {
                Some(halt) => halt,
                None => RegionHalt::Unavailable(
                    explain_rejection(&self.config.hub, self.config.region_context(), &error).await,
                ),
            };
            self.outcomes.extend(batches.into_iter().map(|batch| not_sent(batch, &halt)));
            self.halt = Some(halt);
        }
    }
}

fn not_sent(batch: Batch, halt: &RegionHalt) -> SendOutcome {
    match halt {
        RegionHalt::Unavailable(_) => SendOutcome::RegionRejected(batch),
        RegionHalt::Undelivered(reason) => SendOutcome::NotAttempted(batch, reason),
    }
}

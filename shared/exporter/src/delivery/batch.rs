//! Delivers one batch until the outcome of each of its findings is known: rate-limited, retried, and bisected.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use asff::{AccountId, Partition, RegionName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::call_rate::CallRate;
use crate::backoff::pause;
use crate::connection::RegionContext;
use crate::delivery::pack::Batch;
use crate::lease::Lease;
use crate::model::settings::Settings;
use crate::ports::{CallError, FailedFinding, Hub};
use crate::progress::Progress;
use crate::quarantine::Rejected;
use crate::report::undelivered;
use crate::state::Stored;

/// The configuration that the calls of one Region share.
pub(crate) struct RegionConfig<H> {
    pub(crate) hub: H,
    pub(crate) partition: Partition,
    pub(crate) account: AccountId,
    pub(crate) region: RegionName,
    pub(crate) settings: Settings,
    pub(crate) call_rate: CallRate,
    /// Bytes that may be in flight, shared by all Regions.
    pub(crate) in_flight: Arc<Semaphore>,
    /// No new attempt begins after this time.
    pub(crate) give_up_at: Option<Instant>,
    /// The lease on the account. No new attempt begins after it is lost.
    pub(crate) lease: Lease,
    pub(crate) counters: Counters,
    pub(crate) progress: Arc<Progress>,
    /// The Region has ever accepted findings.
    pub(crate) has_accepted: AtomicBool,
}

impl<H> RegionConfig<H> {
    pub(super) fn region_context(&self) -> RegionContext {
        let Self { partition, account, region, .. } = *self;
        RegionContext { partition, account, region }
    }

    pub(super) fn has_accepted(&self) -> bool {
        self.has_accepted.load(Ordering::Relaxed)
    }

    pub(super) fn note_accepted(&self) {
        self.has_accepted.store(true, Ordering::Relaxed);
    }

    /// Whether the deadline for new attempts has passed.
    pub(super) fn is_past_deadline(&self) -> bool {
        self.give_up_at.is_some_and(|end| Instant::now() >= end)
    }

    /// Waits before the attempt that follows this one.
    pub(super) async fn back_off(&self, attempt: u32) {
        tokio::time::sleep(pause(self.settings.backoff_base, self.settings.backoff_max, attempt)).await;
    }

    /// Waits until a batch may be in flight. It is in flight while the returned permit exists.
    pub(super) async fn acquire_in_flight(&self, batch: &Batch) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(batch.body().len().min(self.settings.in_flight_bytes_max)).unwrap_or(u32::MAX);
        // The semaphore is never closed, so this waits and does not fail.
        self.in_flight.clone().acquire_many_owned(permits).await.ok()
    }
}

/// The number of calls, by outcome.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) retried: AtomicU64,
}

impl Counters {
    /// The number of calls, of throttled calls, and of calls that failed for another transient reason.
    pub(crate) fn read(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.calls), read(&self.throttled), read(&self.retried))
    }

    /// Adds calls that were made earlier.
    pub(crate) fn add(&self, (calls, throttled, retried): (u64, u64, u64)) {
        self.calls.fetch_add(calls, Ordering::Relaxed);
        self.throttled.fetch_add(throttled, Ordering::Relaxed);
        self.retried.fetch_add(retried, Ordering::Relaxed);
    }
}

/// The outcome of a batch.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// Findings that the service stored.
    pub(crate) sent: Vec<Batch>,
    /// Findings that the service rejects permanently.
    pub(crate) quarantined: Vec<Rejected>,
    /// Findings without a decision, and the reason. Findings that the Region rejected altogether are in
    /// `region_rejected`.
    pub(crate) unconfirmed: Vec<(Batch, &'static str)>,
    /// The error with which the Region rejects all findings, and the findings that were therefore not stored.
    pub(crate) region_rejected: Option<(CallError, Vec<Batch>)>,
}

/// A part of a batch that is not decided yet.
struct SubBatch {
    batch: Batch,
    /// How often findings of this part were returned as failed and retried.
    retries: u32,
}

/// Delivers a batch. Ends when every finding in it is decided, the Region rejects all findings, or the attempts or the
/// time are used up.
pub(crate) async fn deliver_batch<H: Hub>(config: &RegionConfig<H>, batch: Batch) -> Delivered {
    let mut delivered = Delivered::default();
    let mut batches = vec![SubBatch { batch, retries: 0 }];
    while let Some(sub_batch) = batches.pop() {
        match import_batch(config, &sub_batch.batch).await {
            Ok(failed) => match classify(config, &sub_batch, failed, &mut delivered) {
                Classified::Complete => {}
                Classified::Retry(again) => {
                    config.back_off(again.retries).await;
                    batches.push(again);
                }
                Classified::RegionRejected(error, batch) => {
                    let rest = batches.into_iter().map(|sub_batch| sub_batch.batch);
                    delivered.region_rejected = Some((error, rest.chain([batch]).collect()));
                    break;
                }
            },
            Err(Failure::Rejected { code, message }) => {
                if let Some(halves) = bisect(&sub_batch) {
                    batches.extend(halves);
                } else {
                    reject_all(&sub_batch.batch, &code, &message, &mut delivered);
                }
            }
            Err(Failure::RegionRejected(error)) => {
                let all = batches.into_iter().chain([sub_batch]).map(|sub_batch| sub_batch.batch);
                delivered.region_rejected = Some((error, all.collect()));
                break;
            }
            Err(Failure::Exhausted(reason)) => {
                delivered.unconfirmed.push((sub_batch.batch, reason));
                delivered.unconfirmed.extend(batches.into_iter().map(|sub_batch| (sub_batch.batch, reason)));
                break;
            }
        }
    }
    delivered
}

/// Why a call had no response with individual results.
enum Failure {
    /// At least one finding in the batch is invalid.
    Rejected { code: String, message: String },
    /// The Region does not accept findings of this product.
    RegionRejected(CallError),
    /// All attempts, or the available time, were used up without a response.
    Exhausted(&'static str),
}

/// Calls the service until it accepts or rejects the batch.
async fn import_batch<H: Hub>(config: &RegionConfig<H>, batch: &Batch) -> Result<Vec<FailedFinding>, Failure> {
    let mut attempt = 0;
    let mut throttles = 0;
    loop {
        if config.is_past_deadline() {
            return Err(Failure::Exhausted(undelivered::DEADLINE_EXCEEDED));
        }
        config.call_rate.wait().await;
        if config.lease.is_lost() {
            return Err(Failure::Exhausted(undelivered::LEASE_LOST));
        }
        config.counters.calls.fetch_add(1, Ordering::Relaxed);
        let reason = match config.hub.import(&config.region, batch.body()).await {
            // A response with inconsistent counts can't be trusted: the import is repeated, which changes nothing that
            // is stored.
            Ok(outcome)
                if outcome.failed_count == outcome.failed.len()
                    && outcome.success_count + outcome.failed_count == batch.len() =>
            {
                return Ok(outcome.failed);
            }
            Ok(_) => undelivered::SERVICE_ERROR,
            Err(CallError::Throttled(_)) => undelivered::THROTTLED,
            Err(CallError::Transient(_) | CallError::ExpiredToken(_)) => undelivered::SERVICE_ERROR,
            Err(CallError::DeadlineExceeded) => return Err(Failure::Exhausted(undelivered::DEADLINE_EXCEEDED)),
            // If a Region that has accepted findings is unreachable, the reason is transient.
            Err(CallError::Unreachable(_)) if config.has_accepted() => undelivered::UNREACHABLE,
            Err(error @ CallError::Unreachable(_)) if attempt + 1 >= UNREACHABLE_ATTEMPTS_MAX => {
                return Err(Failure::RegionRejected(error));
            }
            Err(CallError::Unreachable(_)) => undelivered::UNREACHABLE,
            Err(CallError::Rejected { code, message }) => return Err(Failure::Rejected { code, message }),
            Err(
                error @ (CallError::AccessDenied(_) | CallError::InvalidAccess(_) | CallError::UnrecognizedClient(_)),
            ) => return Err(Failure::RegionRejected(error)),
        };
        let is_exhausted = if reason == undelivered::THROTTLED {
            config.counters.throttled.fetch_add(1, Ordering::Relaxed);
            throttles += 1;
            throttles >= config.settings.throttled_attempts_max
        } else {
            config.counters.retried.fetch_add(1, Ordering::Relaxed);
            attempt += 1;
            attempt >= config.settings.attempts_max
        };
        if is_exhausted {
            return Err(Failure::Exhausted(reason));
        }
        config.back_off(attempt + throttles).await;
    }
}

/// Attempts to connect to an endpoint before the Region counts as unreachable.
const UNREACHABLE_ATTEMPTS_MAX: u32 = 3;

/// Codes of `FailedFindings` that concern the Region, not the finding (contract of the service: hub disabled, product
/// not accepted).
const REGION_CODES: [&str; 2] = ["InvalidAccess", "InvalidAccessException"];
/// Codes of `FailedFindings` that a retry can't change.
const INVALID_CODES: [&str; 5] = [
    "InvalidInput",
    "InvalidInputException",
    "ValidationException",
    "FindingSizeExceeded",
    "DuplicatedFindingIdentifier",
];

enum Classified {
    Complete,
    Retry(SubBatch),
    RegionRejected(CallError, Batch),
}

/// Classifies the results of a response: stored, rejected, to be retried, or rejected by the Region.
fn classify<H>(
    config: &RegionConfig<H>,
    sub_batch: &SubBatch,
    failed: Vec<FailedFinding>,
    delivered: &mut Delivered,
) -> Classified {
    if failed.is_empty() {
        note_sent(config, &sub_batch.batch);
        delivered.sent.push(sub_batch.batch.clone());
        return Classified::Complete;
    }
    let mut by_id: HashMap<String, FailedFinding> =
        failed.into_iter().map(|finding| (finding.id.clone(), finding)).collect();
    let mut again = vec![false; sub_batch.batch.len()];
    let mut stored = vec![true; sub_batch.batch.len()];
    let mut rejected = Vec::new();
    let mut rejection = None;
    for (index, (id, meta, json)) in sub_batch.batch.findings().enumerate() {
        let Some(failure) = by_id.remove(id) else { continue };
        stored[index] = false;
        if INVALID_CODES.contains(&failure.code.as_str()) {
            let FailedFinding { id, code, message } = failure;
            rejected.push(Rejected { id, meta, json, code, message });
        } else {
            again[index] = true;
            if REGION_CODES.contains(&failure.code.as_str()) {
                rejection = Some(CallError::InvalidAccess(failure.message));
            }
        }
    }
    if !by_id.is_empty() {
        // The response names findings that were not sent: none of the batch may count as stored.
        return retry_or_give_up(config, sub_batch, sub_batch.batch.clone(), delivered);
    }
    let sent = sub_batch.batch.pick(|index| stored[index]);
    if sent.len() > 0 {
        note_sent(config, &sent);
        delivered.sent.push(sent);
    }
    delivered.quarantined.append(&mut rejected);
    if !again.contains(&true) {
        return Classified::Complete;
    }
    let rest = sub_batch.batch.pick(|index| again[index]);
    match rejection {
        Some(error) => Classified::RegionRejected(error, rest),
        None => retry_or_give_up(config, sub_batch, rest, delivered),
    }
}

fn note_sent<H>(config: &RegionConfig<H>, batch: &Batch) {
    let archived = batch.entries().filter(|(meta, _)| matches!(meta.stored, Stored::Archived(_))).count();
    config.progress.add_sent(config.region, batch.len() as u64, archived as u64);
}

fn retry_or_give_up<H>(
    config: &RegionConfig<H>,
    sub_batch: &SubBatch,
    rest: Batch,
    delivered: &mut Delivered,
) -> Classified {
    let sent_back = sub_batch.retries + 1;
    if sent_back < config.settings.attempts_max {
        return Classified::Retry(SubBatch { batch: rest, retries: sent_back });
    }
    delivered.unconfirmed.push((rest, undelivered::SERVICE_ERROR));
    Classified::Complete
}

/// The two halves of a part, or `None` if it consists of one finding, which is then the invalid one.
fn bisect(sub_batch: &SubBatch) -> Option<[SubBatch; 2]> {
    let half = sub_batch.batch.len() / 2;
    (half > 0).then(|| {
        let sent_back = sub_batch.retries;
        [
            SubBatch { batch: sub_batch.batch.pick(|index| index >= half), retries: sent_back },
            SubBatch { batch: sub_batch.batch.pick(|index| index < half), retries: sent_back },
        ]
    })
}

fn reject_all(batch: &Batch, code: &str, message: &str, delivered: &mut Delivered) {
    delivered.quarantined.extend(batch.findings().map(|(id, meta, json)| Rejected {
        id: id.to_owned(),
        meta,
        json,
        code: code.to_owned(),
        message: message.to_owned(),
    }));
}

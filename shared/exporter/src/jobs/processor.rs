//! Runs jobs as the deployment receives them: more than once, at the same time as others, and in the time of one
//! invocation.
//!
//! Guarantees: a complete job is not run again; a job that a retry can fix is retried, within the bounds of a
//! [`Chain`]; each job's record has its outcome, including that its message is in the dead-letter queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::chain::{Chain, Round, is_locked};
use super::delivery::Delivery;
use super::error::JobError;
use super::job::Job;
use super::progress_writer::with_progress;
use super::queue::Queue;
use super::record::{JobMessage, JobRecord, JobState, JobStore};
use super::run::{accounts_of_provider, accounts_with_state, run_job};
use super::runner::Options;
use crate::model::settings::Settings;
use crate::ports::{PortError, Ports, Scans};
use crate::report::{RunReport, RunStatus};

/// The minimum remaining time for which an invocation also runs the next replay: enough to read a scan of medium size.
/// With less time, the replay gets its own invocation.
const INLINE_TIME_MIN: Duration = Duration::from_secs(60);

/// The result of an invocation for a job.
#[derive(Debug)]
pub struct Processed {
    /// The runs of the job. Empty if the job was completed before, waits for an account, or was split into one job per
    /// account. After an error other than [`JobError::Rejected`] and [`JobError::PartlyRejected`], the same message
    /// must be delivered again.
    pub outcome: Result<Vec<RunReport>, JobError>,
    /// The next job, for which this invocation has enough time. It must be processed immediately, as
    /// [`Delivery::Inline`].
    pub next: Option<JobMessage>,
}

/// Runs a submitted job, and updates its record.
pub async fn process<P: Ports + Scans + Queue + JobStore>(
    ports: &Arc<P>,
    settings: &Settings,
    message: &JobMessage,
    delivery: Delivery,
    options: &Options,
) -> Processed {
    let mut processor = match Processor::open(ports.as_ref(), message, delivery, options.deadline).await {
        Ok(processor) => processor,
        Err(error) => return Processed { outcome: Err(error.into()), next: None },
    };
    let outcome = match processor.run(ports, settings, options).await {
        Err(error) if !error.is_final() => processor.fail(error).await,
        outcome => outcome,
    };
    Processed { outcome, next: processor.next_inline }
}

/// A job and its record while it is processed.
struct Processor<'a, P> {
    ports: &'a P,
    message: &'a JobMessage,
    job: &'a Job,
    /// `None` if the job has no ID.
    record: Option<JobRecord>,
    delivery: Delivery,
    chain: Chain,
    started: Instant,
    deadline: Option<Instant>,
    /// The next job to be run by the same invocation.
    next_inline: Option<JobMessage>,
}

impl<'a, P: Ports + Scans + Queue + JobStore> Processor<'a, P> {
    async fn open(
        ports: &'a P,
        message: &'a JobMessage,
        delivery: Delivery,
        deadline: Option<Instant>,
    ) -> Result<Self, PortError> {
        let record = match &message.id {
            None => None,
            Some(id) => Some(ports.job_record(id).await?.unwrap_or_else(|| {
                // The record expired or was never written. It is written from now on.
                JobRecord::new(id.clone(), message.job.clone(), ports.now(), "unknown")
            })),
        };
        let (job, chain, begun) = (&message.job, delivery.continued(&message.chain), Instant::now());
        Ok(Self { ports, message, job, record, delivery, chain, started: begun, deadline, next_inline: None })
    }

    async fn run(
        &mut self,
        ports: &Arc<P>,
        settings: &Settings,
        options: &Options,
    ) -> Result<Vec<RunReport>, JobError> {
        if let Some(record) = self.record.clone().filter(|record| record.state.is_final()) {
            tracing::info!(job.id = record.id, job = %record.job, state = record.state.as_str(), "job already complete");
            self.submit_next(&record).await?;
            return Ok(Vec::new());
        }
        if !self.begin().await? {
            return Ok(Vec::new());
        }
        if self.delivery != Delivery::Direct
            && let Some(parts) = self.split_by_account().await?
        {
            self.complete(JobState::Succeeded, None, &[], parts).await?;
            return Ok(Vec::new());
        }
        let run_id = self.chain.run_id.clone();
        let options = Options { job_id: self.message.id.clone(), run_id, ..options.clone() };
        let work = run_job(ports, settings, self.job, &options);
        let id = self.record.as_ref().map(|record| record.id.as_str());
        let runs = match with_progress(self.ports, id, self.job, &options.progress, work).await {
            Ok(runs) => runs,
            Err(error @ (JobError::Rejected(_) | JobError::PartlyRejected { .. })) => {
                let runs = if let JobError::PartlyRejected { runs, .. } = &error { runs.as_slice() } else { &[] };
                self.complete(JobState::Rejected, Some(error.to_string()), runs, self.next()).await?;
                return Err(error);
            }
            Err(error) => {
                if !self.record_waiting(&error.to_string(), &[]).await? {
                    return Ok(Vec::new());
                }
                return match error {
                    JobError::Locked(message) => self.continue_later(Vec::new(), JobError::Locked(message)).await,
                    error => Err(error),
                };
            }
        };
        let mut left = runs.iter().filter(|run| run.status.should_retry()).peekable();
        let Some(first) = left.peek() else {
            let next = self.next();
            self.complete(JobState::Succeeded, None, &runs, next).await?;
            return Ok(runs);
        };
        let unfinished = JobError::Unfinished { run_id: first.run_id.clone(), reasons: first.reasons.join("; ") };
        let continues = left.all(|run| run.status == RunStatus::Unfinished || is_locked(run));
        if !self.record_waiting(&unfinished.to_string(), &runs).await? {
            return Ok(runs);
        }
        if continues { self.continue_later(runs, unfinished).await } else { Err(unfinished) }
    }

    /// Puts the next round of the job in the queue.
    ///
    /// # Errors
    ///
    /// `left`, with the reason if there is no further round.
    async fn continue_later(&mut self, runs: Vec<RunReport>, left: JobError) -> Result<Vec<RunReport>, JobError> {
        if self.delivery == Delivery::Direct {
            return Err(left);
        }
        match self.chain.next(&runs) {
            Ok(round) => {
                if self.enqueue(round).await? {
                    Ok(runs)
                } else {
                    Err(left)
                }
            }
            Err(ended) => {
                let left = left.with_reason(&ended);
                self.record_waiting(&left.to_string(), &runs).await?;
                Err(left)
            }
        }
    }

    /// Puts a message of the job in the queue. Returns false if the deployment has no queue.
    async fn enqueue(&mut self, Round { chain, delay }: Round) -> Result<bool, PortError> {
        let message = JobMessage { chain, ..self.message.clone() };
        if !self.ports.enqueue_job(&message, delay).await? {
            return Ok(false);
        }
        // The record is updated after the message is in the queue: if the invocation is aborted in between, the message
        // of the previous job is delivered again and still finds this job to run.
        if let Some(record) = self.record.as_mut().filter(|record| record.inline || record.last_attempt_at.is_some()) {
            (record.inline, record.last_attempt_at) = (false, None);
            self.ports.record_job(record).await?;
        }
        Ok(true)
    }

    /// Records that a failed job runs again, or that this attempt is the last one, before the attempt can be aborted.
    /// Returns false if the job was canceled in the meantime.
    async fn begin(&mut self) -> Result<bool, PortError> {
        let is_last = self.delivery.is_last();
        let Some(record) = self.record.as_mut().filter(|record| is_last || record.state == JobState::Failed) else {
            return Ok(true);
        };
        record.state = JobState::Pending;
        record.completed_at = None;
        record.last_attempt_at = is_last.then(|| self.ports.now());
        if is_last {
            let id = &record.id;
            record.message =
                Some(format!("the last attempt has started; if it is aborted, run: hubctl job retry {id}"));
        }
        self.ports.record_job(record).await
    }

    /// Handles an attempt that failed for a transient reason. The queue delivers its message again, except after the
    /// last attempt: then the record states where the message is, and the jobs that follow continue without it. A job
    /// without a message gets one.
    async fn fail(&mut self, error: JobError) -> Result<Vec<RunReport>, JobError> {
        match self.delivery {
            Delivery::Message { .. } if self.delivery.is_last() => {
                // Best effort: `last_attempt_at` has the same effect a little later.
                if let Err(also) = self.record_failure(&error).await {
                    tracing::warn!(job.id = self.message.id, error = %also, "failed to record that the job failed");
                }
                Err(error)
            }
            Delivery::Inline => match self.chain.next(&[]) {
                Ok(round) => {
                    let (id, job) = (&self.message.id, self.job);
                    tracing::warn!(job.id = id, %job, %error, "job requeued for a retry");
                    if self.enqueue(round).await? { Ok(Vec::new()) } else { Err(error) }
                }
                Err(ended) => Err(error.with_reason(&ended)),
            },
            Delivery::Direct | Delivery::Message { .. } => Err(error),
        }
    }

    async fn record_failure(&mut self, error: &JobError) -> Result<(), PortError> {
        let next = self.next();
        let Some(record) = self.record.clone() else { return self.enqueue_unrecorded(next).await };
        let why = format!(
            "{error}; its message is in the dead-letter queue; fix the cause, then run: hubctl job retry {}",
            record.id
        );
        let mut failed = record.completed(JobState::Failed, Some(why), self.ports.now());
        // The next jobs run in their own invocations, since the message of this job is not delivered again for them.
        failed.next_job_ids = self.enqueue_all(&failed, next, false).await?;
        self.ports.record_job(&failed).await.map(drop)
    }

    /// The jobs into which a job for several accounts is split: each account may need the whole time of an invocation.
    async fn split_by_account(&self) -> Result<Option<Vec<(String, Job)>>, PortError> {
        let Job::Reconcile { provider, regions, dry_run } = self.job else { return Ok(None) };
        let accounts = match provider {
            Some(provider) if provider.account().is_some() => return Ok(None),
            Some(organization) => accounts_of_provider(self.ports, organization).await?,
            None => accounts_with_state(self.ports).await?,
        };
        let part = |account: asff::AccountId| {
            let job = Job::Reconcile { provider: Some(account.into()), regions: regions.clone(), dry_run: *dry_run };
            (account.to_string(), job)
        };
        Ok(Some(accounts.into_iter().map(part).collect()))
    }

    /// The jobs that follow this one.
    fn next(&self) -> Vec<(String, Job)> {
        let about = |next: Job| match &next {
            Job::Replay { run_id, .. } => Some((run_id.clone(), next)),
            _ => None,
        };
        self.job.next().and_then(about).into_iter().collect()
    }

    /// Submits the jobs that continue this one, then records that it is complete: if it is aborted in between, it is
    /// completed again.
    async fn complete(
        &mut self,
        state: JobState,
        message: Option<String>,
        runs: &[RunReport],
        next: Vec<(String, Job)>,
    ) -> Result<(), PortError> {
        let now = self.ports.now();
        let Some(record) = &self.record else { return self.enqueue_unrecorded(next).await };
        let mut record = JobRecord { runs: run_ids(runs), ..record.clone() }.completed(state, message, now);
        record.last_attempt_at = None;
        let inline = self.has_time_for_next();
        record.next_job_ids = self.enqueue_all(&record, next, inline).await?;
        // If a user canceled the job in the meantime, it stays canceled.
        self.ports.record_job(&record).await.map(drop)
    }

    /// Submits the jobs that follow a canceled job: the cancellation applies to this job only. A job that an earlier
    /// invocation of this message was to run inline, and did not run, is run now.
    async fn submit_next(&mut self, record: &JobRecord) -> Result<(), PortError> {
        let inline = self.has_time_for_next();
        for (about, job) in self.next() {
            let child = record.child(&about, job.clone(), self.ports.now());
            let is_ours = match self.ports.job_record(&child.id).await? {
                Some(known) => known.inline,
                None => false,
            };
            if is_ours || record.state == JobState::Canceled {
                self.enqueue_all(record, vec![(about, job)], inline).await?;
            }
        }
        Ok(())
    }

    /// Whether this invocation may run the next job: each invocation that starts another one counts toward Lambda's
    /// recursive loop detection, if that is enabled.
    fn has_time_for_next(&self) -> bool {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let is_enough = |left: Duration| left >= INLINE_TIME_MIN && left >= self.started.elapsed() * 2;
        self.delivery != Delivery::Direct && matches!(self.job, Job::Replay { .. }) && left.is_some_and(is_enough)
    }

    /// Submits the jobs that continue this one, and returns their IDs. `inline`: this invocation runs them.
    async fn enqueue_all(
        &mut self,
        record: &JobRecord,
        next: Vec<(String, Job)>,
        inline: bool,
    ) -> Result<Vec<String>, PortError> {
        let mut message = Vec::new();
        for (about, job) in next {
            let child = JobRecord { inline, ..record.child(&about, job, self.ports.now()) };
            let known = self.ports.job_record(&child.id).await?;
            if known.is_none() {
                self.ports.record_job(&child).await?;
            }
            if inline {
                self.next_inline = Some(child.message());
            } else {
                self.enqueue_next(&child.message()).await?;
                if let Some(known) = known.filter(|known| known.inline && !known.state.is_final()) {
                    self.ports.record_job(&JobRecord { inline, ..known }).await?;
                }
            }
            message.push(child.id);
        }
        Ok(message)
    }

    async fn enqueue_unrecorded(&self, next: Vec<(String, Job)>) -> Result<(), PortError> {
        for (_, job) in next {
            self.enqueue_next(&JobMessage::new(None, job)).await?;
        }
        Ok(())
    }

    async fn enqueue_next(&self, next: &JobMessage) -> Result<(), PortError> {
        if self.ports.enqueue_job(next, Duration::ZERO).await? {
            return Ok(());
        }
        let action = format!("continue with the job to {}", next.job);
        Err(PortError { action, message: "the deployment has no queue".to_owned() })
    }

    /// Records what the job waits for. Returns false if it was canceled in the meantime: it must not be retried.
    async fn record_waiting(&mut self, message: &str, runs: &[RunReport]) -> Result<bool, PortError> {
        let Some(record) = &mut self.record else { return Ok(true) };
        record.message = Some(message.to_owned());
        if !runs.is_empty() {
            record.runs = run_ids(runs);
        }
        if self.ports.record_job(record).await? {
            return Ok(true);
        }
        let id = record.id.clone();
        if let Some(final_record) = self.ports.job_record(&id).await? {
            self.submit_next(&final_record).await?;
        }
        Ok(false)
    }
}

fn run_ids(runs: &[RunReport]) -> Vec<String> {
    runs.iter().map(|run| run.run_id.clone()).collect()
}

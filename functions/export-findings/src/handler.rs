//! Converts an event to exports or jobs, and their outcome to a response.
//!
//! Guarantees: a permanent failure is logged and recorded in the run, and its message is deleted; a transient failure is retried
//! and doesn't delay other messages. A message that can't be parsed, or fails after all retries, is moved to the dead-letter
//! queue, and the record of its job or run states that.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use exporter::connection::ConnectionCache;
use exporter::export::{ExportError, Exporter};
use exporter::jobs;
use exporter::jobs::Queue;
use exporter::jobs::{Delivery, JobError, JobMessage, JobStore, Processed, process};
use exporter::model::settings::Settings;
use exporter::notifications::Notifications;
use exporter::ports::{OpenError, PortError, Ports, Scans};
use exporter::report::RunReport;
use lambda_runtime::{Diagnostic, LambdaEvent};
use runtime::deadline::instant;
use runtime::metrics::Sample;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::event::{self, EventError, Invocation, Message, Task};
use crate::metrics::{MetricSettings, integration_metrics, run_metrics};
use crate::notifications;
use crate::telemetry::{log_quarantine, log_run};

/// Handles invocations. It is built once, and each invocation borrows it.
pub struct Handler<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) settings: Settings,
    pub(crate) exporter: Exporter<P>,
    max_receive_count: u32,
    metrics: MetricSettings,
}

/// Why an invocation failed. Lambda retries the whole invocation.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event is unknown.
    #[error(transparent)]
    Event(#[from] EventError),
    /// An upload could not be opened for a transient reason.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An export ended without a report.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A run could not be recorded.
    #[error(transparent)]
    Record(#[from] PortError),
    /// A job was rejected: a retry can't succeed.
    #[error("{0}")]
    Rejected(String),
    /// The account of a job is locked.
    #[error("{0}")]
    Locked(String),
    /// An export is incomplete; a retry continues it.
    #[error("run {run_id} failed: {reasons}")]
    Failed {
        /// The run.
        run_id: String,
        /// Reasons of the run.
        reasons: String,
    },
}

impl HandlerError {
    /// Error type that Lambda reports.
    fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "UnknownEvent",
            Self::Open(_) => "UploadNotOpened",
            Self::Export(ExportError::InProgress { .. }) => "UploadLocked",
            Self::Export(ExportError::Unbalanced { .. }) => "FindingsUnaccounted",
            Self::Export(ExportError::Port(_)) | Self::Record(_) => "StateNotSaved",
            Self::Rejected(_) => "JobRejected",
            Self::Locked(_) => "AccountLocked",
            Self::Failed { .. } => "ExportFailed",
        }
    }
}

impl From<JobError> for HandlerError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Rejected(message) | JobError::PartlyRejected { why: message, .. } => Self::Rejected(message),
            JobError::Locked(message) => Self::Locked(message),
            JobError::Unfinished { run_id, reasons } => Self::Failed { run_id, reasons },
            JobError::Failed(error) => Self::Export(error),
        }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        Self { error_type: error.kind().to_owned(), error_message: error.to_string() }
    }
}

/// Response to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum InvocationResponse {
    /// For a queue: the failed messages.
    Queue(SqsBatchResponse),
    /// For a direct invocation: the run of each upload.
    Direct {
        /// The runs.
        runs: Vec<RunReport>,
    },
}

impl<P: Ports + Scans + Queue + JobStore + Notifications> Handler<P> {
    /// A handler over ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        let exporter = Exporter::new(ports.clone(), settings.clone());
        Self { exporter, settings, ports, max_receive_count: u32::MAX, metrics: MetricSettings::default() }
    }

    /// Sets the number of receives after which SQS moves a message to
    /// the dead-letter queue, so that the last receive is detected.
    #[must_use]
    pub fn with_max_receive_count(self, max_receive_count: u32) -> Self {
        Self { max_receive_count, ..self }
    }

    /// Sets how metrics are counted.
    #[must_use]
    pub fn with_metrics(self, metrics: MetricSettings) -> Self {
        Self { metrics, ..self }
    }

    /// Makes exports use cached connections, and check again those that are outdated or wrong.
    #[must_use]
    pub fn with_connection_cache(self, connection_cache: Arc<dyn ConnectionCache>) -> Self {
        Self { exporter: self.exporter.with_connection_cache(connection_cache), ..self }
    }

    /// Handles one invocation.
    ///
    /// # Errors
    ///
    /// If the event is unknown or an export failed. For a queue, the response contains the failed messages instead.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<InvocationResponse, HandlerError> {
        let (payload, context) = event.into_parts();
        let deadline = instant(context.deadline());
        let span = tracing::info_span!("invocation", request.id = context.request_id);
        self.handle_payload(&payload, deadline).instrument(span).await
    }

    async fn handle_payload(
        &self,
        payload: &Value,
        deadline: Option<Instant>,
    ) -> Result<InvocationResponse, HandlerError> {
        match event::parse(payload)? {
            Invocation::Queue(messages) => {
                let mut failures = SqsBatchResponse::default();
                for message in messages {
                    if let Some(id) = self.message(message, deadline).await {
                        failures.add_failure(id);
                    }
                }
                Ok(InvocationResponse::Queue(failures))
            }
            Invocation::Direct(Task::Uploads(uploads, chain)) => {
                let runs = self.uploads(&uploads, &chain, Delivery::Direct, deadline).await;
                Ok(InvocationResponse::Direct { runs: runs.into_iter().collect::<Result<_, _>>()? })
            }
            Invocation::Direct(Task::Job(job)) => {
                Ok(InvocationResponse::Direct { runs: self.job(job, Delivery::Direct, deadline).await? })
            }
        }
    }

    /// Handles a message. Returns the message ID if the message must be retried.
    async fn message(&self, message: Message, deadline: Option<Instant>) -> Option<String> {
        let delivery = Delivery::Message { receives: message.receives, receives_max: self.max_receive_count };
        let is_last = delivery.is_last();
        let failed = match message.task {
            Ok(Task::Job(job)) => {
                let (id, what) = (job.id.clone(), job.job.to_string());
                match self.job(job, delivery, deadline).await {
                    Ok(_) | Err(HandlerError::Rejected(_)) => false,
                    Err(error) if is_last => {
                        tracing::error!(job.id = id, job = what, %error, "job failed: its message is moved to the dead-letter queue");
                        true
                    }
                    Err(error) => {
                        tracing::warn!(job.id = id, job = what, %error, "job requeued for a retry");
                        true
                    }
                }
            }
            Ok(Task::Uploads(uploads, chain)) => {
                let failed = self.uploads(&uploads, &chain, delivery, deadline).await.iter().any(Result::is_err);
                if failed && is_last {
                    tracing::error!(
                        message.id = message.id,
                        "upload failed: its message is moved to the dead-letter queue"
                    );
                }
                failed
            }
            Err(error) if is_last => {
                tracing::error!(message.id = message.id, %error, "message can't be parsed: it is moved to the dead-letter queue");
                true
            }
            Err(error) => {
                tracing::warn!(message.id = message.id, %error, "message can't be parsed: it is requeued");
                true
            }
        };
        failed.then_some(message.id)
    }

    /// Logs a run, writes its metrics, and publishes its events.
    pub(crate) async fn report(&self, run: &RunReport, deadline: Option<Instant>) {
        log_run(run);
        log_quarantine(run);
        run_metrics(&self.metrics.function, run).write();
        if self.metrics.each_integration {
            let integrations = notifications::integrations(self.ports.as_ref(), run, deadline).await;
            let samples = integration_metrics(&self.metrics.function, run, &integrations);
            samples.iter().for_each(Sample::write);
        }
        notifications::publish(self.ports.as_ref(), run, deadline).await;
    }

    /// Runs a job and its follow-up jobs until the deadline.
    async fn job(
        &self,
        job: JobMessage,
        delivery: Delivery,
        deadline: Option<Instant>,
    ) -> Result<Vec<RunReport>, HandlerError> {
        let (mut runs, mut rejected) = (Vec::new(), None);
        let mut following = Some((job, delivery));
        while let Some((job, delivery)) = following.take() {
            let options = jobs::Options { deadline, ..jobs::Options::default() };
            let Processed { outcome, next } = process(&self.ports, &self.settings, &job, delivery, &options).await;
            match outcome {
                Ok(done) => {
                    for run in &done {
                        self.report(run, deadline).await;
                    }
                    runs.extend(done);
                }
                Err(error) if error.is_final() => {
                    let why = error.to_string();
                    if job.job.is_report() {
                        tracing::warn!(job.id = job.id, job = %job.job, why, "no report: the job can't be run");
                    } else {
                        tracing::error!(job.id = job.id, job = %job.job, why, "job dropped: it can't be run");
                    }
                    rejected = rejected.or(Some(error));
                }
                Err(error) => return Err(error.into()),
            }
            following = next.map(|next| (next, Delivery::Inline));
        }
        rejected.map_or(Ok(runs), |error| Err(error.into()))
    }
}

#[cfg(test)]
mod tests;

//! Translates an invocation into exports, or a job into what it asks for, and their outcome into an answer.
//!
//! Promises: what another try can't fix is in the log and in a run's record, and the event is done; what it can fix is
//! put back, alone, and does not hold up the others. A message that is not understood, or that fails each time, ends in the
//! dead-letter queue, and the record of its job or run says so.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use exporter::connection::ConnectionCache;
use exporter::export::{ExportError, Exporter};
use exporter::jobs;
use exporter::jobs::Queue;
use exporter::jobs::{Delivery, JobError, JobMessage, JobStore, Processed, process};
use exporter::notifications::Notifications;
use exporter::ports::{OpenError, PortError, Ports, Scans};
use exporter::report::RunReport;
use exporter::settings::Settings;
use lambda_runtime::{Diagnostic, LambdaEvent};
use runtime::deadline::instant;
use runtime::metrics::Sample;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::event::{self, EventError, Invocation, Message, Work};
use crate::metrics::{MetricSettings, integration_metrics, run_metrics};
use crate::notifications;
use crate::telemetry::{log_quarantine, log_run};

/// Handles invocations. Built once; every invocation borrows it.
pub struct Handler<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) settings: Settings,
    pub(crate) exporter: Exporter<P>,
    max_receive_count: u32,
    metrics: MetricSettings,
}

/// Why an invocation failed: all of it is to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The payload is no event that we know.
    #[error(transparent)]
    Event(#[from] EventError),
    /// An upload could not be opened just now.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An export came to no report.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A run could not be recorded.
    #[error(transparent)]
    Record(#[from] PortError),
    /// A job can't be run, and trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// Another run works on the account of a job.
    #[error("{0}")]
    Locked(String),
    /// An export left findings to another try.
    #[error("run {run_id} failed: {reasons}")]
    Failed {
        /// The run.
        run_id: String,
        /// Why.
        reasons: String,
    },
}

impl HandlerError {
    /// The name by which Lambda shows the error.
    fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "UnknownEvent",
            Self::Open(_) => "UploadNotOpened",
            Self::Export(ExportError::InProgress { .. }) => "UploadHeld",
            Self::Export(ExportError::Unbalanced { .. }) => "FindingsUnaccounted",
            Self::Export(ExportError::Port(_)) | Self::Record(_) => "StateNotKept",
            Self::Refused(_) => "OrderRefused",
            Self::Locked(_) => "AccountBusy",
            Self::Failed { .. } => "ExportFailed",
        }
    }
}

impl From<JobError> for HandlerError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Rejected(message) | JobError::PartlyRejected { why: message, .. } => Self::Refused(message),
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

/// The answer to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a queue: which of its messages are to come again.
    Queue(SqsBatchResponse),
    /// To a direct invocation: what became of each upload.
    Direct {
        /// The runs.
        runs: Vec<RunReport>,
    },
}

impl<P: Ports + Scans + Queue + JobStore + Notifications> Handler<P> {
    /// A handler on its ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        let exporter = Exporter::new(ports.clone(), settings.clone());
        Self { exporter, settings, ports, max_receive_count: u32::MAX, metrics: MetricSettings::default() }
    }

    /// After so many receives the queue moves a message to the dead-letter queue. Otherwise no receive is known to be the last.
    #[must_use]
    pub fn with_max_receive_count(self, max_receive_count: u32) -> Self {
        Self { max_receive_count, ..self }
    }

    /// Counts metrics for this deployment.
    #[must_use]
    pub fn with_metrics(self, metrics: MetricSettings) -> Self {
        Self { metrics, ..self }
    }

    /// Lets exports use what is known of connections, and look at them again where that is old or wrong.
    #[must_use]
    pub fn with_connection_cache(self, connection_cache: Arc<dyn ConnectionCache>) -> Self {
        Self { exporter: self.exporter.with_connection_cache(connection_cache), ..self }
    }

    /// Handles one invocation.
    ///
    /// # Errors
    ///
    /// Only without a queue, which takes its failures in the answer: for an unknown event or a failed export.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, HandlerError> {
        let (payload, context) = event.into_parts();
        let deadline = instant(context.deadline());
        let span = tracing::info_span!("invocation", request.id = context.request_id);
        self.answer(&payload, deadline).instrument(span).await
    }

    async fn answer(&self, payload: &Value, deadline: Option<Instant>) -> Result<Answer, HandlerError> {
        match event::parse(payload)? {
            Invocation::Queue(messages) => {
                let mut again = SqsBatchResponse::default();
                for message in messages {
                    if let Some(id) = self.message(message, deadline).await {
                        again.add_failure(id);
                    }
                }
                Ok(Answer::Queue(again))
            }
            Invocation::Direct(Work::Uploads(uploads, chain)) => {
                let runs = self.uploads(&uploads, &chain, Delivery::Direct, deadline).await;
                Ok(Answer::Direct { runs: runs.into_iter().collect::<Result<_, _>>()? })
            }
            Invocation::Direct(Work::Job(job)) => {
                Ok(Answer::Direct { runs: self.job(job, Delivery::Direct, deadline).await? })
            }
        }
    }

    /// Exports what a message tells of. The message's id, if it is to come again.
    async fn message(&self, message: Message, deadline: Option<Instant>) -> Option<String> {
        let delivery = Delivery::Message { receives: message.receives, receives_max: self.max_receive_count };
        let is_last = delivery.is_last();
        let failed = match message.work {
            Ok(Work::Job(job)) => {
                let (id, what) = (job.id.clone(), job.job.to_string());
                match self.job(job, delivery, deadline).await {
                    Ok(_) | Err(HandlerError::Refused(_)) => false,
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
            Ok(Work::Uploads(uploads, chain)) => {
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

    /// Logs a run, writes its metrics, and publishes what it found.
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

    /// Runs a job, and those that follow it as long as there is time.
    async fn job(
        &self,
        job: JobMessage,
        delivery: Delivery,
        deadline: Option<Instant>,
    ) -> Result<Vec<RunReport>, HandlerError> {
        let (mut runs, mut refused) = (Vec::new(), None);
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
                    tracing::error!(job.id = job.id, job = %job.job, why, "job dropped: it can't be run");
                    refused = refused.or(Some(error));
                }
                Err(error) => return Err(error.into()),
            }
            following = next.map(|next| (next, Delivery::Inline));
        }
        refused.map_or(Ok(runs), |error| Err(error.into()))
    }
}

#[cfg(test)]
mod tests;

//! Translates an invocation into exports, or an order into what it asks for, and their outcome into an answer.
//!
//! Promises: what another try can't mend is in the log and in a run's record, and the event is done; what it can mend is
//! put back, alone, and does not hold up the others.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsBatchResponse;
use exporter::connection::Upkeep;
use exporter::export::{ExportError, Exporter, Options};
use exporter::mend;
use exporter::order::{BUSY_DELAY, OrderError, OrderLog, Placed, fulfil, is_busy, made_progress};
use exporter::ports::{OpenError, PortError, Ports, Queue, Scans};
use exporter::report::{RunReport, RunStatus};
use exporter::settings::Settings;
use exporter::telling::Telling;
use exporter::upload::{Upload, UploadInfo};
use lambda_runtime::{Diagnostic, LambdaEvent};
use runtime::deadline::instant;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::coverage;
use crate::event::{self, EventError, Invocation, Message, Work};
use crate::keys::no_scan;
use crate::telemetry::log_run;

/// Handles invocations. Built once; every invocation borrows it.
pub struct Handler<P> {
    ports: Arc<P>,
    settings: Settings,
    exporter: Exporter<P>,
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
    /// An order can't be carried out, and trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// Another run works on the account of an order.
    #[error("{0}")]
    Busy(String),
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
            Self::Export(ExportError::Held { .. }) => "UploadHeld",
            Self::Export(ExportError::Unbalanced { .. }) => "FindingsUnaccounted",
            Self::Export(ExportError::Port(_)) | Self::Record(_) => "StateNotKept",
            Self::Refused(_) => "OrderRefused",
            Self::Busy(_) => "AccountBusy",
            Self::Failed { .. } => "ExportFailed",
        }
    }
}

impl From<OrderError> for HandlerError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Refused(message) | OrderError::Partly { why: message, .. } => Self::Refused(message),
            OrderError::Busy(message) => Self::Busy(message),
            OrderError::Unfinished { run_id, reasons } => Self::Failed { run_id, reasons },
            OrderError::Failed(error) => Self::Export(error),
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

impl<P: Ports + Scans + Queue + OrderLog + Telling> Handler<P> {
    /// A handler on its ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { exporter: Exporter::new(ports.clone(), settings.clone()), settings, ports }
    }

    /// Lets exports use what is known of connections, and look at them anew where that is old or wrong.
    #[must_use]
    pub fn with_upkeep(self, upkeep: Arc<dyn Upkeep>) -> Self {
        Self { exporter: self.exporter.with_upkeep(upkeep), ..self }
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
            Invocation::Direct(Work::Uploads(uploads)) => {
                let runs = self.uploads(&uploads, deadline, false).await;
                Ok(Answer::Direct { runs: runs.into_iter().collect::<Result<_, _>>()? })
            }
            Invocation::Direct(Work::Order(order)) => {
                Ok(Answer::Direct { runs: self.order(&order, deadline, false).await? })
            }
        }
    }

    /// Exports what a message tells of. The message's id, if it is to come again.
    async fn message(&self, message: Message, deadline: Option<Instant>) -> Option<String> {
        let failed = match message.work {
            Ok(Work::Order(order)) => match self.order(&order, deadline, true).await {
                Ok(_) => false,
                Err(HandlerError::Refused(why)) => {
                    tracing::error!(order.id = order.id, order = %order.order, why, "order dropped: it can't be carried out");
                    false
                }
                Err(error) => {
                    tracing::warn!(order.id = order.id, order = %order.order, %error, "order put back: it is tried again");
                    true
                }
            },
            Ok(Work::Uploads(uploads)) => self.uploads(&uploads, deadline, true).await.iter().any(Result::is_err),
            Err(error) => {
                tracing::error!(message.id = message.id, %error, "message dropped: it will never be understood");
                false
            }
        };
        failed.then_some(message.id)
    }

    /// Carries out an order. `queued`: it came from the queue, and what is left of it may be put there.
    async fn order(
        &self,
        order: &Placed,
        deadline: Option<Instant>,
        queued: bool,
    ) -> Result<Vec<RunReport>, HandlerError> {
        let options = mend::Options { deadline, ..mend::Options::default() };
        let runs = fulfil(&self.ports, &self.settings, order, queued, &options).await?;
        runs.iter().for_each(log_run);
        for run in &runs {
            coverage::publish(self.ports.as_ref(), run, deadline).await;
        }
        Ok(runs)
    }

    /// Exports one upload after the other; one that fails does not hold up the rest.
    /// `queued`: they came from the queue, and may be put back there.
    async fn uploads(
        &self,
        uploads: &[Upload],
        deadline: Option<Instant>,
        queued: bool,
    ) -> Vec<Result<RunReport, HandlerError>> {
        let mut runs = Vec::new();
        for upload in uploads {
            if let Some(reason) = no_scan(&upload.key) {
                tracing::info!(upload.bucket, upload.key, reason, "upload skipped");
                continue;
            }
            let run = self.export(upload, deadline, queued).await;
            if let Err(error) = &run {
                log_failure(upload, error);
            }
            runs.push(run);
        }
        runs
    }

    async fn export(
        &self,
        upload: &Upload,
        deadline: Option<Instant>,
        queued: bool,
    ) -> Result<RunReport, HandlerError> {
        let run = match self.ports.open(upload).await {
            Ok(scan) => match self.exporter.export(scan, Options { deadline, ..Options::default() }).await {
                Err(held @ ExportError::Held { .. }) if queued => return self.wait(upload, held).await,
                outcome => outcome?,
            },
            Err(gone @ OpenError::NotFound { .. }) => self.record_gone(upload, &gone).await?,
            Err(error) => return Err(error.into()),
        };
        log_run(&run);
        coverage::publish(self.ports.as_ref(), &run, deadline).await;
        let put_back = match run.status {
            RunStatus::Unfinished if queued && made_progress(&run) => {
                self.ports.put_back(upload, Duration::ZERO).await?
            }
            RunStatus::Failed if queued && is_busy(&run) => self.ports.put_back(upload, BUSY_DELAY).await?,
            _ => false,
        };
        if run.status.wants_another_try() && !put_back {
            return Err(HandlerError::Failed { run_id: run.run_id, reasons: run.reasons.join("; ") });
        }
        Ok(run)
    }

    /// Puts an upload back that another run is exporting. If that run ends well, the next one finds it done.
    async fn wait(&self, upload: &Upload, held: ExportError) -> Result<RunReport, HandlerError> {
        if !self.ports.put_back(upload, BUSY_DELAY).await? {
            return Err(held.into());
        }
        let info = UploadInfo { source: upload.url(), etag: String::new(), bytes: 0, modified_at: None };
        let mut run = RunReport::begin(Uuid::now_v7().to_string(), info, self.ports.now());
        run.status = RunStatus::Unfinished;
        run.reasons.push(held.to_string());
        Ok(run)
    }

    /// Records that an upload was gone before it was read.
    async fn record_gone(&self, upload: &Upload, gone: &OpenError) -> Result<RunReport, PortError> {
        let info = UploadInfo { source: upload.url(), etag: String::new(), bytes: 0, modified_at: None };
        let now = self.ports.now();
        let mut run = RunReport::begin(Uuid::now_v7().to_string(), info, now);
        run.status = RunStatus::Ignored;
        run.reasons.push(gone.to_string());
        run.finished_at = Some(now);
        self.ports.record(&run).await?;
        Ok(run)
    }
}

/// Says once why an upload is to come again. A failed run has its own line.
fn log_failure(upload: &Upload, error: &HandlerError) {
    match error {
        HandlerError::Failed { .. } => {}
        HandlerError::Export(ExportError::Unbalanced { .. }) => {
            tracing::error!(upload.bucket, upload.key, %error, "upload put back: its findings do not add up");
        }
        _ => tracing::warn!(upload.bucket, upload.key, %error, "upload put back: it is tried again"),
    }
}

#[cfg(test)]
mod tests;

//! Translates an invocation into exports and their outcome into an answer.
//!
//! Promises: what another try can't mend is in the log and in a run's record, and the event is done; what it can mend is
//! put back, alone, and does not hold up the others.

use std::sync::Arc;
use std::time::SystemTime;

use exporter::export::{ExportError, Exporter, Options};
use exporter::ports::{OpenError, PortError, Ports, Queue, Scans};
use exporter::report::{RunReport, RunStatus};
use exporter::settings::Settings;
use exporter::upload::{Upload, UploadInfo};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::event::{self, EventError, Invocation, Message};
use crate::keys::no_scan;
use crate::telemetry::log_run;

/// Handles invocations. Built once; every invocation borrows it.
pub struct Handler<P> {
    ports: Arc<P>,
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
            Self::Failed { .. } => "ExportFailed",
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
    #[serde(rename_all = "camelCase")]
    Queue {
        /// Those messages.
        batch_item_failures: Vec<Failure>,
    },
    /// To a direct invocation: what became of each upload.
    Direct {
        /// The runs.
        runs: Vec<RunReport>,
    },
}

/// A message that is to come again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The message's id.
    pub item_identifier: String,
}

impl<P: Ports + Scans + Queue> Handler<P> {
    /// A handler on its ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { exporter: Exporter::new(ports.clone(), settings), ports }
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
                let mut batch_item_failures = Vec::new();
                for message in messages {
                    if let Some(failure) = self.message(message, deadline).await {
                        batch_item_failures.push(failure);
                    }
                }
                Ok(Answer::Queue { batch_item_failures })
            }
            Invocation::Direct(uploads) => {
                let runs = self.uploads(&uploads, deadline).await;
                Ok(Answer::Direct { runs: runs.into_iter().collect::<Result<_, _>>()? })
            }
        }
    }

    /// Exports what a message tells of. The message, if it is to come again.
    async fn message(&self, message: Message, deadline: Option<Instant>) -> Option<Failure> {
        let failed = match message.uploads {
            Ok(uploads) => self.uploads(&uploads, deadline).await.iter().any(Result::is_err),
            Err(error) => {
                tracing::error!(message.id = message.id, %error, "message dropped: it will never be understood");
                false
            }
        };
        failed.then_some(Failure { item_identifier: message.id })
    }

    /// Exports one upload after the other; one that fails does not hold up the rest.
    async fn uploads(&self, uploads: &[Upload], deadline: Option<Instant>) -> Vec<Result<RunReport, HandlerError>> {
        let mut runs = Vec::new();
        for upload in uploads {
            if let Some(reason) = no_scan(&upload.key) {
                tracing::info!(upload.bucket, upload.key, reason, "upload skipped");
                continue;
            }
            let run = self.export(upload, deadline).await;
            if let Err(error) = &run {
                log_failure(upload, error);
            }
            runs.push(run);
        }
        runs
    }

    async fn export(&self, upload: &Upload, deadline: Option<Instant>) -> Result<RunReport, HandlerError> {
        let run = match self.ports.open(upload).await {
            Ok(scan) => self.exporter.export(scan, Options { deadline, ..Options::default() }).await?,
            Err(gone @ OpenError::NotFound { .. }) => self.record_gone(upload, &gone).await?,
            Err(error) => return Err(error.into()),
        };
        log_run(&run);
        let put_back =
            run.status == RunStatus::Unfinished && made_progress(&run) && self.ports.put_back(upload).await?;
        if run.status.wants_another_try() && !put_back {
            return Err(HandlerError::Failed { run_id: run.run_id, reasons: run.reasons.join("; ") });
        }
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

/// Whether another run would begin farther on. An upload that makes no progress is tried as any that fails, and ends in
/// the dead-letter queue.
fn made_progress(run: &RunReport) -> bool {
    let adopted = |region: &exporter::report::RegionReport| region.adopted > 0;
    run.counts.sent + run.counts.archived > 0
        || run.accounts.values().any(|account| account.regions.values().any(adopted))
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

/// The end of the invocation on the runtime's clock. None where the caller sets none.
fn instant(deadline: SystemTime) -> Option<Instant> {
    if deadline == SystemTime::UNIX_EPOCH {
        return None;
    }
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    Some(Instant::now() + left)
}

#[cfg(test)]
mod tests;

//! Exports the uploads of an event, and handles incomplete exports.

use exporter::export::{ExportError, Options};
use exporter::jobs::Queue;
use exporter::jobs::{Chain, Delivery, JobStore, end_run, is_locked};
use exporter::model::upload::{Upload, UploadInfo};
use exporter::notifications::Notifications;
use exporter::ports::{OpenError, PortError, Ports, Scans};
use exporter::report::{RunReport, RunStatus};
use tokio::time::Instant;
use uuid::Uuid;

use crate::handler::{Handler, HandlerError};
use crate::keys::skip_reason;

/// Reason of a run whose message is moved to the dead-letter queue.
const DEAD_LETTER: &str = "this was the last attempt: the message of the upload is in the dead-letter queue; fix the \
    cause, then export the upload again";

impl<P: Ports + Scans + Queue + JobStore + Notifications> Handler<P> {
    /// Exports uploads one after another. A failure doesn't affect the others.
    pub(crate) async fn uploads(
        &self,
        uploads: &[Upload],
        chain: &Chain,
        delivery: Delivery,
        deadline: Option<Instant>,
    ) -> Vec<Result<RunReport, HandlerError>> {
        let chain = &delivery.continued(chain);
        let mut runs = Vec::new();
        for upload in uploads {
            if let Some(reason) = skip_reason(&upload.key) {
                tracing::info!(upload.bucket, upload.key, reason, "upload skipped");
                continue;
            }
            let run = self.export(upload, chain, delivery, deadline).await;
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
        chain: &Chain,
        delivery: Delivery,
        deadline: Option<Instant>,
    ) -> Result<RunReport, HandlerError> {
        let options = Options { deadline, run_id: chain.run_id.clone(), ..Options::default() };
        let run = match self.ports.open(upload).await {
            Ok(scan) => match self.exporter.export(scan, options).await {
                Err(locked @ ExportError::InProgress { .. }) => {
                    return self.requeue_locked(upload, chain, delivery, locked).await;
                }
                outcome => outcome?,
            },
            Err(not_found @ OpenError::NotFound { .. }) => self.record_missing(upload, &not_found).await?,
            Err(error) => {
                self.record_unopened(upload, delivery, &error.to_string()).await?;
                return Err(error.into());
            }
        };
        self.report(&run, deadline).await;
        if run.status.should_retry() { self.schedule_retry(upload, chain, delivery, run).await } else { Ok(run) }
    }

    /// Continues an incomplete run in the next invocation of the chain, or in another receive of the message.
    ///
    /// # Errors
    ///
    /// If the message must be retried. If it is moved to the dead-letter queue instead, the record of the run states that.
    async fn schedule_retry(
        &self,
        upload: &Upload,
        chain: &Chain,
        delivery: Delivery,
        mut run: RunReport,
    ) -> Result<RunReport, HandlerError> {
        let continues = run.status == RunStatus::Unfinished || is_locked(&run);
        let command = format!("hubctl run replay {}{}", run.run_id, self.settings.command_options);
        if continues && delivery != Delivery::Direct {
            match chain.next(std::slice::from_ref(&run)) {
                Ok(round) if self.ports.requeue(upload, &round).await? => return Ok(run),
                Ok(_) => {}
                Err(ended) if !delivery.is_last() => {
                    let why = format!(
                        "{ended}: the export is not continued immediately; the queue retries it, or export it now"
                    );
                    end_run(self.ports.as_ref(), &mut run, &why, &command).await?;
                }
                Err(ended) => run.reasons.push(ended),
            }
        }
        if delivery.is_last() {
            end_run(self.ports.as_ref(), &mut run, DEAD_LETTER, &command).await?;
        }
        Err(HandlerError::Failed { run_id: run.run_id, reasons: run.reasons.join("; ") })
    }

    /// Requeues an upload that another run is exporting. If the other run succeeds, the retry is a duplicate run.
    async fn requeue_locked(
        &self,
        upload: &Upload,
        chain: &Chain,
        delivery: Delivery,
        locked: ExportError,
    ) -> Result<RunReport, HandlerError> {
        let mut why = locked.to_string();
        let round = if delivery == Delivery::Direct { None } else { Some(chain.next(&[])) };
        match round {
            Some(Ok(round)) if self.ports.requeue(upload, &round).await? => {
                let mut run = self.new_run(upload);
                run.status = RunStatus::Unfinished;
                run.reasons.push(why);
                return Ok(run);
            }
            Some(Err(ended)) => why = format!("{why}; {ended}"),
            _ => {}
        }
        self.record_unopened(upload, delivery, &why).await?;
        Err(locked.into())
    }

    /// Records that an upload no longer exists.
    async fn record_missing(&self, upload: &Upload, not_found: &OpenError) -> Result<RunReport, PortError> {
        let mut run = self.new_run(upload);
        run.status = RunStatus::Ignored;
        run.reasons.push(not_found.to_string());
        run.finished_at = Some(run.started_at);
        self.ports.record(&run).await?;
        Ok(run)
    }

    /// Records a run of an upload that was never read and whose message
    /// is not received again. Otherwise, the upload would have no run.
    async fn record_unopened(&self, upload: &Upload, delivery: Delivery, why: &str) -> Result<(), PortError> {
        if !delivery.is_last() {
            return Ok(());
        }
        let mut run = self.new_run(upload);
        run.reasons.push(why.to_owned());
        let command = format!("hubctl export {}{}", upload.url(), self.settings.command_options);
        end_run(self.ports.as_ref(), &mut run, DEAD_LETTER, &command).await
    }

    /// A new run of an upload that has not been read yet.
    fn new_run(&self, upload: &Upload) -> RunReport {
        let info =
            UploadInfo { source: upload.url(), etag: String::new(), bytes: 0, modified_at: None, requester: None };
        RunReport::new(Uuid::now_v7().to_string(), info, self.ports.now())
    }
}

/// Logs why an upload is retried. A failed run is logged separately.
fn log_failure(upload: &Upload, error: &HandlerError) {
    match error {
        HandlerError::Failed { .. } => {}
        HandlerError::Export(ExportError::Unbalanced { .. }) => {
            tracing::error!(upload.bucket, upload.key, %error, "upload requeued: its counts don't add up");
        }
        _ => tracing::warn!(upload.bucket, upload.key, %error, "upload requeued for a retry"),
    }
}

//! A run: how it starts, the context that its workers share, and how it is concluded and recorded. Exports and jobs start
//! and end here.

use std::sync::Arc;
use std::time::Duration;

use asff::Regions;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::delivery::{Shared, new_buffer_slots};
use crate::lease::lock_until;
use crate::lines::writer::{JsonLines, WriterTask};
use crate::model::settings::{DRAIN_SHARE, Settings};
use crate::ports::report_store::save_report;
use crate::ports::{PortError, Ports};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::{RunReport, RunStatus};

/// Why a run has no report. All of these errors are worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Another run is exporting the same upload.
    #[error("run {run_id} is exporting {source_name}")]
    InProgress {
        /// The other run.
        run_id: String,
        /// The upload.
        source_name: String,
    },
    /// A dependency failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// An internal error: findings without an outcome, or with two.
    #[error("the counts of run {run_id} don't add up: {read} findings read, {accounted} accounted for")]
    Unbalanced {
        /// The run.
        run_id: String,
        /// Findings read.
        read: u64,
        /// Findings with an outcome.
        accounted: u64,
    },
}

/// The inputs of a run in addition to its report.
pub(crate) struct RunSettings<'a, P> {
    pub(crate) ports: &'a Arc<P>,
    pub(crate) settings: &'a Settings,
    pub(crate) regions: &'a Arc<Regions>,
    /// When the caller's time ends.
    pub(crate) deadline: Option<Instant>,
    /// When delivery stops, so that the results until then can still be saved.
    pub(crate) give_up_at: Option<Instant>,
    pub(crate) progress: &'a Arc<Progress>,
}

/// The context that all workers of a run share.
pub(crate) struct RunContext<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) regions: Arc<Regions>,
    /// Until when the run locks accounts.
    pub(crate) until: Timestamp,
    pub(crate) shared: Shared,
}

impl<P> RunContext<P> {
    pub(crate) fn run_id(&self) -> &str {
        &self.shared.run_id
    }
}

/// The objects that a run writes in addition to its report.
pub(crate) struct RunFiles {
    quarantine: WriterTask,
    pending: WriterTask,
}

/// The time before the deadline that a run reserves for requests in flight.
pub(crate) fn drain_reserve(settings: &Settings, deadline: Option<Instant>) -> Duration {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    left.map_or(settings.drain_reserve, |left| settings.drain_reserve.min(left / DRAIN_SHARE))
}

/// Starts the work of a run.
pub(crate) fn start_run<P: Ports>(
    run: &RunReport,
    RunSettings { ports, settings, regions, deadline, give_up_at, progress }: RunSettings<'_, P>,
) -> (RunContext<P>, RunFiles) {
    let (quarantine, quarantine_writer) = Quarantine::for_run(ports.clone(), &run.run_id);
    let (pending, pending_writer) = JsonLines::open(ports.clone(), RunReport::pending_key(&run.run_id));
    let shared = Shared {
        run_id: run.run_id.as_str().into(),
        settings: settings.clone(),
        in_flight: Arc::new(Semaphore::new(settings.in_flight_bytes_max)),
        buffer_slots: new_buffer_slots(),
        give_up_at,
        quarantine,
        pending,
        progress: progress.clone(),
    };
    let until = lock_until(ports.now(), deadline);
    let context = RunContext { ports: ports.clone(), regions: regions.clone(), until, shared };
    (context, RunFiles { quarantine: quarantine_writer, pending: pending_writer })
}

/// Ends the work of a run, whose [`RunContext`] must be dropped by then: completes its files, checks that the counts add up,
/// concludes the run, and records it. An error of the work has precedence over later errors.
pub(crate) async fn end_run_work<P: Ports, E: From<ExportError>>(
    ports: &P,
    settings: &Settings,
    files: RunFiles,
    run: &mut RunReport,
    worked: Result<(), E>,
) -> Result<(), E> {
    let completed = files.complete(run).await;
    worked?;
    completed.map_err(ExportError::Port)?;
    Ok(conclude(ports, settings, run).await?)
}

/// Records that a run failed.
pub(crate) async fn record_failure<P: Ports>(ports: &P, run: &mut RunReport, error: &impl ToString) {
    run.status = RunStatus::Failed;
    run.reasons.push(error.to_string());
    run.finished_at = Some(ports.now());
    // The caller gets the first error; that the record may be missing too adds nothing.
    let _ = ports.record(run).await;
}

impl RunFiles {
    async fn complete(self, run: &mut RunReport) -> Result<(), PortError> {
        let quarantine = self.quarantine.finish().await;
        run.pending = self.pending.finish().await?;
        run.quarantine = quarantine?;
        Ok(())
    }
}

async fn conclude<P: Ports>(ports: &P, settings: &Settings, run: &mut RunReport) -> Result<(), ExportError> {
    if !run.counts.is_balanced() {
        let (read, accounted) = (run.counts.read, run.counts.accounted());
        return Err(ExportError::Unbalanced { run_id: run.run_id.clone(), read, accounted });
    }
    run.conclude(ports.now(), &settings.command_options);
    save_report(ports, run).await?;
    ports.record(run).await?;
    Ok(())
}

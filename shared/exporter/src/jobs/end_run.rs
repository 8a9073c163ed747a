//! Says in a run's record that its upload is not continued, and what exports it.

use crate::ports::{PortError, Ports};
use crate::report::{RunReport, RunStatus};
use crate::report_store::save_report;

/// Records that a run failed for `why`, whatever it was before: nothing continues it at once, or at all. `command`: what exports
/// its upload.
///
/// # Errors
///
/// When the state bucket or the table does not answer.
pub async fn end_run<P: Ports>(ports: &P, run: &mut RunReport, why: &str, command: &str) -> Result<(), PortError> {
    run.status = RunStatus::Failed;
    run.reasons.push(format!("{why}\n{command}"));
    run.finished_at = run.finished_at.or_else(|| Some(ports.now()));
    save_report(ports, run).await?;
    ports.record(run).await
}

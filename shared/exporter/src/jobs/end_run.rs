//! Records that the upload of a run is not continued, and the command that exports it.

use crate::ports::report_store::save_report;
use crate::ports::{PortError, Ports};
use crate::report::{RunReport, RunStatus};

/// Records that a run failed for `why`, whatever its status was: its upload is not continued at once, or not at all.
/// `command`: the command that exports the upload.
///
/// # Errors
///
/// When the state bucket or the table does not respond.
pub async fn end_run<P: Ports>(ports: &P, run: &mut RunReport, why: &str, command: &str) -> Result<(), PortError> {
    run.status = RunStatus::Failed;
    run.reasons.push(format!("{why}\n{command}"));
    run.finished_at = run.finished_at.or_else(|| Some(ports.now()));
    save_report(ports, run).await?;
    ports.record(run).await
}

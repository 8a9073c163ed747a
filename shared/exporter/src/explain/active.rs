//! Why an active finding that is absent from the newest scan stays active, for `explain`.

use serde::{Deserialize, Serialize};

use super::{ExportedState, FindingName};
use crate::model::approval::Approval;
use crate::model::integration::{ArchiveScope, Integration};
use crate::ports::{PortError, Ports};
use crate::report::pending_findings::PendingFindings;
use crate::report::unproven::explain;
use crate::report::{PendingClass, RunKind, RunReport, RunStatus};

/// A finding that a run archives only upon approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaysActive {
    /// The newest run of the account.
    pub run_id: String,
    /// The evidence of its scan.
    pub class: PendingClass,
    /// `archive_limit`, or the reason for which the scan proves nothing about the finding.
    pub reason: String,
    /// The reason, one sentence.
    pub message: String,
    /// The command that archives the finding.
    pub command: String,
}

/// Whether archiving the finding requires an approval of the account's newest run.
pub(super) async fn stays_active<P: Ports>(
    ports: &P,
    name: &FindingName,
    id: &str,
    exported: &[ExportedState],
    runs: &[RunReport],
) -> Result<Option<StaysActive>, PortError> {
    if exported.iter().all(|exported| exported.state == "archived") {
        return Ok(None);
    }
    let processed_account = |run: &&RunReport| {
        run.kind == RunKind::Export
            && matches!(run.status, RunStatus::Succeeded | RunStatus::Degraded | RunStatus::Unfinished)
            && run.accounts.get(&name.account).is_some_and(|report| report.problem.is_none())
    };
    let Some(run) = runs.iter().find(processed_account).filter(|run| run.pending.is_some()) else { return Ok(None) };
    let Some(findings) = PendingFindings::open(ports, &run.run_id).await? else { return Ok(None) };
    let Some(found) = findings.find(id).await? else { return Ok(None) };
    let is_unproven = found.class == PendingClass::Unproven;
    let message = if is_unproven {
        format!("the newest scan does not prove that it is resolved, because {}", explain(&found.reason))
    } else {
        "the newest scan shows it as resolved, but with more findings than the limit".to_owned()
    };
    let approval = Approval { pending: !is_unproven, unproven: is_unproven };
    Ok(Some(StaysActive {
        run_id: run.run_id.clone(),
        class: found.class,
        reason: found.reason,
        message,
        command: run.approve_command(approval),
    }))
}

/// A note on how often a finding was absent. `None` if it isn't active, or if absence doesn't archive it.
pub(super) fn absences(exported: &[ExportedState], integration: Option<&Integration>) -> Option<String> {
    let integration = integration.filter(|integration| integration.archive_previous_findings)?;
    if integration.archive_scope != ArchiveScope::Full {
        return None;
    }
    let absent = exported.iter().filter_map(|exported| exported.absent).max()?;
    let scans = if absent == 1 { "the newest scan".to_owned() } else { format!("the {absent} newest scans") };
    Some(format!(
        "it is absent from {scans} and stays active until it is absent from {} in a row (absent_scans)",
        integration.absent_scans
    ))
}

//! Whether an approval of a run still has an effect: the run has findings to approve, and its scan is the newest of an
//! account.

use asff::AccountId;

use super::error::JobError;
use crate::model::approval::Approval;
use crate::model::integration::ArchiveScope;
use crate::ports::Ports;
use crate::ports::report_store::read_report;
use crate::report::{RunKind, RunReport, RunStatus};

/// Checks that a run can be approved.
///
/// # Errors
///
/// [`JobError::Rejected`] if it can't, with the command that shows what to approve instead.
pub async fn ensure_run_approvable<P: Ports>(ports: &P, run_id: &str, approval: Approval) -> Result<(), JobError> {
    // The export itself rejects a run without a report.
    match read_report(ports, run_id).await? {
        Some(run) => ensure_approvable(ports, &run, approval).await,
        None => Ok(()),
    }
}

/// Like [`ensure_run_approvable`], for a report that was already read.
///
/// # Errors
///
/// [`JobError::Rejected`] if it can't be approved.
pub async fn ensure_approvable<P: Ports>(ports: &P, run: &RunReport, approval: Approval) -> Result<(), JobError> {
    let run_id = &run.run_id;
    let mut outdated = None;
    let mut waiting = 0;
    for (account, _) in run.accounts_to_approve(approval) {
        waiting += 1;
        // After a partial scan, scans of other checks or Regions do not make it outdated.
        let integration = ports.integration(&account).await?;
        if integration.is_some_and(|integration| integration.archive_scope != ArchiveScope::Full) {
            return Ok(());
        }
        let newest = ports.lock_status(account).await?.map(|(newest, _)| newest.newest);
        match (newest, run.scanned_at) {
            (Some(newest), Some(scanned_at)) if newest > scanned_at => outdated = Some((account, newest, scanned_at)),
            _ => return Ok(()),
        }
    }
    if let Some((account, newest, scanned_at)) = outdated {
        return Err(JobError::Rejected(format!(
            "run {run_id} can't be approved: its scan of {scanned_at:.0} is no longer the newest of account {account}, \
             that of {newest:.0} is; to find its run: hubctl run list --account {account}"
        )));
    }
    if waiting == 0 {
        return Err(JobError::Rejected(nothing_to_approve(run, approval)));
    }
    Ok(())
}

/// Why an approval has no effect, and the approval that would have one.
fn nothing_to_approve(run: &RunReport, approval: Approval) -> String {
    let (run_id, status) = (&run.run_id, run.status.as_str());
    let what = match approval {
        Approval { pending: true, unproven: true } => "neither an archive that requires approval nor unproven findings",
        Approval { unproven: true, .. } => "no unproven findings",
        Approval { .. } => "no archive that requires approval",
    };
    let other = Approval { pending: !approval.pending, unproven: !approval.unproven };
    if run.accounts_to_approve(other).next().is_some() {
        return format!(
            "run {run_id} ({status}) has {what}; to approve its other findings: {}",
            run.approve_command(other)
        );
    }
    format!("run {run_id} ({status}) has {what}; to see its report: hubctl run show {run_id}")
}

/// The run of the newest scan of an account among `runs`. `None` if that scan is not newer than the one of `run`.
pub fn newer_run<'a>(run: &RunReport, account: AccountId, runs: &'a [RunReport]) -> Option<&'a RunReport> {
    let worked = |other: &&RunReport| {
        matches!(other.status, RunStatus::Succeeded | RunStatus::Degraded | RunStatus::Unfinished)
            && other.kind == RunKind::Export
            && other.accounts.get(&account).is_some_and(|part| part.problem.is_none())
    };
    let newer = runs.iter().filter(worked).filter(|other| other.scanned_at > run.scanned_at);
    newer.max_by_key(|other| (other.scanned_at, other.started_at))
}

impl Approval {
    /// Why an approval of a run has no effect. `None` if it has one according to the report.
    pub fn reason_without_effect(self, run: &RunReport) -> Option<String> {
        run.accounts_to_approve(self).next().is_none().then(|| nothing_to_approve(run, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::upload::UploadInfo;
    use crate::report::AccountReport;

    #[test]
    fn a_run_is_outdated_by_the_newest_run_of_a_newer_scan() {
        let account: AccountId = "123456789012".parse().unwrap();
        let of = |id: &str, hour: i8, status| {
            let upload = UploadInfo {
                source: "s3://b/k".to_owned(),
                etag: String::new(),
                bytes: 0,
                modified_at: None,
                requester: None,
            };
            let mut run = RunReport::new(id.to_owned(), upload, "2026-11-23T12:00:00Z".parse().unwrap());
            run.scanned_at = Some(format!("2026-11-23T{hour:02}:00:00Z").parse().unwrap());
            run.status = status;
            run.accounts.insert(account, AccountReport::default());
            run
        };
        let pending = of("pending", 8, RunStatus::Degraded);
        let mut disabled = of("disabled", 11, RunStatus::Degraded);
        disabled.accounts.get_mut(&account).unwrap().problem = Some("off".to_owned());
        let runs = [
            of("older", 7, RunStatus::Succeeded),
            pending.clone(),
            of("newer", 9, RunStatus::Degraded),
            of("newest", 10, RunStatus::Succeeded),
            of("late", 10, RunStatus::Superseded),
            disabled,
        ];
        assert_eq!(newer_run(&pending, account, &runs).unwrap().run_id, "newest");
        assert!(newer_run(&pending, account, &runs[..2]).is_none());
        assert!(newer_run(&pending, "210987654321".parse().unwrap(), &runs).is_none());
    }
}

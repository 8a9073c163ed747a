//! Runs jobs that refer to the results of earlier runs: undo an archive, redrive the quarantine, reconcile Security Hub
//! with the state, archive all findings.
//!
//! Guarantees: each job has the account's lock, as an export has, so that it never runs at the same time as an export
//! of the account; it observes the service's quota; it is recorded as a run whose counts add up; and it may be
//! submitted twice, since the second time its work is already done.

use std::sync::Arc;

use asff::Regions;
use tokio::time::Instant;
use uuid::Uuid;

use super::context::{AccountResult, JobContext};
use super::error::RunnerError;
use crate::model::settings::Settings;
use crate::model::upload::UploadInfo;
use crate::ports::report_store::read_report;
use crate::ports::{Objects, Ports};
use crate::progress::Progress;
use crate::report::{ReadStatus, RunKind, RunReport, RunTrigger};
use crate::run::{self, RunSettings};

/// Runs jobs with the same settings.
pub struct JobRunner<P> {
    pub(super) ports: Arc<P>,
    pub(super) settings: Settings,
    pub(super) regions: Arc<Regions>,
}

/// The options of a job's run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The job to which the run belongs. `None` if it is not a job of the deployment.
    pub job_id: Option<String>,
    /// The run whose record this one continues, since that run only waited. `None`: a new run.
    pub run_id: Option<String>,
    /// The deadline of the caller.
    pub deadline: Option<Instant>,
    /// The progress to update.
    pub progress: Arc<Progress>,
}

impl<P: Ports> JobRunner<P> {
    /// Creates a runner with these settings.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings, regions: Arc::new(Regions::known()) }
    }

    /// Does the work as a run: recorded when it begins, and concluded and recorded when it ends. A run for one account
    /// is recorded only after it has the account's lock (`LockedAccount::record_start`): a job that waits for a locked
    /// account does not leave a run for each attempt.
    pub(super) async fn run<F>(
        &self,
        mut run: RunReport,
        options: &Options,
        work: impl FnOnce(JobContext<P>) -> F,
    ) -> Result<RunReport, RunnerError>
    where
        F: Future<Output = Result<Vec<AccountResult>, RunnerError>>,
    {
        run.job_id.clone_from(&options.job_id);
        if let Some(run_id) = &options.run_id {
            run.run_id.clone_from(run_id);
        }
        if !run.kind.is_of_one_account() {
            self.ports.record(&run).await?;
        }
        let reserve = run::drain_reserve(&self.settings, options.deadline);
        let (context, files) = run::start_run(
            &run,
            RunSettings {
                ports: &self.ports,
                settings: &self.settings,
                regions: &self.regions,
                deadline: options.deadline,
                give_up_at: options.deadline.map(|deadline| deadline - reserve),
                progress: &options.progress,
            },
        );
        let worked = work(JobContext { run: context, begun: run.clone() }).await;
        run.read_status = ReadStatus::Complete;
        let worked = worked.and_then(|accounts| add_accounts(&mut run, accounts));
        let concluded = run::end_run_work(self.ports.as_ref(), &self.settings, files, &mut run, worked).await;
        if let Err(error) = &concluded
            && !matches!(error, RunnerError::Locked(_))
        {
            run::record_failure(self.ports.as_ref(), &mut run, error).await;
        }
        concluded.map(|()| run)
    }

    /// Creates the report of a run that begins. `of`: the run to which it refers. `about`: the text that lists show
    /// instead of an upload.
    pub(super) fn begin(&self, kind: RunKind, of: Option<&str>, about: String) -> RunReport {
        let upload = UploadInfo { source: about, etag: String::new(), bytes: 0, modified_at: None, requester: None };
        let run = RunReport::new(Uuid::now_v7().to_string(), upload, self.ports.now());
        RunReport { kind, source_run_id: of.map(str::to_owned), trigger: Some(RunTrigger::Job), ..run }
    }
}

/// Adds the results of the accounts to the report of their run. The first error is the run's error.
fn add_accounts(run: &mut RunReport, accounts: Vec<AccountResult>) -> Result<(), RunnerError> {
    let mut first_error = None;
    for AccountResult { account, report, error } in accounts {
        run.counts.merge(&report.counts);
        if let Some(account) = account {
            run.accounts.insert(account, report);
        }
        first_error = first_error.or(error);
    }
    first_error.map_or(Ok(()), |error| Err(error.into()))
}

/// Reads the report of a run, which must exist.
pub(super) async fn require_report(ports: &impl Objects, run_id: &str) -> Result<RunReport, RunnerError> {
    let missing = || {
        RunnerError::Rejected(format!(
            "run {run_id} has no report: it doesn't exist, is in progress, or was killed; to list runs: hubctl run list"
        ))
    };
    read_report(ports, run_id).await?.ok_or_else(missing)
}

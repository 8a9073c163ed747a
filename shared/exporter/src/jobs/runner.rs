//! What a user asks for about what earlier runs did: undo an archive, send what is in quarantine, compare Security Hub
//! with the state, archive everything.
//!
//! Promises: each works under the account's hold, as an export does, so that it never mixes with one; keeps
//! the service's quota; is recorded as a run of its own whose counts add up; and may be asked for twice, since the second
//! time finds it done.

use std::sync::Arc;

use asff::Regions;
use tokio::time::Instant;
use uuid::Uuid;

use super::context::{AccountResult, JobContext};
use super::error::RunnerError;
use crate::ports::{Objects, Ports};
use crate::progress::Progress;
use crate::report::{ReadStatus, RunKind, RunReport};
use crate::report_store::read_report;
use crate::run::{self, RunSettings};
use crate::settings::Settings;
use crate::upload::UploadInfo;

/// Does what a user asks for.
pub struct JobRunner<P> {
    pub(super) ports: Arc<P>,
    pub(super) settings: Settings,
    pub(super) regions: Arc<Regions>,
}

/// How it is done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The job that it belongs to, where there is one.
    pub job_id: Option<String>,
    /// The run whose record this one continues, since that run only waited. None: a new one.
    pub run_id: Option<String>,
    /// When the caller's time is over.
    pub deadline: Option<Instant>,
    /// Who watches.
    pub progress: Arc<Progress>,
}

impl<P: Ports> JobRunner<P> {
    /// A mender with its settings.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings, regions: Arc::new(Regions::known()) }
    }

    /// Does the work under a run of its own: recorded when it begins, concluded and recorded when it ends. The work on one
    /// account records it itself, when the account is its own ([`JobContext::begin`]): a job that waits for a busy account leaves no
    /// run for each attempt.
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

    /// A run that begins: what it does, about which run, and what lists show in the place of an upload.
    pub(super) fn begin(&self, kind: RunKind, of: Option<&str>, about: String) -> RunReport {
        let upload = UploadInfo { source: about, etag: String::new(), bytes: 0, modified_at: None, requester: None };
        let run = RunReport::new(Uuid::now_v7().to_string(), upload, self.ports.now());
        RunReport { kind, source_run_id: of.map(str::to_owned), ..run }
    }
}

/// Adds the outcome of the accounts to the report of their run. The first error is the run's.
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

/// The report of a run that there must be.
pub(super) async fn require_report(ports: &impl Objects, run_id: &str) -> Result<RunReport, RunnerError> {
    let missing = || {
        RunnerError::Rejected(format!(
            "run {run_id} left no report: it is unknown, still at work, or was killed; hubctl run list shows the runs"
        ))
    };
    read_report(ports, run_id).await?.ok_or_else(missing)
}

//! The data flow of an export: claim the upload, read it, determine the outcome of every finding, and record the run.

pub mod cost;
pub mod plan;
pub(crate) mod reading;

use std::collections::HashSet;
use std::sync::Arc;

use asff::{ReadLimits, Regions, ScanFormat};
use tokio::time::Instant;
use uuid::Uuid;

use crate::account::Context;
use crate::account::router::AccountRouter;
use crate::connection::{CheckTarget, ConnectionCache};
use crate::export::reading::{Read, Reading};
use crate::lease::{Lease, lock_until};
use crate::model::approval::Approval;
use crate::model::settings::Settings;
use crate::ports::{Claim, PortError, Ports, Scan};
use crate::progress::Progress;
use crate::report::pending_findings::PendingFindings;
use crate::report::{RunReport, RunStatus, RunTrigger};
use crate::run::{self, RunSettings};
use crate::state::FindingKey;

pub use crate::run::ExportError;

/// Exports scans.
pub struct Exporter<P> {
    ports: Arc<P>,
    settings: Settings,
    limits: ReadLimits,
    regions: Arc<Regions>,
    connection_cache: Option<Arc<dyn ConnectionCache>>,
}

/// How one upload is exported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Export the upload even if an earlier run exported it.
    pub reexport: bool,
    /// The parts of an earlier run of the same scan that a user approved.
    pub approval: Approval,
    /// The run that the approval is about: only the findings that it listed are archived because of the approval.
    pub approved_run: Option<String>,
    /// Export the file in any format, because a user selected this file. Otherwise only the format that the integration
    /// exports is accepted.
    pub any_format: bool,
    /// The trigger of the export.
    pub trigger: RunTrigger,
    /// The job that the export belongs to. `None` if it belongs to none.
    pub job_id: Option<String>,
    /// The run whose record this one continues because that run only waited. `None` creates a new run.
    pub run_id: Option<String>,
    /// When the caller's time ends. `None` if it is unlimited.
    pub deadline: Option<Instant>,
    /// The counters that observers read.
    pub progress: Arc<Progress>,
}

impl<P: Ports> Exporter<P> {
    /// An exporter with its settings.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self {
            ports,
            settings,
            limits: ReadLimits::default(),
            regions: Arc::new(Regions::known()),
            connection_cache: None,
        }
    }

    /// Lets exports use the saved connections of accounts, and check connections again that are outdated or wrong.
    #[must_use]
    pub fn with_connection_cache(self, connection_cache: Arc<dyn ConnectionCache>) -> Self {
        Self { connection_cache: Some(connection_cache), ..self }
    }

    /// Exports one scan.
    ///
    /// The report has the outcome of every finding. [`RunStatus::Failed`] requires a retry of the same upload.
    ///
    /// # Errors
    ///
    /// If the run can't be trusted or recorded. The caller retries the upload; findings that were already sent aren't sent
    /// again.
    pub async fn export(&self, scan: Scan, options: Options) -> Result<RunReport, ExportError> {
        let run_id = options.run_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
        let identity = scan.info.identity();
        let begun = RunReport::new(run_id, scan.info.clone(), self.ports.now());
        let mut run = RunReport { job_id: options.job_id.clone(), trigger: Some(options.trigger), ..begun };
        if let Some(earlier) = self.claim(&run, &identity, &options).await? {
            run.status = RunStatus::Duplicate;
            run.reasons.push(format!("run {earlier} exported this upload"));
            return Ok(run);
        }
        let until = lock_until(self.ports.now(), options.deadline);
        // If another run claims the upload in the meantime, it finds the accounts locked. Losing the upload lock is
        // therefore harmless.
        let lease = match options.deadline {
            Some(_) => Lease::fixed(),
            None => Lease::on_upload(self.ports.clone(), identity.clone(), run.run_id.clone(), until),
        };
        self.ports.record(&run).await?;
        let mut stale = Vec::new();
        let concluded = self.send_findings(&mut run, scan, &options, &mut stale).await;
        if let Err(error) = &concluded {
            run::record_failure(self.ports.as_ref(), &mut run, error).await;
        }
        drop(lease);
        // Findings from an unauthorized source were not exported, so this run must not make other uploads of the same
        // content duplicates.
        let done = concluded.is_ok() && !run.status.should_retry() && !run.counts.has_unauthorized();
        self.ports.finish_claim(&identity, &run.run_id, done).await?;
        if let Some(connection_cache) = self.connection_cache.as_ref().filter(|_| !stale.is_empty()) {
            connection_cache.refresh(stale, options.deadline).await;
        }
        concluded.map(|()| run)
    }

    /// Claims the upload. Returns the ID of the earlier run if one exported the upload.
    async fn claim(&self, run: &RunReport, identity: &str, options: &Options) -> Result<Option<String>, ExportError> {
        let now = self.ports.now();
        let until = lock_until(now, options.deadline);
        match self.ports.claim(identity, &run.run_id, options.reexport, now, until).await? {
            Claim::Granted => Ok(None),
            Claim::Completed { run_id } => Ok(Some(run_id)),
            Claim::InProgress { run_id } => {
                Err(ExportError::InProgress { run_id, source_name: run.upload.source.clone() })
            }
        }
    }

    /// Sends the findings of the file to Security Hub and concludes the run.
    async fn send_findings(
        &self,
        run: &mut RunReport,
        scan: Scan,
        options: &Options,
        stale: &mut Vec<CheckTarget>,
    ) -> Result<(), ExportError> {
        let (deadline, reserve) = (options.deadline, run::drain_reserve(&self.settings, options.deadline));
        let listed = match &options.approved_run {
            Some(run_id) => Some(Arc::new(self.read_listed(run_id).await?)),
            None => None,
        };
        let (context, files) = run::start_run(
            run,
            RunSettings {
                ports: &self.ports,
                settings: &self.settings,
                regions: &self.regions,
                deadline,
                give_up_at: deadline.map(|deadline| deadline - reserve / 2),
                progress: &options.progress,
            },
        );
        let stop_at = deadline.map(|deadline| deadline - reserve);
        let reading = Reading::new(scan.body, self.limits, stop_at, &options.progress);
        let router = AccountRouter::new(Context {
            run: context,
            identity: run.upload.identity().into(),
            upload: run.upload.clone(),
            content: run.upload.content().into(),
            reported: tokio::sync::Mutex::default(),
            format: ScanFormat::Ocsf,
            job_id: options.job_id.clone(),
            reexport: options.reexport || options.approval != Approval::default(),
            approval: options.approval,
            listed,
            any_format: options.any_format,
            connection_cache: self.connection_cache.clone(),
        });
        let sent = self.route_findings(run, reading, router, stale).await;
        run::end_run_work(self.ports.as_ref(), &self.settings, files, run, sent.map_err(ExportError::Port)).await
    }

    /// The findings that a run listed for approval.
    async fn read_listed(&self, run_id: &str) -> Result<HashSet<FindingKey>, ExportError> {
        let mut keys = HashSet::new();
        if let Some(mut findings) = PendingFindings::open(self.ports.as_ref(), run_id).await? {
            while let Some(finding) = findings.next().await? {
                keys.insert(FindingKey::from_id(&finding.finding_id));
            }
        }
        Ok(keys)
    }

    /// Reads the file to its end and routes each finding to its account.
    async fn route_findings(
        &self,
        run: &mut RunReport,
        mut reading: Reading<'_>,
        mut router: AccountRouter<P>,
        stale: &mut Vec<CheckTarget>,
    ) -> Result<(), PortError> {
        let broken = loop {
            match reading.next().await {
                Read::Element(element) => {
                    run.counts.read += 1;
                    router.context.format = reading.format().unwrap_or(ScanFormat::Ocsf);
                    if let Err(error) = router.route(asff::map(&element, &self.regions)).await {
                        break Some(error);
                    }
                }
                Read::End(end) => {
                    run.read_status = end;
                    break None;
                }
                Read::Broken(error) => {
                    break Some(PortError {
                        action: format!("read {}", run.upload.source),
                        message: error.to_string(),
                    });
                }
            }
        };
        run.format = reading.format();
        let drained = router.finish(run, reading.has_end(), stale).await;
        broken.map_or(drained, Err)
    }
}

//! The straight line of an export: claim the upload, read it, give every finding its fate, and record the run.

use std::sync::Arc;

use asff::{ReadLimits, Regions, ScanFormat};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::account::Context;
use crate::approval::Approval;
use crate::connection::{Target, Upkeep};
use crate::deliver::{Shared, room};
use crate::json_lines::JsonLines;
use crate::lease::{Lease, hold_until};
use crate::ports::{Claim, PortError, Ports, Scan};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::reading::{Read, Reading};
use crate::report::{RunReport, RunStatus};
use crate::report_store::keep_report;
use crate::settings::{DRAIN_SHARE, Settings};
use crate::sorter::Sorter;

/// Exports scans.
pub struct Exporter<P> {
    ports: Arc<P>,
    settings: Settings,
    limits: ReadLimits,
    regions: Arc<Regions>,
    upkeep: Option<Arc<dyn Upkeep>>,
}

/// How one upload is exported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Export the upload even if an earlier run did.
    pub again: bool,
    /// What a user approved of an earlier run of the same scan.
    pub approval: Approval,
    /// A user named this very file: its format is the one to export, whatever the integration takes of a scan's several files.
    pub any_format: bool,
    /// The job that the export belongs to, where there is one.
    pub job: Option<String>,
    /// The run whose record this one continues, since that run only waited. None: a new one.
    pub run_id: Option<String>,
    /// When the caller's time is over.
    pub deadline: Option<Instant>,
    /// Who watches.
    pub progress: Arc<Progress>,
}

/// Why an export did not come to a report. All of these are worth another try.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Another run works on the same upload.
    #[error("run {run_id} is exporting {source_name} right now")]
    Held {
        /// The other run.
        run_id: String,
        /// The upload.
        source_name: String,
    },
    /// Something that we rely on did not work.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A defect of ours: findings without a fate, or with two.
    #[error("run {run_id} read {read} findings and accounts for {accounted}")]
    Unbalanced {
        /// The run.
        run_id: String,
        /// Findings read.
        read: u64,
        /// Findings with a fate.
        accounted: u64,
    },
}

impl<P: Ports> Exporter<P> {
    /// An exporter with its settings.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings, limits: ReadLimits::default(), regions: Arc::new(Regions::known()), upkeep: None }
    }

    /// Lets exports use what is known of the accounts' connections, and look at them again where that is old or wrong.
    #[must_use]
    pub fn with_upkeep(self, upkeep: Arc<dyn Upkeep>) -> Self {
        Self { upkeep: Some(upkeep), ..self }
    }

    /// Exports one scan.
    ///
    /// The report says what became of every finding; [`RunStatus::Failed`] asks for another try of the same upload.
    ///
    /// # Errors
    ///
    /// When the run can't be trusted or recorded. The caller tries the upload again: what was sent already changes nothing.
    pub async fn export(&self, scan: Scan, options: Options) -> Result<RunReport, ExportError> {
        let run_id = options.run_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
        let identity = scan.info.identity();
        let begun = RunReport::begin(run_id, scan.info.clone(), self.ports.now());
        let mut run = RunReport { job: options.job.clone(), ..begun };
        if let Some(earlier) = self.claim(&run, &identity, &options).await? {
            run.status = RunStatus::Duplicate;
            run.reasons.push(format!("run {earlier} exported this upload"));
            return Ok(run);
        }
        let until = hold_until(self.ports.now(), options.deadline);
        // Whoever takes the upload while we live finds its accounts held, so that nothing follows from losing it.
        let lease = match options.deadline {
            Some(_) => Lease::fixed(),
            None => Lease::on_upload(self.ports.clone(), identity.clone(), run.run_id.clone(), until),
        };
        self.ports.record(&run).await?;
        let mut stale = Vec::new();
        let carried = self.carry(&mut run, scan, &options, &mut stale).await;
        let concluded = match carried {
            Ok(()) => conclude(self.ports.as_ref(), &self.settings, &mut run).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &concluded {
            run.status = RunStatus::Failed;
            run.reasons.push(error.to_string());
            run.finished_at = Some(self.ports.now());
            // The caller learns of the first error; that the record may be missing as well adds nothing.
            let _ = self.ports.record(&run).await;
        }
        drop(lease);
        // What was not authorized was not exported: it holds up no other upload of the same content.
        let done = concluded.is_ok() && !run.status.wants_another_try() && !run.counts.has_unauthorized();
        self.ports.settle_claim(&identity, &run.run_id, done).await?;
        if let Some(upkeep) = self.upkeep.as_ref().filter(|_| !stale.is_empty()) {
            upkeep.refresh(stale, options.deadline).await;
        }
        concluded.map(|()| run)
    }

    /// Claims the upload. The earlier run, if one exported it.
    async fn claim(&self, run: &RunReport, identity: &str, options: &Options) -> Result<Option<String>, ExportError> {
        let now = self.ports.now();
        let until = hold_until(now, options.deadline);
        match self.ports.claim(identity, &run.run_id, options.again, now, until).await? {
            Claim::Taken => Ok(None),
            Claim::Done { run_id } => Ok(Some(run_id)),
            Claim::Held { run_id } => Err(ExportError::Held { run_id, source_name: run.upload.source.clone() }),
        }
    }

    /// Carries the findings from the file to Security Hub.
    async fn carry(
        &self,
        run: &mut RunReport,
        scan: Scan,
        options: &Options,
        stale: &mut Vec<Target>,
    ) -> Result<(), PortError> {
        let left = options.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let reserve =
            left.map_or(self.settings.drain_reserve, |left| self.settings.drain_reserve.min(left / DRAIN_SHARE));
        let (quarantine, keeper) = Quarantine::of_run(self.ports.clone(), &run.run_id);
        let (pending, lister) = JsonLines::open(self.ports.clone(), RunReport::pending_key(&run.run_id));
        let shared = Shared {
            run_id: run.run_id.as_str().into(),
            settings: self.settings.clone(),
            in_flight: Arc::new(Semaphore::new(self.settings.in_flight_bytes_max)),
            room: room(),
            give_up_at: options.deadline.map(|deadline| deadline - reserve / 2),
            quarantine,
            pending,
            progress: options.progress.clone(),
        };
        let stop_at = options.deadline.map(|deadline| deadline - reserve);
        let mut reading = Reading::new(scan.body, self.limits, stop_at, &options.progress);
        let mut sorter = Sorter::new(Context {
            ports: self.ports.clone(),
            run_id: run.run_id.clone(),
            identity: run.upload.identity().into(),
            upload: run.upload.clone(),
            content: run.upload.content().into(),
            reported: tokio::sync::Mutex::default(),
            format: ScanFormat::Ocsf,
            until: hold_until(self.ports.now(), options.deadline),
            regions: self.regions.clone(),
            job: options.job.clone(),
            again: options.again || options.approval != Approval::default(),
            approval: options.approval,
            any_format: options.any_format,
            shared,
            upkeep: self.upkeep.clone(),
        });
        let broken = loop {
            match reading.next().await {
                Read::Element(element) => {
                    run.counts.read += 1;
                    sorter.context.format = reading.format().unwrap_or(ScanFormat::Ocsf);
                    if let Err(error) = sorter.sort(asff::map(&element, &self.regions)).await {
                        break Some(error);
                    }
                }
                Read::End(end) => {
                    run.file_end = end;
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
        let drained = sorter.finish(run, reading.has_end(), stale).await;
        run.quarantine = keeper.finish().await?;
        run.pending = lister.finish().await?;
        broken.map_or(drained, Err)
    }
}

/// Checks that the counts add up, decides how the run ended, and records it.
pub(crate) async fn conclude<P: Ports>(ports: &P, settings: &Settings, run: &mut RunReport) -> Result<(), ExportError> {
    if !run.counts.balanced() {
        let (read, accounted) = (run.counts.read, run.counts.accounted());
        return Err(ExportError::Unbalanced { run_id: run.run_id.clone(), read, accounted });
    }
    run.conclude(ports.now(), &settings.command_options);
    keep_report(ports, run).await?;
    ports.record(run).await?;
    Ok(())
}

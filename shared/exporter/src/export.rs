//! The straight line of an export: claim the upload, read it, give every finding its fate, and record the run.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;

use asff::{AccountId, Identities, Mapped, Outcome, ReadLimits, Regions, ScanFormat};
use bytes::Bytes;
use jiff::SignedDuration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::account::AccountExport;
use crate::deliver::Shared;
use crate::ports::{Claim, ObjectWriter, PortError, Ports, Scan};
use crate::progress::Progress;
use crate::quarantine::{Entry, Quarantine};
use crate::reading::{Read, Reading};
use crate::report::{Counts, Fate, RunReport, RunStatus};
use crate::settings::Settings;

/// Exports scans.
pub struct Exporter<P> {
    ports: Arc<P>,
    settings: Settings,
    limits: ReadLimits,
    regions: Regions,
}

/// How one upload is exported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Export the upload even if an earlier run did.
    pub again: bool,
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

/// How long an upload stays claimed by a run without a deadline. Longer than the longest function (15 minutes).
const CLAIM: SignedDuration = SignedDuration::from_mins(60);
/// How long a claim outlives the deadline of its run: a killed function's upload is free soon after.
const CLAIM_AFTER_DEADLINE: SignedDuration = SignedDuration::from_secs(30);

impl<P: Ports> Exporter<P> {
    /// An exporter with its settings.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings, limits: ReadLimits::default(), regions: Regions::known() }
    }

    /// Exports one scan.
    ///
    /// The report says what became of every finding; [`RunStatus::Failed`] asks for another try of the same upload.
    ///
    /// # Errors
    ///
    /// When the run can't be trusted or recorded. The caller tries the upload again: what was sent already changes nothing.
    pub async fn export(&self, scan: Scan, options: Options) -> Result<RunReport, ExportError> {
        let run_id = Uuid::now_v7().to_string();
        let identity = scan.info.identity();
        let mut run = RunReport::begin(run_id, scan.info.clone(), self.ports.now());
        if let Some(earlier) = self.claim(&run, &identity, &options).await? {
            run.status = RunStatus::Duplicate;
            run.reasons.push(format!("run {earlier} exported this upload"));
            return Ok(run);
        }
        self.ports.record(&run).await?;
        let carried = self.carry(&mut run, scan, &options).await;
        let concluded = match carried {
            Ok(()) => self.conclude(&mut run).await,
            Err(error) => Err(error.into()),
        };
        let done = concluded.is_ok() && run.status != RunStatus::Failed;
        self.ports.settle_claim(&identity, &run.run_id, done).await?;
        concluded.map(|()| run)
    }

    /// Claims the upload. The earlier run, if one exported it.
    async fn claim(&self, run: &RunReport, identity: &str, options: &Options) -> Result<Option<String>, ExportError> {
        let now = self.ports.now();
        let left = options.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let lease =
            left.and_then(|left| SignedDuration::try_from(left).ok()).map_or(CLAIM, |left| left + CLAIM_AFTER_DEADLINE);
        let until = now.saturating_add(lease).unwrap_or(now);
        match self.ports.claim(identity, &run.run_id, options.again, now, until).await? {
            Claim::Taken => Ok(None),
            Claim::Done { run_id } => Ok(Some(run_id)),
            Claim::Held { run_id } => Err(ExportError::Held { run_id, source_name: run.upload.source.clone() }),
        }
    }

    /// Carries the findings from the file to Security Hub.
    async fn carry(&self, run: &mut RunReport, scan: Scan, options: &Options) -> Result<(), PortError> {
        let reserve = self.settings.drain_reserve;
        let (quarantine, keeper) = Quarantine::open(self.ports.clone(), &run.run_id);
        let shared = Shared {
            settings: self.settings.clone(),
            in_flight: Arc::new(Semaphore::new(self.settings.in_flight_bytes_max)),
            give_up_at: options.deadline.map(|deadline| deadline - reserve / 2),
            quarantine,
            progress: options.progress.clone(),
        };
        let stop_at = options.deadline.map(|deadline| deadline - reserve);
        let mut reading = Reading::new(scan.body, self.limits, stop_at, &options.progress);
        let mut sorter = Sorter::new(self.ports.as_ref(), shared);
        let broken = loop {
            match reading.next().await {
                Read::Element(element) => {
                    run.counts.read += 1;
                    run.format = reading.format();
                    let outcome = asff::map(&element, &self.regions);
                    if let Err(error) = sorter.sort(outcome, run.format).await {
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
        let drained = sorter.finish(run).await;
        run.quarantine = keeper.finish().await?;
        broken.map_or(drained, Err)
    }

    /// Checks that the counts add up, decides how the run ended, and records it.
    async fn conclude(&self, run: &mut RunReport) -> Result<(), ExportError> {
        if !run.counts.balanced() {
            let (read, accounted) = (run.counts.read, run.counts.accounted());
            return Err(ExportError::Unbalanced { run_id: run.run_id.clone(), read, accounted });
        }
        run.conclude(self.ports.now());
        let report = serde_json::to_vec_pretty(run).map_err(|error| PortError {
            action: format!("write the report of run {}", run.run_id),
            message: error.to_string(),
        })?;
        let mut object = self.ports.create(&RunReport::key(&run.run_id)).await?;
        object.write(Bytes::from(report)).await?;
        object.finish().await?;
        self.ports.record(run).await?;
        Ok(())
    }
}

/// Gives every outcome to its account, or its fate at once where it belongs to none.
struct Sorter<'a, P: Ports> {
    ports: &'a P,
    shared: Shared,
    accounts: BTreeMap<AccountId, AccountExport<P>>,
    identities: Identities,
    /// The fates of what belongs to no account.
    counts: Counts,
    scanned_at: Option<jiff::Timestamp>,
}

impl<'a, P: Ports> Sorter<'a, P> {
    fn new(ports: &'a P, shared: Shared) -> Self {
        let (accounts, counts) = (BTreeMap::new(), Counts::default());
        Self { ports, shared, accounts, identities: Identities::default(), counts, scanned_at: None }
    }

    async fn sort(&mut self, outcome: Outcome, format: Option<ScanFormat>) -> Result<(), PortError> {
        match outcome {
            Outcome::Finding(mapped) => self.give_to_account(mapped, format).await,
            Outcome::Skipped(skip) => {
                self.counts.add(Fate::Filtered(skip.as_str().to_owned()), 1);
                Ok(())
            }
            Outcome::Unreadable(unreadable) => {
                self.counts.add(Fate::Unreadable, 1);
                self.shared.quarantine.put(Entry::unreadable(&unreadable)).await
            }
            Outcome::Quarantined(quarantined) => {
                self.counts.add(Fate::Quarantined(quarantined.code.as_str().to_owned()), 1);
                self.shared.quarantine.put(Entry::unmappable(*quarantined)).await
            }
        }
    }

    async fn give_to_account(&mut self, mapped: Box<Mapped>, format: Option<ScanFormat>) -> Result<(), PortError> {
        self.scanned_at = self.scanned_at.max(Some(mapped.scanned_at));
        let account = match self.accounts.entry(mapped.account) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                let export = AccountExport::open(self.ports, mapped.account, self.shared.clone()).await?;
                slot.insert(export)
            }
        };
        account.take(self.ports, mapped, format.unwrap_or(ScanFormat::Ocsf), &mut self.identities).await
    }

    /// Waits for every account, also after an error: what is on its way is not cut off.
    async fn finish(self, run: &mut RunReport) -> Result<(), PortError> {
        run.scanned_at = self.scanned_at;
        run.counts.merge(&self.counts);
        drop(self.shared);
        let mut first_error = None;
        for account in self.accounts.into_values() {
            let (account, report, error) = account.finish().await;
            first_error = first_error.or(error);
            let mut fates = report.counts.clone();
            fates.read = 0;
            run.counts.merge(&fates);
            run.accounts.insert(account, report);
        }
        first_error.map_or(Ok(()), Err)
    }
}

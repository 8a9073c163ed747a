//! `redrive`: what is in quarantine is sent again, because the service, the mapping or the account has changed since.
//!
//! Promises: the settings of the integration and the order of the scans hold as in an export, so that nothing is sent over
//! what a newer scan said; what is completed leaves the quarantine; what fails again stays, with the new reason; what could not
//! be tried stays as it is.

use asff::{Outcome, Regions, ScanFormat};
use bytes::Bytes;

use super::context::{AccountResult, JobContext};
use super::delivery_target::Redelivery;
use super::error::RunnerError;
use super::runner::{JobRunner, Options, require_report};
use crate::ports::Ports;
use crate::quarantine::EntryReader;
use crate::quarantine::rewrite;
use crate::quarantine::{Entry, EntryOutcome, Quarantine, Stage};
use crate::report::reasons::filtered::DEFERRED_TO_NEXT_SCAN;
use crate::report::{Counts, Fate, RunKind, RunReport, RunStatus};
use crate::report_store::read_report;
use crate::state::is_archived;

/// What is sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redrive {
    /// The run that left it. None: all runs, the oldest first.
    pub run_id: Option<String>,
    /// Only what is there under this code.
    pub code: Option<String>,
}

impl<P: Ports> JobRunner<P> {
    /// Sends again what is in quarantine: a run for each run that left something.
    ///
    /// # Errors
    ///
    /// [`RunnerError::Rejected`] where nothing is there of the run that is named.
    pub async fn redrive(&self, what: &Redrive, options: &Options) -> Result<Vec<RunReport>, RunnerError> {
        let ports = self.ports.as_ref();
        let mut left = Vec::new();
        match &what.run_id {
            Some(run_id) => left.push(require_report(ports, run_id).await?),
            None => {
                for run_id in runs_with_quarantine(ports).await? {
                    left.extend(read_report(ports, &run_id).await?);
                }
            }
        }
        let holds = |run: &RunReport| {
            let codes = run.in_quarantine();
            what.code.as_ref().map_or(!codes.is_empty(), |code| codes.contains_key(code))
        };
        left.retain(holds);
        if let (Some(run_id), true) = (&what.run_id, left.is_empty()) {
            let under = what.code.as_ref().map_or(String::new(), |code| format!(" under the code {code}"));
            return Err(RunnerError::Rejected(format!("of run {run_id} nothing is in quarantine{under}")));
        }
        let is_chosen = |found: &String| what.code.as_ref().is_none_or(|code| code == found);
        let codes = left.iter().flat_map(|run| run.in_quarantine());
        options.progress.expect(codes.filter(|(found, _)| is_chosen(found)).map(|(_, findings)| findings).sum());
        let mut runs = Vec::new();
        for earlier in left {
            let run = self.redrive_run(earlier, what.code.as_deref(), options).await?;
            let out_of_time = run.status == RunStatus::Unfinished;
            runs.push(run);
            if out_of_time {
                // The same job again continues with the rest.
                break;
            }
        }
        Ok(runs)
    }

    async fn redrive_run(
        &self,
        earlier: RunReport,
        code: Option<&str>,
        options: &Options,
    ) -> Result<RunReport, RunnerError> {
        let about = format!("quarantine of run {}", earlier.run_id);
        let run = self.begin(RunKind::Redrive, Some(&earlier.run_id), about);
        let redrive = |mut context: JobContext<P>| async move {
            // What fails again is gathered here, and written to where it was.
            let (quarantine, keeper) = Quarantine::for_run(context.run.ports.clone(), context.run.run_id());
            let outer = std::mem::replace(&mut context.run.shared.quarantine, quarantine);
            let Some(mut lines) = EntryReader::open(context.run.ports.as_ref(), &earlier.run_id).await? else {
                return Err(RunnerError::Rejected(format!("the quarantine of run {} is gone", earlier.run_id)));
            };
            let mut outcomes = Vec::new();
            let mut redelivery = Redelivery::new(earlier.upload.clone());
            let mut first_error = None;
            loop {
                let entry = match lines.next().await {
                    Ok(Some((entry, _))) => entry,
                    Ok(None) => break,
                    // What was sent so far still gets its state.
                    Err(error) => {
                        first_error = Some(error.into());
                        break;
                    }
                };
                if code.is_some_and(|code| code != entry.code) {
                    outcomes.push(EntryOutcome::Unchanged);
                    continue;
                }
                context.run.shared.progress.add_read(1);
                match redrive_entry(&context, &mut redelivery, entry, earlier.format).await {
                    Ok(line) => outcomes.push(line),
                    Err(error) => {
                        first_error = Some(error);
                        break;
                    }
                }
            }
            let (accounts, left) = redelivery.finish().await?;
            context.run.shared.quarantine = outer;
            let failed_again = keeper.finish().await?;
            if let Some(error) = first_error {
                return Err(error);
            }
            if !is_complete(&accounts) {
                // It is unknown the outcome of each finding: all stay, and the next redrive finds out.
                return Ok(accounts);
            }
            let failed_again = failed_again.is_some().then_some(context.run.run_id());
            rewrite(context.run.ports.as_ref(), earlier, &lines.etag, &outcomes, &left, failed_again).await?;
            Ok(accounts)
        };
        self.run(run, options, redrive).await
    }
}

/// Whether every finding has an outcome, and every state was kept.
fn is_complete(accounts: &[AccountResult]) -> bool {
    let mut counts = Counts::default();
    accounts.iter().for_each(|done| counts.merge(&done.report.counts));
    counts.is_balanced() && accounts.iter().all(|done| done.error.is_none())
}

/// Takes up one entry: maps it again, and gives it its outcome or hands it on to be sent.
async fn redrive_entry<P: Ports>(
    context: &JobContext<P>,
    redelivery: &mut Redelivery<P>,
    entry: Entry,
    format: Option<ScanFormat>,
) -> Result<EntryOutcome, RunnerError> {
    let bytes = match &entry.finding {
        serde_json::Value::String(text) => Bytes::from(text.clone()),
        finding => Bytes::from(finding.to_string()),
    };
    if entry.stage == Stage::Delivery && is_archived(&bytes) {
        redelivery.count(entry.account, Fate::Filtered(DEFERRED_TO_NEXT_SCAN.to_owned()));
        return Ok(EntryOutcome::Completed);
    }
    match map_entry(&entry, &bytes, format, &context.run.regions) {
        Outcome::Finding(mapped) => Ok(redelivery.send(context, mapped).await?),
        Outcome::Skipped(skip) => {
            redelivery.count(entry.account, Fate::Filtered(skip.as_str().to_owned()));
            Ok(EntryOutcome::Completed)
        }
        Outcome::Malformed(_) => {
            let fate = match entry.stage {
                Stage::Reading => Fate::Malformed,
                Stage::Mapping | Stage::Delivery => Fate::Quarantined(entry.code),
            };
            redelivery.count(entry.account, fate);
            Ok(EntryOutcome::Unchanged)
        }
        Outcome::Quarantined(again) => {
            redelivery.count(entry.account.or(again.account), Fate::Quarantined(again.code.as_str().to_owned()));
            let remapped = Entry::unmappable(*again);
            let remapped = Entry {
                account: entry.account.or(remapped.account),
                region: entry.region.or(remapped.region),
                ..remapped
            };
            context.run.shared.quarantine.put(remapped).await?;
            Ok(EntryOutcome::Completed)
        }
    }
}

/// An element that was mapped is kept as what it was mapped to, any other as the file had it.
fn map_entry(entry: &Entry, bytes: &Bytes, format: Option<ScanFormat>, regions: &Regions) -> Outcome {
    let is_mapped = entry.finding.get("ProductArn").is_some();
    let format = if is_mapped { ScanFormat::Asff } else { format.unwrap_or(ScanFormat::Ocsf) };
    asff::map_again(entry.offset.unwrap_or_default(), bytes, format, regions)
}

/// The runs that left something in quarantine, the oldest first: their ids are ordered by time.
async fn runs_with_quarantine<P: Ports>(ports: &P) -> Result<Vec<String>, RunnerError> {
    let run_of = |key: String| Some(key.strip_prefix("runs/")?.strip_suffix("/quarantine.jsonl")?.to_owned());
    let mut runs: Vec<String> = ports.keys("runs/").await?.into_iter().filter_map(run_of).collect();
    runs.sort_unstable();
    Ok(runs)
}

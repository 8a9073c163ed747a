//! `redrive`: sends the entries of a quarantine again, after the service, the mapping, or the account has changed.
//!
//! Guarantees: the settings of the integration and the order of the scans apply as in an export, so that nothing
//! overwrites a newer scan; completed entries are removed from the quarantine; entries that fail again stay, with the
//! new reason; entries that could not be attempted stay unchanged.

use asff::{Outcome, Regions, ScanFormat};
use bytes::Bytes;

use super::context::{AccountResult, JobContext};
use super::delivery_target::Redelivery;
use super::error::RunnerError;
use super::runner::{JobRunner, Options, require_report};
use crate::ports::Ports;
use crate::ports::report_store::read_report;
use crate::quarantine::EntryReader;
use crate::quarantine::rewrite;
use crate::quarantine::{Entry, EntryOutcome, Quarantine, Stage};
use crate::report::reasons::filtered::DEFERRED_TO_NEXT_SCAN;
use crate::report::{Counts, Fate, RunKind, RunReport, RunStatus};
use crate::state::is_archived;

/// The entries that are sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redrive {
    /// The run that quarantined the entries. `None`: all runs, the oldest first.
    pub run_id: Option<String>,
    /// Only entries with this code.
    pub code: Option<String>,
}

impl<P: Ports> JobRunner<P> {
    /// Sends quarantined entries again, with one new run for each run that quarantined some.
    ///
    /// # Errors
    ///
    /// [`RunnerError::Rejected`] if the given run has no such entries.
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
        let has_entries = |run: &RunReport| {
            let codes = run.in_quarantine();
            what.code.as_ref().map_or(!codes.is_empty(), |code| codes.contains_key(code))
        };
        left.retain(has_entries);
        if let (Some(run_id), true) = (&what.run_id, left.is_empty()) {
            let under = what.code.as_ref().map_or(String::new(), |code| format!(" with the code {code}"));
            return Err(RunnerError::Rejected(format!("run {run_id} has no quarantined findings{under}")));
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
                // When the same job runs again, it continues with the rest.
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
            // Collects the entries that fail again. They are then written to the quarantine of the earlier run.
            let (quarantine, writer) = Quarantine::for_run(context.run.ports.clone(), context.run.run_id());
            let outer = std::mem::replace(&mut context.run.shared.quarantine, quarantine);
            let Some(mut reader) = EntryReader::open(context.run.ports.as_ref(), &earlier.run_id).await? else {
                return Err(RunnerError::Rejected(format!(
                    "the quarantine of run {} no longer exists",
                    earlier.run_id
                )));
            };
            let mut outcomes = Vec::new();
            let mut redelivery = Redelivery::new(earlier.upload.clone());
            let mut first_error = None;
            loop {
                let entry = match reader.next().await {
                    Ok(Some((entry, _))) => entry,
                    Ok(None) => break,
                    // The state of the findings sent so far is still saved.
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
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => {
                        first_error = Some(error);
                        break;
                    }
                }
            }
            let (accounts, left) = redelivery.finish().await?;
            context.run.shared.quarantine = outer;
            let failed_again = writer.finish().await?;
            if let Some(error) = first_error {
                return Err(error);
            }
            if !is_complete(&accounts) {
                // The outcome of each finding is unknown: all entries stay, and the next redrive determines it.
                return Ok(accounts);
            }
            let failed_again = failed_again.is_some().then_some(context.run.run_id());
            rewrite(context.run.ports.as_ref(), earlier, &reader.etag, &outcomes, &left, failed_again).await?;
            Ok(accounts)
        };
        self.run(run, options, redrive).await
    }
}

/// Whether every finding has an outcome, and every state was saved.
fn is_complete(accounts: &[AccountResult]) -> bool {
    let mut counts = Counts::default();
    accounts.iter().for_each(|done| counts.merge(&done.report.counts));
    counts.is_balanced() && accounts.iter().all(|done| done.error.is_none())
}

/// Maps an entry again, and determines its outcome or sends it.
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

/// An entry that had been mapped has its mapped finding (ASFF); any other entry has the original element of the file.
fn map_entry(entry: &Entry, bytes: &Bytes, format: Option<ScanFormat>, regions: &Regions) -> Outcome {
    let is_mapped = entry.finding.get("ProductArn").is_some();
    let format = if is_mapped { ScanFormat::Asff } else { format.unwrap_or(ScanFormat::Ocsf) };
    asff::map_again(entry.offset.unwrap_or_default(), bytes, format, regions)
}

/// The runs with a quarantine, the oldest first: their IDs are ordered by time.
async fn runs_with_quarantine<P: Ports>(ports: &P) -> Result<Vec<String>, RunnerError> {
    let run_of = |key: String| Some(key.strip_prefix("runs/")?.strip_suffix("/quarantine.jsonl")?.to_owned());
    let mut runs: Vec<String> = ports.keys("runs/").await?.into_iter().filter_map(run_of).collect();
    runs.sort_unstable();
    Ok(runs)
}

//! Runs: shown, and ordered anew. What a person decides about a run is in the trail before it is ordered.

use std::collections::BTreeMap;

use asff::AccountId;
use exporter::order::Order;
use exporter::registry::{AuditEntry, Page};
use exporter::report::{ArchiveSkipped, RunReport, RunStatus};
use serde_json::Value;

use super::Service;
use super::kept::entry;
use crate::ports::{Caller, Ports};
use crate::problem::Refusal;
use crate::wire::{List, Ordered, QuarantinedRun};

/// Runs that are read at once, when those are sought that left something in quarantine.
const RUNS_A_PAGE: usize = 100;
/// Parts of the runs that are read for one answer; the answer then says where to go on.
const PAGES_MAX: usize = 10;

impl<P: Ports> Service<P> {
    /// Runs, newest first, of one account or of all.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn runs(&self, account: Option<AccountId>, page: &Page) -> Result<List<RunReport>, Refusal> {
        Ok(List::of(self.ports.runs(account, page).await?, |run| run))
    }

    /// A run.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn run(&self, run_id: &str) -> Result<RunReport, Refusal> {
        // Ids of ours only: this becomes a key of the state bucket.
        let ours = !run_id.is_empty() && run_id.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        let found = if ours { self.ports.run(run_id).await? } else { None };
        found.ok_or_else(|| Refusal::NoRun(run_id.to_owned()))
    }

    /// Orders the upload of a run to be exported once more.
    ///
    /// # Errors
    ///
    /// When there is no such run, or it exported no object of S3.
    pub async fn replay(&self, caller: &Caller, run_id: &str) -> Result<Ordered, Refusal> {
        let run = self.run(run_id).await?;
        replayable(&run)?;
        self.order(caller, "replay", run_id, Order::Replay { run_id: run_id.to_owned(), then: Vec::new() }).await
    }

    /// Orders the same, and that whatever the scan shows to be over is archived.
    ///
    /// # Errors
    ///
    /// When there is no such run, or it holds no archive back.
    pub async fn approve(&self, caller: &Caller, run_id: &str) -> Result<Ordered, Refusal> {
        let run = self.run(run_id).await?;
        let held = |skipped: &Option<ArchiveSkipped>| matches!(skipped, Some(ArchiveSkipped::ArchiveHeld { .. }));
        if !run.accounts.values().any(|account| held(&account.archive)) {
            return Err(Refusal::RunState(format!("run {run_id} ({}) holds no archive back", run.status.as_str())));
        }
        replayable(&run)?;
        self.order(caller, "approve", run_id, Order::Approve { run_id: run_id.to_owned() }).await
    }

    /// Orders that what a run archived is made active again.
    ///
    /// # Errors
    ///
    /// When there is no such run, or it archived nothing.
    pub async fn undo_archive(&self, caller: &Caller, run_id: &str) -> Result<Ordered, Refusal> {
        let run = self.run(run_id).await?;
        if run.counts.archived == 0 {
            return Err(Refusal::RunState(format!("run {run_id} ({}) archived nothing", run.status.as_str())));
        }
        self.order(caller, "undo_archive", run_id, Order::UndoArchive { run_id: run_id.to_owned() }).await
    }

    /// Orders that what a run put into quarantine is sent once more.
    ///
    /// # Errors
    ///
    /// When there is no such run, or it put nothing there.
    pub async fn redrive(&self, caller: &Caller, run_id: &str) -> Result<Ordered, Refusal> {
        let run = self.run(run_id).await?;
        if run.quarantine.is_none() {
            let message = format!("run {run_id} ({}) left nothing in quarantine", run.status.as_str());
            return Err(Refusal::RunState(message));
        }
        self.order(caller, "redrive", run_id, Order::Redrive { run_id: Some(run_id.to_owned()), code: None }).await
    }

    async fn order(&self, caller: &Caller, verb: &str, run_id: &str, order: Order) -> Result<Ordered, Refusal> {
        let entry = entry(self.ports.now(), caller, format!("run.{verb}"), run_id, BTreeMap::new());
        self.ports.append(&entry).await?;
        self.ports.place(&order).await?;
        Ok(Ordered { order: verb.to_owned(), run_id: run_id.to_owned() })
    }

    /// What a run put into quarantine.
    ///
    /// # Errors
    ///
    /// When there is no such run.
    pub async fn quarantine(&self, run_id: &str, page: &Page) -> Result<List<Value>, Refusal> {
        self.run(run_id).await?;
        Ok(List::of(self.ports.quarantined(run_id, page).await?, |entry| entry))
    }

    /// The runs that left something in quarantine, newest first. A part may be shorter than asked for, even empty, and
    /// still have a next one.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn quarantined_runs(&self, page: &Page) -> Result<List<QuarantinedRun>, Refusal> {
        let mut list = List { items: Vec::new(), next: page.after.clone() };
        for _ in 0..PAGES_MAX {
            let limit = RUNS_A_PAGE.min(page.limit - list.items.len());
            let part = self.ports.runs(None, &Page { limit, after: list.next.take() }).await?;
            list.items.extend(part.entries.iter().filter(|run| run.quarantine.is_some()).map(in_quarantine));
            list.next = part.next;
            if list.next.is_none() || list.items.len() >= page.limit {
                break;
            }
        }
        Ok(list)
    }

    /// The trail of changes, newest first.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn trail(&self, page: &Page) -> Result<List<AuditEntry>, Refusal> {
        Ok(List::of(self.ports.trail(page).await?, |entry| entry))
    }
}

fn replayable(run: &RunReport) -> Result<(), Refusal> {
    if run.status == RunStatus::Running {
        return Err(Refusal::RunState(format!("run {} is still at work", run.run_id)));
    }
    if !run.upload.source.starts_with("s3://") {
        let message = format!("run {} exported {}, which only hubctl can reach", run.run_id, run.upload.source);
        return Err(Refusal::RunState(message));
    }
    Ok(())
}

fn in_quarantine(run: &RunReport) -> QuarantinedRun {
    let mut quarantined = run.counts.quarantined.clone();
    if run.counts.unreadable > 0 {
        quarantined.insert("unreadable".to_owned(), run.counts.unreadable);
    }
    QuarantinedRun {
        run_id: run.run_id.clone(),
        started_at: run.started_at,
        source: run.upload.source.clone(),
        quarantined,
    }
}

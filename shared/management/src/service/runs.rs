//! Runs and what they left in quarantine, and the trail of changes: to be looked at.

use asff::AccountId;
use exporter::registry::{AuditEntry, Page};
use exporter::report::RunReport;
use serde_json::Value;

use super::Service;
use crate::ports::Ports;
use crate::problem::Refusal;
use crate::wire::{List, QuarantinedRun};

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

    /// What a run put into quarantine.
    ///
    /// # Errors
    ///
    /// When there is no such run.
    pub async fn quarantine(&self, run_id: &str, page: &Page) -> Result<List<Value>, Refusal> {
        self.run(run_id).await?;
        Ok(List::of(self.ports.quarantined(run_id, page).await?, |entry| entry))
    }

    /// The runs of which something lies in quarantine, newest first. A part may be shorter than asked for, even empty, and
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
            list.items.extend(part.entries.iter().filter_map(QuarantinedRun::of));
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

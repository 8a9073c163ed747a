//! Records of runs, and the reads of management.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asff::AccountId;
use jiff::civil::Date;
use serde_json::Value;

use super::faults::Operation;
use super::memory::InMemory;
use super::pages::{ascending, newest_first};
use crate::model::provider::ProviderId;
use crate::ports::settings_store::{HistoryPage, ListPage, Page, RunLog};
use crate::ports::{PortError, Runs};
use crate::report::{HistoryEntry, IntegrationRun, RunReport};

impl<H: Sync> Runs for InMemory<H> {
    async fn record(&self, report: &RunReport) -> Result<(), PortError> {
        self.call(Operation::RecordRun, &report.run_id, |contents| {
            match contents.runs.iter_mut().rfind(|run| run.run_id == report.run_id) {
                Some(known) => *known = report.clone(),
                None => contents.runs.push(report.clone()),
            }
            Ok(())
        })
        .await
    }

    async fn newest_runs(&self, account: AccountId, runs_max: usize) -> Result<Vec<RunReport>, PortError> {
        self.call(Operation::ListRuns, account.as_str(), |contents| {
            let of_account = |run: &&RunReport| run.accounts.contains_key(&account);
            let mut runs: Vec<_> = contents.runs.iter().filter(of_account).cloned().collect();
            runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
            runs.truncate(runs_max);
            Ok(runs)
        })
        .await
    }
}

impl<H: Sync> RunLog for InMemory<H> {
    async fn history(&self, from: Date, to: Date) -> Result<HistoryPage, PortError> {
        self.call(Operation::ReadHistory, "", |contents| {
            let of_period = |entry: &&Arc<HistoryEntry>| (from..=to).contains(&entry.day());
            let mut entries: Vec<_> = contents.runs.history().iter().filter(of_period).cloned().collect();
            let Some(days_max) = contents.history_days_max else { return Ok(HistoryPage { entries, next: None }) };
            let days: BTreeSet<Date> = entries.iter().map(|entry| entry.day()).collect();
            let next = days.into_iter().nth_back(days_max);
            entries.retain(|entry| next.is_none_or(|next| entry.day() > next));
            Ok(HistoryPage { entries, next })
        })
        .await
    }

    async fn runs(&self, account: Option<AccountId>, page: &Page) -> Result<ListPage<RunReport>, PortError> {
        self.call(Operation::ListRuns, "", |contents| {
            let is_about = |run: &&RunReport| account.is_none_or(|account| run.accounts.contains_key(&account));
            let runs = contents.runs.iter().rev().filter(is_about);
            Ok(newest_first(runs.map(|run| (run.run_id.clone(), run)), page))
        })
        .await
    }

    async fn integration_runs(
        &self,
        integration: &ProviderId,
        page: &Page,
    ) -> Result<ListPage<IntegrationRun>, PortError> {
        self.call(Operation::ListRuns, integration.as_str(), |contents| {
            let entries = contents.runs.of_integration(integration).iter();
            Ok(newest_first(entries.map(|entry| (entry.run_id.clone(), entry)), page))
        })
        .await
    }

    async fn run(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        self.call(Operation::ReadRun, run_id, |contents| Ok(contents.run(run_id).cloned())).await
    }

    async fn quarantined(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        self.call(Operation::ReadRun, run_id, |contents| Ok(lines(&contents.quarantine, run_id, page))).await
    }

    async fn pending(&self, run_id: &str, page: &Page) -> Result<Option<ListPage<Value>>, PortError> {
        self.call(Operation::ReadRun, run_id, |contents| Ok(lines(&contents.pending, run_id, page))).await
    }
}

/// A page of the lines of a run's file. `None` if the cursor is not one of that file.
fn lines(of_runs: &BTreeMap<String, Vec<Value>>, run_id: &str, page: &Page) -> Option<ListPage<Value>> {
    let lines = of_runs.get(run_id).into_iter().flatten().enumerate();
    let with_cursors: Vec<_> = lines.map(|(number, line)| (format!("{number:08}"), line)).collect();
    let is_cursor = page.after.as_ref().is_none_or(|after| with_cursors.iter().any(|(cursor, _)| cursor == after));
    is_cursor.then(|| ascending(with_cursors.into_iter(), page))
}

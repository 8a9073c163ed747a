//! Results of an export for one integration: a small entry, written with the run's record, so that the newest exports of an
//! integration can be read without the runs of all integrations.

use std::collections::BTreeMap;

use asff::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RunKind, RunReport, RunStatus, undelivered};
use crate::model::provider::ProviderId;

/// Maximum number of accounts with pending uploads in an entry. Most uploads have one account.
const ACCOUNTS_MAX: usize = 20;

/// Results of an export for the accounts of an integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationRun {
    /// The run.
    pub run_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// The identity of the upload. Only the newest run of an upload counts.
    pub upload: String,
    /// The newest scan time of the upload's findings. Absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned_at: Option<Timestamp>,
    /// Findings sent.
    pub sent: u64,
    /// Findings archived.
    pub archived: u64,
    /// Quarantined and undelivered findings, and malformed entries if all accounts of the upload use the integration. Otherwise it
    /// is not known to which integration these belong.
    pub errors: u64,
    /// Findings that require approval to be archived.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub pending: u64,
    /// Number of accounts with findings that were not sent because the integration was disabled.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub disabled: u64,
    /// The IDs of the first of these accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled_accounts: Vec<AccountId>,
}

impl IntegrationRun {
    /// The entries of a run, by integration. Empty if the run has not ended, was ignored, or is not an export.
    pub fn all_of(run: &RunReport) -> BTreeMap<ProviderId, Self> {
        let mut entries = BTreeMap::new();
        let is_done = !matches!(run.status, RunStatus::Running | RunStatus::Duplicate | RunStatus::Ignored);
        if !is_done || run.kind != RunKind::Export {
            return entries;
        }
        for (account, report) in &run.accounts {
            let Some(integration) = &report.integration else { continue };
            let entry = entries.entry(integration.clone()).or_insert_with(|| Self::new(run));
            entry.sent += report.counts.sent;
            entry.archived += report.counts.archived;
            entry.errors += report.counts.errors();
            entry.pending += report.pending_findings();
            if report.counts.undelivered.contains_key(undelivered::INTEGRATION_DISABLED) {
                entry.disabled += 1;
                if entry.disabled_accounts.len() < ACCOUNTS_MAX {
                    entry.disabled_accounts.push(*account);
                }
            }
        }
        let attributed: u64 = run.accounts.values().map(|report| report.counts.errors()).sum();
        let has_all = run.accounts.values().all(|report| report.integration.is_some());
        if let (1, Some(entry), true) = (entries.len(), entries.values_mut().next(), has_all) {
            entry.errors += run.counts.errors().saturating_sub(attributed);
        }
        entries
    }

    /// Whether the entry has the IDs of all these accounts.
    pub fn names_all_disabled(&self) -> bool {
        self.disabled == self.disabled_accounts.len() as u64
    }

    fn new(run: &RunReport) -> Self {
        Self {
            run_id: run.run_id.clone(),
            started_at: run.started_at,
            status: run.status,
            upload: run.upload.identity(),
            scanned_at: run.scanned_at,
            sent: 0,
            archived: 0,
            errors: 0,
            pending: 0,
            disabled: 0,
            disabled_accounts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::upload::UploadInfo;
    use crate::report::{AccountReport, Fate};

    fn account(integration: &str, fates: &[Fate]) -> AccountReport {
        let mut report = AccountReport { integration: integration.parse().ok(), ..AccountReport::default() };
        fates.iter().for_each(|fate| report.counts.add(fate.clone(), 2));
        report
    }

    #[test]
    fn an_export_is_summed_by_integration() {
        let mut run = RunReport::new("r".to_owned(), UploadInfo::default(), Timestamp::UNIX_EPOCH);
        let waits = Fate::Undelivered(undelivered::INTEGRATION_DISABLED.to_owned());
        for number in 0..30 {
            run.accounts.insert(
                format!("{number:012}").parse().unwrap(),
                account("o-a1b2c3d4e5", std::slice::from_ref(&waits)),
            );
        }
        let own = account("123456789012", &[Fate::Sent, Fate::Quarantined("InvalidInput".to_owned())]);
        run.accounts.insert("123456789012".parse().unwrap(), own);
        run.accounts.insert("210987654321".parse().unwrap(), account("", &[waits]));
        assert!(IntegrationRun::all_of(&run).is_empty(), "the run has not ended");
        run.status = RunStatus::Degraded;
        let entries = IntegrationRun::all_of(&run);
        assert_eq!(entries.len(), 2, "an account without an integration has no entry");
        let of = |id: &str| &entries[&id.parse().unwrap()];
        let organization = of("o-a1b2c3d4e5");
        assert_eq!((organization.sent, organization.errors, organization.disabled), (0, 60, 30));
        assert_eq!((organization.disabled_accounts.len(), organization.names_all_disabled()), (20, false));
        assert_eq!((of("123456789012").sent, of("123456789012").errors, of("123456789012").disabled), (2, 2, 0));
        run.kind = RunKind::Redrive;
        assert!(IntegrationRun::all_of(&run).is_empty(), "a redrive is not an export");
    }

    #[test]
    fn errors_without_an_account_are_of_the_only_integration() {
        let mut run = RunReport::new("r".to_owned(), UploadInfo::default(), Timestamp::UNIX_EPOCH);
        run.status = RunStatus::Degraded;
        let quarantined = Fate::Quarantined("InvalidInput".to_owned());
        run.accounts.insert("123456789012".parse().unwrap(), account("123456789012", &[quarantined]));
        run.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
        run.counts.add(Fate::Quarantined("partition_mismatch".to_owned()), 4);
        run.counts.add(Fate::Malformed, 1);
        let errors =
            |run: &RunReport| IntegrationRun::all_of(run).into_values().map(|entry| entry.errors).collect::<Vec<_>>();
        assert_eq!(errors(&run), [7]);
        run.accounts.insert("210987654321".parse().unwrap(), account("", &[]));
        assert_eq!(errors(&run), [2], "another account may have them");
    }
}

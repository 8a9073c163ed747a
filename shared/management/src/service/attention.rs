//! The attention list, computed from the integrations, their connections, the newest runs, and the newest jobs.

use std::collections::{BTreeMap, BTreeSet};

use asff::{AccountId, RegionName};
use exporter::connection::{Connection, ConnectionStatus as AccountStatus, RegionConnection, RegionStatus};
use exporter::jobs::{JobRecord, JobState};
use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Stored;
use exporter::report::reasons::undelivered;
use exporter::report::{AccountReport, ArchiveSkipped, RunKind, RunReport, RunStatus};
use futures::{StreamExt as _, TryStreamExt as _};

use super::exports::Exports;
use super::{Service, first};
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::{AttentionItem, AttentionKind, AttentionList};

/// Maximum number of items in the list.
const ITEMS_MAX: usize = 100;
/// Pages of 100 runs that are read.
const RUN_PAGES: usize = 5;
/// Pages of 100 integrations that are read.
const INTEGRATION_PAGES: usize = 50;
/// Pages of 500 accounts of an integration that are read.
const ACCOUNT_PAGES: usize = 200;
const ENTRIES_PER_PAGE: usize = 100;
const ACCOUNTS_PER_PAGE: usize = 500;
/// Integrations that are read concurrently.
const LOOKUPS_CONCURRENT_MAX: usize = 16;

/// All integrations, and whether they are enabled.
type Owners = BTreeMap<ProviderId, bool>;

impl<P: Ports> Service<P> {
    /// The items that need attention, most urgent first.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn attention(&self) -> Result<AttentionList, ApiError> {
        let (integrations, runs) = futures::try_join!(self.all_integrations(), self.newest_runs())?;
        let owners: Owners =
            integrations.iter().map(|stored| (stored.value.provider.clone(), stored.value.enabled)).collect();
        let jobs = self.ports.jobs(&first(ENTRIES_PER_PAGE)).await?.entries;
        let lookups: Vec<_> = integrations.iter().map(|stored| self.attention_of(stored)).collect();
        let found: Vec<Vec<AttentionItem>> =
            futures::stream::iter(lookups).buffered(LOOKUPS_CONCURRENT_MAX).try_collect().await?;
        let mut items: Vec<AttentionItem> = found.into_iter().flatten().collect();
        items.extend(run_items(&runs, &owners));
        items.extend(jobs.iter().filter(|job| job.state == JobState::Failed).map(job_item));
        items.sort_by_key(|item| (item.kind, std::cmp::Reverse(item.since)));
        let more = items.len().saturating_sub(ITEMS_MAX) as u64;
        items.truncate(ITEMS_MAX);
        Ok(AttentionList {
            items,
            more,
            runs_read: runs.len() as u64,
            last_run_at: runs.first().map(|run| run.started_at),
        })
    }

    pub(super) async fn all_integrations(&self) -> Result<Vec<Stored<Integration>>, ApiError> {
        let (mut all, mut page) = (Vec::new(), first(ENTRIES_PER_PAGE));
        for _ in 0..INTEGRATION_PAGES {
            let list_page = self.ports.integrations(&page).await?;
            all.extend(list_page.entries);
            page.after = list_page.next;
            if page.after.is_none() {
                break;
            }
        }
        Ok(all)
    }

    async fn newest_runs(&self) -> Result<Vec<RunReport>, ApiError> {
        let (mut all, mut page) = (Vec::new(), first(ENTRIES_PER_PAGE));
        for _ in 0..RUN_PAGES {
            let list_page = self.ports.runs(None, &page).await?;
            all.extend(list_page.entries);
            page.after = list_page.next;
            if page.after.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Items from an integration's connections and schedule, or its pending uploads if it is disabled. Empty if it is being
    /// deleted: enabling it would cancel the deletion.
    async fn attention_of(&self, stored: &Stored<Integration>) -> Result<Vec<AttentionItem>, ApiError> {
        let integration = &stored.value;
        let id = &integration.provider;
        if integration.deletion_requested_at.is_some() {
            return Ok(Vec::new());
        }
        if !integration.enabled {
            let Some(item) = pending_uploads_item(id, &self.pending_exports(id).await?) else { return Ok(Vec::new()) };
            let alias = self.ports.provider(id).await?.and_then(|stored| stored.value.alias);
            return Ok(vec![AttentionItem { alias, ..item }]);
        }
        let provider = self.ports.provider(id).await?.map(|stored| stored.value);
        let scan = self.expected_scan(stored, provider.as_ref()).await?;
        let mut items = Vec::new();
        let (mut accounts, mut page) = (0, first(ACCOUNTS_PER_PAGE));
        let (mut disconnected, mut lost_regions) = (Vec::new(), LostRegions::new());
        for _ in 0..ACCOUNT_PAGES {
            let list_page = self.ports.connections(id, &page).await?;
            for connection in &list_page.entries {
                accounts += 1;
                match connection.status {
                    AccountStatus::Disconnected => disconnected.push(connection.clone()),
                    AccountStatus::Connected | AccountStatus::Degraded => {
                        add_lost_regions(&mut lost_regions, connection);
                    }
                }
            }
            page.after = list_page.next;
            if page.after.is_none() {
                break;
            }
        }
        items.extend(disconnected_item(id, accounts, &disconnected));
        items.extend(lost_regions.into_iter().map(|(name, item)| of_accounts(item, name, id, accounts)));
        if let Some(due) = scan.at.filter(|_| scan.is_missing) {
            items.push(AttentionItem {
                since: Some(due),
                message: format!("the scan that was due at {due} has not arrived"),
                remediation: format!("hubctl integration show {id}"),
                ..item(AttentionKind::ScanOverdue)
            });
        }
        let alias = provider.and_then(|provider| provider.alias);
        for item in &mut items {
            (item.integration, item.alias) = (Some(id.to_string()), alias.clone());
        }
        Ok(items)
    }
}

fn item(kind: AttentionKind) -> AttentionItem {
    AttentionItem {
        kind,
        integration: None,
        alias: None,
        account: None,
        region: None,
        run_id: None,
        job_id: None,
        count: 1,
        total: None,
        since: None,
        message: String::new(),
        remediation: String::new(),
    }
}

fn disconnected_item(id: &ProviderId, accounts: u64, disconnected: &[Connection]) -> Option<AttentionItem> {
    let worst = disconnected.first()?;
    let message = worst.problem.as_ref().map_or("no Region accepts findings", |problem| &problem.message);
    let count = disconnected.len() as u64;
    let test = || format!("hubctl integration test {id}");
    let remediation = worst.problem.as_ref().and_then(|problem| problem.remediation.clone()).unwrap_or_else(test);
    Some(AttentionItem {
        account: Some(worst.account),
        count,
        total: Some(accounts),
        since: worst.stale_since,
        message: match id.account() {
            Some(_) => message.to_owned(),
            None => format!("{count} of {accounts} accounts are disconnected; account {}: {message}", worst.account),
        },
        remediation: if count > 1 { test() } else { remediation },
        ..item(AttentionKind::Disconnected)
    })
}

/// The Regions that no longer accept findings of an integration. Each has the item of its first account, and the number of accounts.
type LostRegions = BTreeMap<RegionName, AttentionItem>;

/// Adds the Regions of an account that no longer accept findings.
fn add_lost_regions(lost_regions: &mut LostRegions, connection: &Connection) {
    let is_lost =
        |region: &RegionConnection| region.unavailable_since.is_some() && region.status != RegionStatus::Enabled;
    for (name, region) in connection.regions.iter().filter(|(_, region)| is_lost(region)) {
        let Some(item) = lost_regions.get_mut(name) else {
            lost_regions.insert(*name, lost_region(connection, *name, region));
            continue;
        };
        item.count += 1;
        item.since = item.since.min(region.unavailable_since);
    }
}

fn lost_region(connection: &Connection, name: RegionName, region: &RegionConnection) -> AttentionItem {
    let problem = region.problem.as_ref();
    let remediation = problem.and_then(|problem| problem.remediation.clone());
    AttentionItem {
        account: Some(connection.account),
        region: Some(name),
        since: region.unavailable_since,
        message: problem.map_or_else(
            || format!("{name} no longer accepts findings of account {}", connection.account),
            |problem| problem.message.clone(),
        ),
        remediation: remediation.unwrap_or_else(|| format!("hubctl integration test {}", connection.provider)),
        ..item(AttentionKind::RegionUnavailable)
    }
}

/// The item of a Region that several accounts have lost: one item, because the cause is often the same, such as a service control
/// policy.
fn of_accounts(lost: AttentionItem, name: RegionName, id: &ProviderId, accounts: u64) -> AttentionItem {
    let (count, account) = (lost.count, lost.account.filter(|_| lost.count > 1));
    let Some(account) = account else { return lost };
    AttentionItem {
        total: Some(accounts),
        message: format!(
            "{count} of {accounts} accounts: {name} no longer accepts findings; account {account}: {}",
            lost.message
        ),
        remediation: format!("hubctl integration test {id}"),
        ..lost
    }
}

/// The quarantined findings of all runs.
fn quarantine_item(runs: &[RunReport]) -> Option<AttentionItem> {
    let quarantined: Vec<_> = runs.iter().filter(|run| !run.in_quarantine().is_empty()).collect();
    let newest = quarantined.first()?;
    let count = quarantined.iter().flat_map(|run| run.in_quarantine().into_values()).sum();
    Some(AttentionItem {
        count,
        message: format!("{count} findings of {} runs are in quarantine: they could not be sent", quarantined.len()),
        remediation: "hubctl quarantine list".to_owned(),
        ..run_item(AttentionKind::Quarantine, newest)
    })
}

/// The pending uploads of a disabled integration.
fn pending_uploads_item(id: &ProviderId, exports: &Exports) -> Option<AttentionItem> {
    let (newest, oldest) = (exports.pending.first()?, exports.pending.last()?);
    let count = exports.pending.len() as u64;
    let at_least = if exports.more { "at least " } else { "" };
    let uploads = if count == 1 { "upload was" } else { "uploads were" };
    Some(AttentionItem {
        integration: Some(id.to_string()),
        account: id.account(),
        run_id: Some(newest.run_id.clone()),
        count,
        since: Some(oldest.started_at),
        message: format!("{at_least}{count} {uploads} recorded while the integration was disabled, and not exported"),
        remediation: format!("hubctl integration enable {id} --replay"),
        ..item(AttentionKind::PendingUploads)
    })
}

/// The integration that exports an account, and whether it is enabled: its own, or its organization's. The report of a run
/// names the organization's if the account used it.
fn owner_of<'a>(account: AccountId, report: &AccountReport, owners: &'a Owners) -> Option<(&'a ProviderId, bool)> {
    let is_organization = |id: &&ProviderId| id.account().is_none();
    let own = owners.get_key_value(&account.into());
    let named = || owners.get_key_value(report.integration.as_ref().filter(is_organization)?);
    let any = || owners.iter().find(|(owner, _)| is_organization(owner));
    own.or_else(named).or_else(any).map(|(owner, is_enabled)| (owner, *is_enabled))
}

/// Items from the newest runs. For each account, only its newest export counts.
fn run_items(runs: &[RunReport], owners: &Owners) -> Vec<AttentionItem> {
    let mut reported: BTreeSet<AccountId> = BTreeSet::new();
    let mut items: Vec<AttentionItem> = quarantine_item(runs).into_iter().collect();
    for run in runs {
        let is_irrelevant = matches!(
            run.status,
            RunStatus::Duplicate | RunStatus::Ignored | RunStatus::Running | RunStatus::Superseded
        );
        if is_irrelevant || !matches!(run.kind, RunKind::Export | RunKind::ArchiveAll) {
            continue;
        }
        for (account, report) in &run.accounts {
            if reported.insert(*account) {
                items.extend(account_items(run, *account, report, owner_of(*account, report, owners)));
            }
        }
    }
    items
}

fn run_item(kind: AttentionKind, run: &RunReport) -> AttentionItem {
    AttentionItem { run_id: Some(run.run_id.clone()), since: Some(run.started_at), ..item(kind) }
}

/// Items of an account in a run. Without an integration, nothing can be approved or replayed, so that such items are omitted.
fn account_items(
    run: &RunReport,
    account: AccountId,
    report: &AccountReport,
    owner: Option<(&ProviderId, bool)>,
) -> Vec<AttentionItem> {
    let integration = owner.map(|(owner, _)| owner.to_string());
    let account_item =
        |kind| AttentionItem { account: Some(account), integration: integration.clone(), ..run_item(kind, run) };
    let run_id = &run.run_id;
    let mut items = Vec::new();
    if let (Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }), Some(_)) = (&report.archive, owner) {
        items.push(AttentionItem {
            count: *pending,
            total: Some(*active),
            message: format!(
                "{pending} of {active} active findings of account {account} would be archived, more than the limit; \
                 nothing was archived"
            ),
            remediation: format!("hubctl run pending {run_id}"),
            ..account_item(AttentionKind::ArchiveRequiresApproval)
        });
    }
    if report.counts.unproven > 0 && owner.is_some() {
        let unproven = report.counts.unproven;
        items.push(AttentionItem {
            count: unproven,
            message: format!(
                "{unproven} unproven findings of account {account} stay active: the scan has no evidence about them"
            ),
            remediation: format!("hubctl run pending {run_id}"),
            ..account_item(AttentionKind::CoverageLost)
        });
    }
    let disabled = report.counts.undelivered.get(undelivered::INTEGRATION_DISABLED).copied().unwrap_or_default();
    // The uploads of a disabled integration are one item (`pending_uploads_item`). This one was enabled without a replay.
    if let Some((owner, true)) = owner.filter(|_| disabled > 0) {
        // Enabling an integration replays its own uploads. The account may have used another one, which was deleted since.
        let is_same = report.integration.as_ref() == Some(owner);
        let replay = || format!("hubctl run replay {run_id}");
        items.push(AttentionItem {
            message: format!("a scan of account {account} was uploaded while its integration was disabled"),
            remediation: if is_same { format!("hubctl integration enable {owner} --replay") } else { replay() },
            ..account_item(AttentionKind::PendingUploads)
        });
    }
    let undelivered = report.counts.undelivered_total() - disabled;
    // The lines after the message have the commands.
    let message = report.problem.as_deref().and_then(|problem| problem.lines().next());
    if undelivered > 0 {
        items.push(AttentionItem {
            count: undelivered,
            message: message
                .map_or_else(|| format!("{undelivered} findings of account {account} were not sent"), str::to_owned),
            remediation: format!("hubctl run show {run_id}"),
            ..account_item(AttentionKind::Undelivered)
        });
    }
    items
}

fn job_item(job: &JobRecord) -> AttentionItem {
    AttentionItem {
        job_id: Some(job.id.clone()),
        since: Some(job.submitted_at),
        message: job.message.clone().unwrap_or_else(|| "the job failed".to_owned()),
        remediation: format!("hubctl job retry {}", job.id),
        ..item(AttentionKind::JobFailed)
    }
}

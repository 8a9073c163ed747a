//! Checks a batch of accounts, and publishes their changes.
//!
//! Guarantee: a failure of one account doesn't affect the others; they are checked, and their changes are published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use asff::AccountId;
use exporter::connection::targets::CheckTargets;
use exporter::connection::{CheckPorts, CheckTarget, Checked, Checker, Connection, SaveOutcome};
use exporter::model::provider::ProviderId;
use exporter::model::schedule::Schedule;
use exporter::notifications::{Event, Notifications, PublishedChanges, StatusChanges, publish_status_changes};
use exporter::ports::AccountLocks;
use futures::StreamExt as _;
use jiff::Timestamp;
use runtime::isolation::Ended;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Time that is reserved at the end of the invocation to publish
/// changes: a few calls per account, for several accounts concurrently.
pub(crate) const PUBLISH_RESERVE: Duration = Duration::from_secs(20);
/// Maximum number of accounts whose changes are published concurrently. Each account requires a few calls to the table.
const PUBLISH_CONCURRENCY: usize = 16;

/// Ports of a batch.
pub trait BatchPorts: CheckPorts + Notifications + CheckTargets + AccountLocks {}

impl<T: CheckPorts + Notifications + CheckTargets + AccountLocks> BatchPorts for T {}

/// Outcome of a batch. A child process writes it as JSON ([`crate::isolated`]).
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Reports of the checked accounts.
    pub checked: Vec<Report>,
    /// Accounts that were not reached before the deadline.
    pub not_reached: Vec<AccountId>,
    /// Accounts whose check ended without a result.
    #[serde(default)]
    pub failed: Vec<Failed>,
    /// Other problems.
    pub problems: Vec<String>,
}

/// The report of a checked account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Connection of the account.
    pub connection: Connection,
    /// Duration of the check.
    pub took_ms: u64,
    /// Events that were published.
    pub events: Vec<Event>,
    /// Due time of the missing scan, if a scan is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_due_at: Option<Timestamp>,
}

/// An account whose check ended without a result. The problem is transient: the next scheduled check includes the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The account.
    pub account: AccountId,
    /// Provider of the account's integration.
    pub provider: ProviderId,
    /// Why there is no result.
    pub reason: String,
}

impl Failed {
    /// A failure with a reason.
    pub fn new(target: &CheckTarget, reason: &str) -> Self {
        let provider = target.integration.provider.clone();
        Self { account: target.account, provider, reason: reason.to_owned() }
    }
}

/// Whether and since when the scans of an account are exported.
#[derive(Clone, Copy, Debug, Default)]
struct Since {
    is_enabled: bool,
    exported: Option<Timestamp>,
}

impl Since {
    fn of(target: &CheckTarget) -> (AccountId, Self) {
        let integration = &target.integration;
        (target.account, Self { is_enabled: integration.enabled, exported: integration.enabled_since })
    }
}

impl Outcome {
    /// Adds the outcome of other accounts.
    pub fn add(&mut self, other: Self) {
        self.checked.extend(other.checked);
        self.not_reached.extend(other.not_reached);
        self.failed.extend(other.failed);
        self.problems.extend(other.problems);
    }
}

/// Checks accounts until the deadline, and publishes their changes.
pub async fn run<P: BatchPorts>(
    ports: &P,
    checker: &Arc<Checker<P>>,
    targets: Vec<CheckTarget>,
    deadline: Option<Instant>,
) -> Outcome {
    let checks_end = deadline.map(|deadline| deadline.checked_sub(PUBLISH_RESERVE).unwrap_or(deadline));
    let (schedules, mut problems) = schedules(ports, &targets).await;
    let mut failed: Vec<Failed> = targets.iter().map(|target| Failed::new(target, Ended::Died.reason())).collect();
    let since: BTreeMap<AccountId, Since> = targets.iter().map(Since::of).collect();
    let batch = checker.check_all(targets, checks_end).await;
    // In a profile that unwinds, the account of a check that panicked is in neither list.
    let known = batch.checked.iter().map(|checked| checked.connection.account);
    let known: BTreeSet<AccountId> = known.chain(batch.not_reached.iter().map(|target| target.account)).collect();
    failed.retain(|failed| !known.contains(&failed.account));
    let publishing = futures::stream::iter(batch.checked).map(|checked| {
        let since = since.get(&checked.connection.account).copied().unwrap_or_default();
        // A disabled integration expects no scan.
        let schedule = schedules.get(&checked.connection.provider).filter(|_| since.is_enabled);
        async move {
            let changes = publish_changes_of(ports, &checked, schedule, since.exported).await;
            (checked, changes)
        }
    });
    let mut published = publishing.buffer_unordered(PUBLISH_CONCURRENCY);
    let mut checked = Vec::new();
    while let Some((of, changes)) = published.next().await {
        let changes = changes.unwrap_or_else(|problem| {
            tracing::warn!(
                account = of.connection.account.as_str(),
                problem,
                "changes not published; the next check publishes them"
            );
            problems.push(problem);
            PublishedChanges::default()
        });
        let took_ms = u64::try_from(of.elapsed.as_millis()).unwrap_or(u64::MAX);
        let PublishedChanges { events, export_due_at } = changes;
        checked.push(Report { connection: of.connection, took_ms, events, export_due_at });
    }
    let not_reached = batch.not_reached.iter().map(|target| target.account).collect();
    Outcome { checked, not_reached, failed, problems }
}

/// Publishes the changes of one account. Publishes nothing if a
/// concurrent check saved its result first: that check publishes them.
async fn publish_changes_of<P: BatchPorts>(
    ports: &P,
    checked: &Checked,
    schedule: Option<&Schedule>,
    exported_since: Option<Timestamp>,
) -> Result<PublishedChanges, String> {
    let connection = &checked.connection;
    match &checked.saved {
        SaveOutcome::Saved => {}
        SaveOutcome::Superseded | SaveOutcome::Orphaned => return Ok(PublishedChanges::default()),
        SaveOutcome::Failed(error) => return Err(error.to_string()),
    }
    let newest = match schedule {
        None => None,
        Some(_) => ports.lock_status(connection.account).await.map_err(|error| error.to_string())?,
    };
    let newest = newest.map(|(newest, _)| newest);
    // Accounts of an organization may never be scanned. Therefore, only an account that was scanned before can miss a scan.
    let schedule = schedule.filter(|_| connection.provider.account().is_some() || newest.is_some());
    let changes = StatusChanges {
        connection,
        schedule,
        exported_since,
        newest_scan: newest.as_ref().map(|newest| newest.newest),
        exported_at: newest.and_then(|newest| newest.exported_at),
        now: ports.now(),
    };
    publish_status_changes(ports, changes).await.map_err(|error| error.to_string())
}

/// Scan schedule of each provider.
async fn schedules<P: CheckTargets>(
    ports: &P,
    targets: &[CheckTarget],
) -> (BTreeMap<ProviderId, Schedule>, Vec<String>) {
    let mut providers: Vec<&ProviderId> = targets.iter().map(|target| &target.integration.provider).collect();
    providers.sort();
    providers.dedup();
    let (mut schedules, mut problems) = (BTreeMap::new(), Vec::new());
    for id in providers {
        let text = match ports.provider(id).await {
            Ok(provider) => provider.and_then(|provider| provider.scan_schedule),
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        };
        match text.map(|text| text.parse::<Schedule>()) {
            None => {}
            Some(Ok(schedule)) => {
                schedules.insert(id.clone(), schedule);
            }
            Some(Err(error)) => problems.push(format!("provider {id}: {error}")),
        }
    }
    (schedules, problems)
}

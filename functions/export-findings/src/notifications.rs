//! Publishes the events `Coverage Lost`, `Coverage Recovered`, and `Source Not Authorized` after an export.
//!
//! Guarantee: a failure doesn't affect the export. The next export or check publishes the events that were not published.

use std::collections::BTreeMap;
use std::time::Duration;

use asff::AccountId;
use exporter::model::provider::ProviderId;
use exporter::notifications::{Coverage, Notifications, Unauthorized, publish_coverage, publish_unauthorized};
use exporter::ports::{Clock, Integrations, PortError};
use exporter::report::{AccountReport, RunKind, RunReport};
use futures::StreamExt as _;
use tokio::time::Instant;

/// Maximum time to publish the events of one run. It delays the response of the invocation.
const PUBLISH_TIME_MAX: Duration = Duration::from_secs(15);
/// Maximum number of accounts whose events are published concurrently. Each account requires a few calls to the table.
const ACCOUNTS_AT_ONCE: usize = 16;

/// Publishes the events of each account of a run, until the deadline of the invocation.
pub(crate) async fn publish<P: Notifications + Integrations + Clock>(
    ports: &P,
    run: &RunReport,
    deadline: Option<Instant>,
) {
    let end = Instant::now() + PUBLISH_TIME_MAX;
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    let publishing = futures::stream::iter(&run.accounts).for_each_concurrent(ACCOUNTS_AT_ONCE, async |(account, report)| {
        if let Err(error) = publish_account(ports, run, *account, report).await {
            tracing::warn!(account = account.as_str(), %error, "events not published; the next export publishes them");
        }
    });
    if tokio::time::timeout_at(end, publishing).await.is_err() {
        tracing::warn!(
            run.id = run.run_id,
            "some events not published before the deadline; the next export publishes them"
        );
    }
}

/// The integration of each account of a run, for the accounts whose integration can be read before the deadline.
pub(crate) async fn integrations<P: Integrations>(
    ports: &P,
    run: &RunReport,
    deadline: Option<Instant>,
) -> BTreeMap<AccountId, ProviderId> {
    let end = Instant::now() + PUBLISH_TIME_MAX;
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    let read = async |account: AccountId| Some((account, ports.integration(&account).await.ok()??.provider));
    let reading = futures::stream::iter(run.accounts.keys().copied()).map(read).buffer_unordered(ACCOUNTS_AT_ONCE);
    let found = tokio::time::timeout_at(end, reading.filter_map(async |found| found).collect()).await;
    found.unwrap_or_else(|_| {
        tracing::warn!(run.id = run.run_id, "integrations not read in time: the run has no metrics of them");
        BTreeMap::new()
    })
}

async fn publish_account<P: Notifications + Integrations + Clock>(
    ports: &P,
    run: &RunReport,
    account: AccountId,
    report: &AccountReport,
) -> Result<(), PortError> {
    let is_unauthorized = run.kind == RunKind::Export && report.counts.has_unauthorized();
    if report.uncovered.is_none() && !is_unauthorized {
        return Ok(());
    }
    let Some(integration) = ports.integration(&account).await? else { return Ok(()) };
    let now = ports.now();
    if let Some(uncovered) = &report.uncovered {
        let (provider, at) = (&integration.provider, run.finished_at.unwrap_or(now));
        publish_coverage(ports, Coverage { account, provider, run_id: &run.run_id, at, uncovered, now }).await?;
    }
    if is_unauthorized {
        publish_unauthorized(ports, Unauthorized { account, integration: &integration, run, now }).await?;
    }
    Ok(())
}

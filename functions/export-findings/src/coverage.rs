//! Publishes `Coverage Lost` and `Coverage Recovered` after an export.
//!
//! Promise: an export is as good without it; what could not be published in time is published by the next export or check.

use std::time::Duration;

use exporter::ports::{Clock, Integrations, PortError};
use exporter::report::RunReport;
use exporter::telling::{Coverage, Telling, publish_coverage};
use futures::StreamExt as _;
use tokio::time::Instant;

/// Maximum time to publish what one run found. An upload waits no longer for its answer.
const PUBLISH_TIME_MAX: Duration = Duration::from_secs(15);
/// Accounts that are published at once. Each needs a few calls to the table.
const ACCOUNTS_AT_ONCE: usize = 16;

/// Publishes what a run found about each account, until the invocation's time is over.
pub(crate) async fn publish<P: Telling + Integrations + Clock>(ports: &P, run: &RunReport, deadline: Option<Instant>) {
    let looked = run.accounts.iter().filter_map(|(account, report)| Some((*account, report.uncovered.as_ref()?)));
    let end = Instant::now() + PUBLISH_TIME_MAX;
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    let publishing = futures::stream::iter(looked).for_each_concurrent(ACCOUNTS_AT_ONCE, async |(account, uncovered)| {
        let done = async {
            let Some(integration) = ports.integration(&account).await? else { return Ok(()) };
            let now = ports.now();
            let (provider, at) = (&integration.provider, run.finished_at.unwrap_or(now));
            let coverage = Coverage { account, provider, run_id: &run.run_id, at, uncovered, now };
            publish_coverage(ports, coverage).await.map(drop)
        };
        let done: Result<(), PortError> = done.await;
        if let Err(error) = done {
            tracing::warn!(account = account.as_str(), %error, "coverage events not published; the next export publishes them");
        }
    });
    if tokio::time::timeout_at(end, publishing).await.is_err() {
        tracing::warn!(
            run.id = run.run_id,
            "coverage events not all published in time; the next export publishes them"
        );
    }
}

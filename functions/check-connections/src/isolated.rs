//! Runs a batch in a child process, so that a panic in the check of one account doesn't end the checks of the others.
//!
//! Guarantee: each account of a batch is checked, forwarded, or reported as failed, even if
//! a process ends unexpectedly. One child checks all accounts. If it dies, each account
//! is checked again in a separate child, which is safe because checks are idempotent.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName};
use exporter::connection::CheckTarget;
use exporter::model::integration::Integration;
use futures::StreamExt as _;
use runtime::isolation::{Ended, Isolation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::batch::{Failed, Outcome, PUBLISH_RESERVE};

/// Time that is reserved for the parent to forward accounts and respond.
const PARENT_RESERVE: Duration = Duration::from_secs(5);
/// Time limit of a child if the caller sets no deadline.
const CHILD_TIMEOUT: Duration = Duration::from_secs(600);
/// Maximum number of concurrent children, with one account each. Each child has its own clients, which use about 30 MB of the 256
/// MB or more that the function has.
const CHILDREN_MAX: usize = 4;

/// The request to a child: its share of the accounts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Share {
    /// Request ID of the invocation, for the logs.
    pub request_id: String,
    accounts: Vec<Account>,
}

/// A serialized [`CheckTarget`].
#[derive(Debug, Serialize, Deserialize)]
struct Account {
    account: AccountId,
    integration: Integration,
    refused: BTreeSet<RegionName>,
}

impl Share {
    fn new(request_id: &str, targets: &[CheckTarget]) -> Self {
        let account = |target: &CheckTarget| Account {
            account: target.account,
            integration: (*target.integration).clone(),
            refused: target.rejecting_regions.clone(),
        };
        Self { request_id: request_id.to_owned(), accounts: targets.iter().map(account).collect() }
    }

    /// The check targets.
    pub fn into_targets(self) -> Vec<CheckTarget> {
        let target = |of: Account| CheckTarget {
            account: of.account,
            integration: Arc::new(of.integration),
            rejecting_regions: of.refused,
        };
        self.accounts.into_iter().map(target).collect()
    }
}

/// Checks accounts in a child. If the child dies, checks each account in a separate child.
///
/// # Errors
///
/// If no child can be started. Then nothing was done.
pub async fn run(
    isolation: &Isolation,
    request_id: &str,
    targets: &[CheckTarget],
    deadline: Option<Instant>,
) -> io::Result<Outcome> {
    if targets.is_empty() {
        return Ok(Outcome::default());
    }
    let ended = match in_child(isolation, request_id, targets, deadline).await? {
        Ok(outcome) => return Ok(outcome),
        Err(ended) => ended,
    };
    if targets.len() == 1 || ended == Ended::TimedOut {
        return Ok(failed(targets, ended.reason()));
    }
    tracing::warn!(
        accounts = targets.len(),
        "the process of the checks ended; each account is checked in its own process"
    );
    let mut single_checks = futures::stream::iter(targets)
        .map(async |target| {
            // The remaining time is too short for a check.
            if deadline.is_some_and(|deadline| Instant::now() + PUBLISH_RESERVE + PARENT_RESERVE >= deadline) {
                return Outcome { not_reached: vec![target.account], ..Outcome::default() };
            }
            let target = std::slice::from_ref(target);
            match in_child(isolation, request_id, target, deadline).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(ended)) => failed(target, ended.reason()),
                Err(error) => failed(target, &format!("failed to start a process for its check: {error}")),
            }
        })
        .buffer_unordered(CHILDREN_MAX);
    let mut outcome = Outcome::default();
    while let Some(one) = single_checks.next().await {
        outcome.add(one);
    }
    outcome.failed.sort_by_key(|failed| failed.account);
    // Several children of the same organization report the same problems.
    outcome.problems.sort();
    outcome.problems.dedup();
    Ok(outcome)
}

/// The outcome of the accounts in one child, or how the child ended without a result.
async fn in_child(
    isolation: &Isolation,
    request_id: &str,
    targets: &[CheckTarget],
    deadline: Option<Instant>,
) -> io::Result<Result<Outcome, Ended>> {
    let left = deadline.map_or(CHILD_TIMEOUT + PARENT_RESERVE, |end| end.saturating_duration_since(Instant::now()));
    let payload: Value = serde_json::to_value(Share::new(request_id, targets))?;
    let (ended, output) = isolation.output(&payload, left.saturating_sub(PARENT_RESERVE)).await?;
    if ended != Ended::Succeeded {
        return Ok(Err(ended));
    }
    Ok(serde_json::from_slice(&output).map_err(|error| {
        tracing::error!(%error, "failed to parse the result of a child process");
        Ended::Failed
    }))
}

fn failed(targets: &[CheckTarget], reason: &str) -> Outcome {
    Outcome { failed: targets.iter().map(|target| Failed::new(target, reason)).collect(), ..Outcome::default() }
}

#[cfg(test)]
mod tests;

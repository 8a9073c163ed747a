//! Checks the accounts on this machine, or with the deployed function while a progress bar is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use asff::AccountId;
use aws::{CheckFunction, Cloud, SdkConfig};
use exporter::connection::{CheckSettings, CheckTarget, Checker, Connection, Connections as _};
use futures::StreamExt as _;

use crate::config::Style;
use crate::deployment::port;
use crate::exit::{Exit, Failure};
use crate::progress::Watch;

/// Accounts per invocation. A small number, so that the progress bar advances.
const ACCOUNTS_A_CALL: usize = 10;

/// Checks accounts locally and saves nothing.
pub(super) async fn check_locally(
    cloud: &Arc<Cloud>,
    targets: Vec<CheckTarget>,
    style: Style,
) -> Result<Vec<Connection>> {
    let settings = CheckSettings::default();
    let at_once = settings.accounts_at_once;
    let checker = Checker::new(cloud.clone(), settings);
    let (done, _bar) = bar(style, targets.len());
    let looks = futures::stream::iter(targets).map(|target| {
        let (checker, done) = (&checker, &done);
        async move {
            // Only the function accepts the product.
            let integration = (*target.integration).clone().with(|settings| settings.auto_accept_product = false);
            let before = cloud.connection(target.account).await.ok().flatten();
            let connection = checker.check_without_saving(target.account, &integration, before.as_ref(), None).await;
            done.fetch_add(1, Ordering::Relaxed);
            connection
        }
    });
    let mut connections: Vec<_> = looks.buffer_unordered(at_once).collect().await;
    connections.sort_by_key(|connection| connection.account);
    Ok(connections)
}

/// Checks accounts with the deployed function, some per invocation. Returns the failure if it can't be invoked.
pub(super) async fn check_by_function(
    config: &SdkConfig,
    function: Option<&str>,
    mut accounts: Vec<AccountId>,
    problems: &mut Vec<String>,
    style: Style,
) -> (Vec<Connection>, Option<Failure>) {
    let Some(function) = function else {
        let message = "the stack has no check function: it is from an older release (sam build && sam deploy)";
        return (Vec::new(), Some(Failure::new(Exit::Error, message)));
    };
    let function = CheckFunction::new(config, function);
    let (done, _bar) = bar(style, accounts.len());
    let mut connections = Vec::new();
    let mut failure = None;
    while !accounts.is_empty() {
        let some: Vec<AccountId> = accounts.drain(..accounts.len().min(ACCOUNTS_A_CALL)).collect();
        let answer = match function.check(&some).await {
            Ok(answer) => answer,
            Err(error) => {
                failure = Some(port(&error));
                break;
            }
        };
        problems.extend(answer.problems);
        if answer.connections.is_empty() {
            problems.extend(
                answer
                    .not_reached
                    .iter()
                    .map(|account| format!("account {account} was not checked: deadline exceeded")),
            );
        } else {
            accounts.extend(answer.not_reached);
        }
        done.fetch_add(answer.connections.len() as u64, Ordering::Relaxed);
        connections.extend(answer.connections);
    }
    connections.sort_by_key(|connection| connection.account);
    (connections, failure)
}

fn bar(style: Style, accounts: usize) -> (Arc<AtomicU64>, Watch) {
    let done = Arc::new(AtomicU64::new(0));
    let seen = done.clone();
    let watch = Watch::counting(style, accounts as u64, "accounts", move || seen.load(Ordering::Relaxed));
    (done, watch)
}

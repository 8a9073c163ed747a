//! Connection tests. The check-connections function runs them, since it is the only function that may read access keys and assume
//! roles.

use std::time::Duration;

use asff::AccountId;
use exporter::connection::Connection;
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use futures::StreamExt as _;
use management::ports::{ConnectionTestResult, ConnectionTester};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::Cloud;
use crate::deployment::function::Function;
use crate::errors::failure;

/// Response timeout: an invocation of check-connections may take 300 seconds (template.yaml), plus its start.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(310);
/// Time limit for starting further invocations. manage-integrations has 360 seconds (template.yaml).
const BEGIN_MAX: Duration = Duration::from_secs(220);
/// Time limit for their responses.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Maximum number of accounts per further invocation, as in check-connections.
const ACCOUNTS_MAX: usize = 100;
/// Concurrent invocations: four hundred accounts per minute, with concurrency left for the scheduled checks.
const INVOCATIONS_CONCURRENT_MAX: usize = 4;

/// The part of the function's response that tests use.
#[derive(Deserialize)]
struct CheckResult {
    connections: Vec<Connection>,
    #[serde(default)]
    not_reached: Vec<AccountId>,
    #[serde(default)]
    failed: Vec<AccountId>,
    #[serde(default)]
    problems: Vec<String>,
}

/// A running test.
struct ConnectionTest<'a> {
    provider: &'a ProviderId,
    function: Function,
    result: ConnectionTestResult,
}

impl ConnectionTester for Cloud {
    async fn test(&self, provider: &ProviderId) -> Result<ConnectionTestResult, PortError> {
        let Some(name) = &self.management.check_function else {
            let message = "this deployment has no check-connections function".to_owned();
            return Err(failure(action(provider), message));
        };
        let started_at = Instant::now();
        let function = Function::without_retries(&self.config, name, RESPONSE_TIMEOUT);
        let mut testing = ConnectionTest { provider, function, result: ConnectionTestResult::default() };
        let first = testing.invoke(&json!({ "integration": provider, "spread": false })).await?;
        let mut remaining = testing.add_response(first);
        while !remaining.is_empty() && started_at.elapsed() < BEGIN_MAX {
            let before = remaining.len();
            remaining = testing.check_remaining(remaining, started_at).await;
            // Without progress, another invocation would have the same result.
            if remaining.len() == before {
                break;
            }
        }
        if !remaining.is_empty() {
            let message = "not all accounts were checked in time; the next scheduled check includes them";
            testing.result.problems.push(message.to_owned());
            testing.result.unchecked.extend(remaining);
        }
        Ok(testing.result)
    }
}

impl ConnectionTest<'_> {
    /// Checks the accounts that the first invocation did not reach. Returns those that are still not checked.
    async fn check_remaining(&mut self, accounts: Vec<AccountId>, started_at: Instant) -> Vec<AccountId> {
        let this = &*self;
        let shares: Vec<_> = accounts.chunks(ACCOUNTS_MAX).map(<[AccountId]>::to_vec).collect();
        let responses = shares.into_iter().map(|share| async move {
            if started_at.elapsed() >= BEGIN_MAX {
                return (share, None);
            }
            let payload = json!({ "accounts": share, "spread": false });
            let response = timeout_at(started_at + WAIT_MAX, this.invoke(&payload)).await.ok();
            (share, response)
        });
        let responses: Vec<_> = futures::stream::iter(responses).buffered(INVOCATIONS_CONCURRENT_MAX).collect().await;
        let mut remaining = Vec::new();
        for (share, response) in responses {
            match response {
                Some(Ok(response)) => remaining.extend(self.add_response(response)),
                Some(Err(error)) => {
                    self.result.problems.push(error.to_string());
                    self.result.unchecked.extend(share);
                }
                None => remaining.extend(share),
            }
        }
        remaining
    }

    async fn invoke(&self, payload: &Value) -> Result<CheckResult, PortError> {
        let response =
            self.function.invoke(payload).await.map_err(|failure| failure.into_port(action(self.provider)))?;
        serde_json::from_slice(&response).map_err(|error| failure(action(self.provider), error))
    }

    /// Adds a response to the result. Returns the accounts that it did not reach.
    fn add_response(&mut self, response: CheckResult) -> Vec<AccountId> {
        let CheckResult { connections, not_reached, failed, problems } = response;
        self.result.connections.extend(connections.into_iter().filter(|found| found.provider == *self.provider));
        self.result.unchecked.extend(failed);
        self.result.problems.extend(problems);
        not_reached
    }
}

fn action(provider: &ProviderId) -> String {
    format!("check the connection of {provider}")
}

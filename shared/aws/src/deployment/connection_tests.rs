//! Connection tests, by the function that checks connections: only it may read access keys and assume roles.

use std::time::Duration;

use asff::AccountId;
use exporter::connection::Connection;
use exporter::ports::PortError;
use exporter::provider::ProviderId;
use futures::StreamExt as _;
use management::ports::{Tested, Tests};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::Cloud;
use crate::deployment::function::Function;
use crate::errors::failure;

/// Time to the answer: an invocation of check-connections may take 300 seconds (template.yaml), and begins a little later.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(310);
/// Time in which further invocations are begun. manage-integrations has 360 seconds (template.yaml).
const BEGIN_MAX: Duration = Duration::from_secs(220);
/// Time after which their answers are no longer waited for.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Accounts of a further invocation: as many as check-connections takes.
const ACCOUNTS_MAX: usize = 100;
/// Invocations at once: four hundred accounts a minute, and hourly checks keep their share of the concurrency.
const INVOCATIONS_AT_ONCE: usize = 4;

/// What the function answers, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    connections: Vec<Connection>,
    #[serde(default)]
    not_reached: Vec<AccountId>,
    #[serde(default)]
    failed: Vec<AccountId>,
    #[serde(default)]
    problems: Vec<String>,
}

/// A test at work.
struct Testing<'a> {
    provider: &'a ProviderId,
    function: Function,
    found: Tested,
}

impl Tests for Cloud {
    async fn test(&self, provider: &ProviderId) -> Result<Tested, PortError> {
        let Some(name) = &self.managing.check_function else {
            let message = "this deployment has no function that checks connections".to_owned();
            return Err(failure(action(provider), message));
        };
        let begun = Instant::now();
        let function = Function::once(&self.config, name, ANSWER_TIMEOUT);
        let mut testing = Testing { provider, function, found: Tested::default() };
        let first = testing.ask(&json!({ "integration": provider, "spread": false })).await?;
        let mut left = testing.add(first);
        while !left.is_empty() && begun.elapsed() < BEGIN_MAX {
            let before = left.len();
            left = testing.go_on(left, begun).await;
            // Without progress the next invocation would fare no better.
            if left.len() == before {
                break;
            }
        }
        if !left.is_empty() {
            let said = "not all accounts were checked in time; the next scheduled check comes to them";
            testing.found.problems.push(said.to_owned());
            testing.found.unchecked.extend(left);
        }
        Ok(testing.found)
    }
}

impl Testing<'_> {
    /// Has the accounts checked that one invocation could not hold, and gives those that are still left.
    async fn go_on(&mut self, accounts: Vec<AccountId>, begun: Instant) -> Vec<AccountId> {
        let this = &*self;
        let shares: Vec<_> = accounts.chunks(ACCOUNTS_MAX).map(<[AccountId]>::to_vec).collect();
        let answers = shares.into_iter().map(|share| async move {
            if begun.elapsed() >= BEGIN_MAX {
                return (share, None);
            }
            let payload = json!({ "accounts": share, "spread": false });
            let answer = timeout_at(begun + WAIT_MAX, this.ask(&payload)).await.ok();
            (share, answer)
        });
        let answers: Vec<_> = futures::stream::iter(answers).buffered(INVOCATIONS_AT_ONCE).collect().await;
        let mut left = Vec::new();
        for (share, answer) in answers {
            match answer {
                Some(Ok(answer)) => left.extend(self.add(answer)),
                Some(Err(error)) => {
                    self.found.problems.push(error.to_string());
                    self.found.unchecked.extend(share);
                }
                None => left.extend(share),
            }
        }
        left
    }

    async fn ask(&self, payload: &Value) -> Result<Answer, PortError> {
        let answer = self.function.invoke(payload).await.map_err(|failure| failure.into_port(action(self.provider)))?;
        serde_json::from_slice(&answer).map_err(|error| failure(action(self.provider), error))
    }

    /// Takes an answer down, and gives the accounts that it leaves to others.
    fn add(&mut self, answer: Answer) -> Vec<AccountId> {
        let Answer { connections, not_reached, failed, problems } = answer;
        self.found.connections.extend(connections.into_iter().filter(|found| found.provider == *self.provider));
        self.found.unchecked.extend(failed);
        self.found.problems.extend(problems);
        not_reached
    }
}

fn action(provider: &ProviderId) -> String {
    format!("check the connection of {provider}")
}

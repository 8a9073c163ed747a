//! Tests of all integrations in the background, a few at a time. Each test is that of the integration's *Test* button.

use std::sync::Arc;

use futures::{StreamExt as _, stream};
use management::wire::{IntegrationView, Test};

use crate::client::{Client, Failed, Request};
use crate::form::encoded;
use crate::messages::Message;
use crate::task::Task;
use crate::view::failure::failure_message;
use crate::view::tested;

/// Maximum number of results in memory.
pub(crate) const TESTS_MAX: usize = 8;
/// Maximum number of integrations that are tested.
const INTEGRATIONS_MAX: usize = 1_000;
/// Maximum number of concurrent tests. Each test of an organization checks its accounts with many calls.
const TESTS_AT_ONCE: usize = 4;

/// A test of all integrations.
pub(crate) type TestAll = Task<Result<Arc<[Tested]>, Failed>>;

/// An integration and the result of its test.
#[derive(Debug)]
pub(crate) struct Tested {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) result: Message,
}

/// Tests all integrations.
pub(crate) async fn test_all(client: &Client) -> Result<Arc<[Tested]>, Failed> {
    let (integrations, _) = client.list::<IntegrationView>("/integrations", INTEGRATIONS_MAX).await?;
    let tests = stream::iter(integrations).map(async |view: IntegrationView| {
        let request = Request::post(format!("/integrations/{}/test", encoded(&view.id)));
        let result = match client.send::<Test>(request).await {
            Ok(answer) => tested::message("", &answer.value),
            Err(failed) => failure_message(&failed),
        };
        Tested { name: view.provider_alias.unwrap_or_else(|| view.id.clone()), id: view.id, result }
    });
    let mut all: Vec<Tested> = tests.buffer_unordered(TESTS_AT_ONCE).collect().await;
    all.sort_by_key(|tested| (rank(tested.result.tone), tested.name.clone()));
    Ok(all.into())
}

/// Worst first.
fn rank(tone: &str) -> u8 {
    match tone {
        "bad" => 0,
        "warn" => 1,
        _ => 2,
    }
}

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use exporter::connection::ConnectionStatus;
use exporter::model::integration::Integration;
use exporter::model::problem::Problem;
use exporter::model::provider::{Provider, ProviderId};
use exporter::testing::{InMemory, TestClock};
use lambda_runtime::Context;
use runtime::isolation::scripts::script;
use serde_json::json;

use super::*;

/// A queue of messages, or `None` if no queue is configured.
struct Queue(Option<Mutex<Vec<String>>>);

impl FanOut for Queue {
    async fn fan_out(&self, messages: &[String]) -> Result<bool, PortError> {
        let Some(queue) = &self.0 else { return Ok(false) };
        queue.lock().unwrap().extend_from_slice(messages);
        Ok(true)
    }
}

fn account(number: usize) -> AccountId {
    format!("{:012}", 100_000_000_000 + number).parse().unwrap()
}

/// The ports, with this number of accounts that accept connections.
fn memory(accounts: usize) -> InMemory {
    let memory = InMemory::new(TestClock::Fixed("2026-11-23T00:00:00Z".parse().unwrap()));
    for number in 0..accounts {
        memory.contents().put_integration(Integration::new(account(number)));
    }
    memory
}

/// Same as [`memory`], but it takes nine seconds to obtain the credentials of an account.
fn slow(accounts: usize) -> InMemory {
    let memory = memory(accounts);
    memory.hubs().contents().connect_latency = Duration::from_secs(9);
    memory
}

fn handler(memory: &InMemory, queue: Queue) -> Handler<InMemory, Queue> {
    Handler::new(Arc::new(memory.clone()), queue, CheckSettings::default(), false)
}

fn queue() -> Queue {
    Queue(Some(Mutex::default()))
}

async fn handle(handler: &Handler<InMemory, Queue>, payload: Value, left: Duration) -> InvocationResponse {
    let deadline = Some(Instant::now() + left);
    let invocation = Invocation { request_id: "q1".to_owned(), function: "checks".to_owned(), deadline };
    handler.handle_requests(&payload, &invocation).await.unwrap()
}

/// Handles an event and all messages that are forwarded, as the queue does.
async fn handle_with_forwarded(
    handler: &Handler<InMemory, Queue>,
    payload: Value,
    left: Duration,
) -> (Vec<AccountId>, Vec<AccountId>) {
    let (mut checked, mut not_reached) = (Vec::new(), Vec::new());
    let mut payloads = vec![payload];
    for invocation in 0.. {
        assert!(invocation < 100, "the chain doesn't end");
        let Some(payload) = payloads.pop() else { break };
        let response = handle(handler, payload, left).await;
        checked.extend(response.connections.iter().map(|connection| connection.account));
        not_reached.extend(response.not_reached);
        let messages = std::mem::take(&mut *handler.fan_out.0.as_ref().unwrap().lock().unwrap());
        payloads.extend(messages.into_iter().map(|body| json!({"Records": [{"body": body}]})));
    }
    (checked, not_reached)
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn one_bad_integration_does_not_stop_the_others() {
    let memory = memory(3);
    let problem = Problem::new("assume_role_denied", "failed to assume the role".to_owned());
    memory.hubs().contents().rejected.insert(account(1), problem);
    let response = handle(&handler(&memory, queue()), json!({}), 5 * MINUTE).await;
    let status: Vec<_> = response.connections.iter().map(|connection| connection.status).collect();
    assert_eq!(status, [ConnectionStatus::Connected, ConnectionStatus::Disconnected, ConnectionStatus::Connected]);
    let kinds: Vec<_> = response.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.contains(&"Integration Disconnected"));
}

#[tokio::test(start_paused = true)]
async fn each_change_is_published_once() {
    let handler = handler(&memory(2), queue());
    for times in 0..3 {
        let response = handle(&handler, json!({}), 5 * MINUTE).await;
        assert_eq!(response.events.len(), if times == 0 { 2 } else { 0 });
    }
    assert_eq!(handler.ports.contents().events.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_integrations_are_fanned_out() {
    let (checked, not_reached) = handle_with_forwarded(&handler(&memory(1_000), queue()), json!({}), 5 * MINUTE).await;
    assert_eq!((checked.len(), not_reached.len()), (1_000, 0));
    assert_eq!(checked.iter().collect::<BTreeSet<_>>().len(), 1_000, "an account was checked twice");
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_not_reached_are_forwarded() {
    // With eight concurrent checks of nine seconds, about thirty accounts are checked before the deadline.
    let slow = slow(90);
    let (checked, not_reached) = handle_with_forwarded(&handler(&slow, queue()), json!({}), MINUTE).await;
    assert_eq!((checked.len(), not_reached.len()), (90, 0));
    assert_eq!(checked.iter().collect::<BTreeSet<_>>().len(), 90);
}

#[tokio::test(start_paused = true)]
async fn forwarding_always_ends() {
    // First, no account is checked before the deadline. Then, each invocation checks a few accounts.
    let (checked, not_reached) =
        handle_with_forwarded(&handler(&memory(9), queue()), json!({}), Duration::from_secs(1)).await;
    assert_eq!((checked.len(), not_reached.len()), (0, 9));
    let slow = slow(ACCOUNTS_MAX);
    let (checked, not_reached) =
        handle_with_forwarded(&handler(&slow, queue()), json!({}), Duration::from_secs(31)).await;
    assert_eq!(checked.len() + not_reached.len(), ACCOUNTS_MAX);
    assert!(!not_reached.is_empty() && !checked.is_empty(), "{} checked", checked.len());
}

#[tokio::test(start_paused = true)]
async fn a_direct_invocation_lists_accounts_that_are_not_reached() {
    for (payload, queue) in [(json!({"fan_out": false}), queue()), (json!({}), Queue(None))] {
        let response = handle(&handler(&memory(ACCOUNTS_MAX + 5), queue), payload, 5 * MINUTE).await;
        assert_eq!((response.connections.len(), response.not_reached.len(), response.forwarded), (ACCOUNTS_MAX, 5, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn only_selected_accounts_are_checked() {
    let handler = handler(&memory(3), queue());
    let named = handle(&handler, json!({"integration": account(1).as_str()}), MINUTE).await;
    assert_eq!(named.connections.iter().map(|connection| connection.account).collect::<Vec<_>>(), [account(1)]);
    let unknown = handle(&handler, json!({"integrations": ["999999999999"]}), MINUTE).await;
    assert!(unknown.connections.is_empty() && unknown.problems[0].contains("999999999999"), "{:?}", unknown.problems);
}

#[tokio::test(start_paused = true)]
async fn a_missing_scan_is_published_and_an_invalid_schedule_is_a_problem() {
    let memory = memory(2);
    for (number, schedule) in [(0, "rate(1 day)"), (1, "every day")] {
        let provider = Provider::new(account(number).into());
        let provider = Provider { scan_schedule: Some(schedule.to_owned()), ..provider };
        memory.contents().put_provider(provider);
    }
    let handler = handler(&memory, queue());
    let first = handle(&handler, json!({}), MINUTE).await;
    assert!(first.problems[0].contains("every day"), "{:?}", first.problems);
    memory.contents().clock = TestClock::Fixed("2026-11-24T07:00:00Z".parse().unwrap());
    let later = handle(&handler, json!({}), MINUTE).await;
    let kinds: Vec<_> = later.events.iter().map(|event| (event.detail.account, event.kind.as_str())).collect();
    assert_eq!(kinds, [(account(0), "Scan Missing")]);
}

#[tokio::test(start_paused = true)]
async fn connections_of_accounts_that_left_an_organization_are_deleted() {
    let organization: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
    let memory = memory(1);
    memory.contents().put_integration(Integration::new(organization.clone()));
    memory.contents().members.insert(organization.clone(), vec![account(1), account(2)]);
    let handler = handler(&memory, queue());
    handle(&handler, json!({}), MINUTE).await;
    let known = || memory.contents().connections.keys().copied().collect::<Vec<_>>();
    assert_eq!(known(), [account(0), account(1), account(2)]);
    // One account leaves the organization, and the integration of another account is deleted.
    memory.contents().clock = TestClock::Fixed("2026-11-23T01:00:00Z".parse().unwrap());
    memory.contents().members.insert(organization.clone(), vec![account(1)]);
    memory.contents().integrations.remove(account(0).as_str());
    handle(&handler, json!({"integration": "o-a1b2c3d4e5"}), MINUTE).await;
    assert_eq!(known(), [account(1)]);
    // The integration of the organization is deleted, too. A check of all accounts deletes the remaining connections.
    memory.contents().clock = TestClock::Fixed("2026-11-23T02:00:00Z".parse().unwrap());
    memory.contents().members.clear();
    memory.contents().integrations.clear();
    memory.contents().put_integration(Integration::new(account(0)));
    handle(&handler, json!({}), MINUTE).await;
    assert_eq!(known(), [account(0)]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_integration_stores_and_publishes_nothing() {
    let memory = memory(2);
    memory.contents().orphaned.insert(account(1).into());
    let handler = handler(&memory, queue());
    let response = handle(&handler, json!({}), MINUTE).await;
    let notified: Vec<_> = response.events.iter().map(|event| event.detail.account).collect();
    assert_eq!(notified, [account(0)]);
    assert_eq!(memory.contents().connections.keys().copied().collect::<Vec<_>>(), [account(0)]);
}

#[tokio::test]
async fn an_invalid_event_has_an_error_type() {
    let handler = handler(&memory(1), queue());
    let event = LambdaEvent::new(json!({"accounts": 5}), Context::default());
    let error = handler.handle(event).await.unwrap_err();
    assert_eq!(Diagnostic::from(error).error_type, "UnknownEvent");
}

#[tokio::test]
async fn an_account_whose_process_dies_is_reported() {
    let handler = handler(&memory(2), queue()).with_isolation(script("ends", "kill -ABRT $$").unwrap());
    let response = handle(&handler, json!({}), MINUTE).await;
    assert_eq!((response.connections.len(), response.failed), (0, vec![account(0), account(1)]));
    assert!(response.problems[1].contains("100000000001 not checked: internal error"), "{:?}", response.problems);
    assert!(response.not_reached.is_empty() && handler.fan_out.0.unwrap().lock().unwrap().is_empty());
}

/// The test profile unwinds. `local/defect.py` tests the packaged programs, which abort.
#[tokio::test(start_paused = true)]
async fn an_account_whose_check_panics_is_reported() {
    let defect: fn(AccountId) = |of| assert!(of != account(1), "a planted defect");
    let memory = memory(3);
    memory.hubs().contents().on_connect = Some(defect);
    let response = handle(&handler(&memory, queue()), json!({}), 5 * MINUTE).await;
    assert_eq!((response.connections.len(), response.failed), (2, vec![account(1)]));
}

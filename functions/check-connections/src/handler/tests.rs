use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use exporter::connection::ConnectionStatus;
use exporter::integration::Integration;
use exporter::provider::{Provider, ProviderId};
use lambda_runtime::Context;
use runtime::isolation::scripts::script;
use serde_json::json;

use super::*;
use crate::memory::{Memory, Queue};

fn account(number: usize) -> AccountId {
    format!("{:012}", 100_000_000_000 + number).parse().unwrap()
}

fn memory(accounts: usize) -> Memory {
    let integrations = (0..accounts).map(|number| Integration::new(account(number))).collect();
    let now = Mutex::new("2026-11-23T00:00:00Z".parse().unwrap());
    Memory { integrations, now, ..Memory::default() }
}

fn handler(memory: Memory, queue: Queue) -> Handler<Memory, Queue> {
    Handler::new(Arc::new(memory), queue, CheckSettings::default(), false)
}

fn queue() -> Queue {
    Queue(Some(Mutex::default()))
}

async fn handle(handler: &Handler<Memory, Queue>, payload: Value, left: Duration) -> InvocationResponse {
    let deadline = Some(Instant::now() + left);
    let invocation = Invocation { request_id: "q1".to_owned(), function: "checks".to_owned(), deadline };
    handler.handle_requests(&payload, &invocation).await.unwrap()
}

/// Handles an event and all messages that it forwards, as the queue would.
async fn handle_with_forwarded(
    handler: &Handler<Memory, Queue>,
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
    let memory = Memory { broken: BTreeSet::from([account(1)]), ..memory(3) };
    let response = handle(&handler(memory, queue()), json!({}), 5 * MINUTE).await;
    let status: Vec<_> = response.connections.iter().map(|connection| connection.status).collect();
    assert_eq!(status, [ConnectionStatus::Connected, ConnectionStatus::Disconnected, ConnectionStatus::Connected]);
    let kinds: Vec<_> = response.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.contains(&"Integration Disconnected"));
}

#[tokio::test(start_paused = true)]
async fn each_change_is_published_once() {
    let handler = handler(memory(2), queue());
    for times in 0..3 {
        let response = handle(&handler, json!({}), 5 * MINUTE).await;
        assert_eq!(response.events.len(), if times == 0 { 2 } else { 0 });
    }
    assert_eq!(handler.ports.bus.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_integrations_are_fanned_out() {
    let (checked, not_reached) = handle_with_forwarded(&handler(memory(1_000), queue()), json!({}), 5 * MINUTE).await;
    assert_eq!((checked.len(), not_reached.len()), (1_000, 0));
    assert_eq!(checked.iter().collect::<BTreeSet<_>>().len(), 1_000, "an account was checked twice");
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_not_reached_are_forwarded() {
    // Eight concurrent checks of nine seconds: about thirty accounts before the deadline.
    let slow = Memory { slow: Duration::from_secs(9), ..memory(90) };
    let (checked, not_reached) = handle_with_forwarded(&handler(slow, queue()), json!({}), MINUTE).await;
    assert_eq!((checked.len(), not_reached.len()), (90, 0));
    assert_eq!(checked.iter().collect::<BTreeSet<_>>().len(), 90);
}

#[tokio::test(start_paused = true)]
async fn forwarding_always_ends() {
    // No account before the deadline; then one per invocation.
    let (checked, not_reached) =
        handle_with_forwarded(&handler(memory(9), queue()), json!({}), Duration::from_secs(1)).await;
    assert_eq!((checked.len(), not_reached.len()), (0, 9));
    let slow = Memory { slow: Duration::from_secs(9), ..memory(ACCOUNTS_MAX) };
    let (checked, not_reached) =
        handle_with_forwarded(&handler(slow, queue()), json!({}), Duration::from_secs(31)).await;
    assert_eq!(checked.len() + not_reached.len(), ACCOUNTS_MAX);
    assert!(!not_reached.is_empty() && !checked.is_empty(), "{} checked", checked.len());
}

#[tokio::test(start_paused = true)]
async fn a_direct_invocation_lists_accounts_that_are_not_reached() {
    for (payload, queue) in [(json!({"fan_out": false}), queue()), (json!({}), Queue(None))] {
        let response = handle(&handler(memory(ACCOUNTS_MAX + 5), queue), payload, 5 * MINUTE).await;
        assert_eq!((response.connections.len(), response.not_reached.len(), response.forwarded), (ACCOUNTS_MAX, 5, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn only_selected_accounts_are_checked() {
    let handler = handler(memory(3), queue());
    let named = handle(&handler, json!({"integration": account(1).as_str()}), MINUTE).await;
    assert_eq!(named.connections.iter().map(|connection| connection.account).collect::<Vec<_>>(), [account(1)]);
    let unknown = handle(&handler, json!({"integrations": ["999999999999"]}), MINUTE).await;
    assert!(unknown.connections.is_empty() && unknown.problems[0].contains("999999999999"), "{:?}", unknown.problems);
}

#[tokio::test(start_paused = true)]
async fn a_missing_scan_is_published_and_an_invalid_schedule_is_a_problem() {
    let mut memory = memory(2);
    for (number, schedule) in [(0, "rate(1 day)"), (1, "every day")] {
        let provider = Provider::new(account(number).into());
        memory.providers.push(Provider { scan_schedule: Some(schedule.to_owned()), ..provider });
    }
    let handler = handler(memory, queue());
    let first = handle(&handler, json!({}), MINUTE).await;
    assert!(first.problems[0].contains("every day"), "{:?}", first.problems);
    *handler.ports.now.lock().unwrap() = "2026-11-24T07:00:00Z".parse().unwrap();
    let later = handle(&handler, json!({}), MINUTE).await;
    let kinds: Vec<_> = later.events.iter().map(|event| (event.detail.account, event.kind.as_str())).collect();
    assert_eq!(kinds, [(account(0), "Scan Missing")]);
}

#[tokio::test(start_paused = true)]
async fn connections_of_accounts_that_left_an_organization_are_deleted() {
    let organization: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
    let mut memory = memory(1);
    memory.integrations.push(Integration::new(organization.clone()));
    memory.members.insert(organization.clone(), vec![account(1), account(2)]);
    let first = handler(memory, queue());
    handle(&first, json!({}), MINUTE).await;
    let known =
        |handler: &Handler<Memory, Queue>| handler.ports.saved.lock().unwrap().keys().copied().collect::<Vec<_>>();
    assert_eq!(known(&first), [account(0), account(1), account(2)]);
    let moved = |members: Vec<AccountId>, integrations: Vec<Integration>| Memory {
        members: BTreeMap::from([(organization.clone(), members)]),
        integrations,
        now: Mutex::new("2026-11-23T01:00:00Z".parse().unwrap()),
        saved: Mutex::new(first.ports.saved.lock().unwrap().clone()),
        ..Memory::default()
    };
    // One account left; and its integration was deleted while a check stored a connection.
    let left = handler(moved(vec![account(1)], vec![Integration::new(organization.clone())]), queue());
    handle(&left, json!({"integration": "o-a1b2c3d4e5"}), MINUTE).await;
    assert_eq!(known(&left), [account(1)]);
    let deleted = handler(moved(Vec::new(), vec![Integration::new(account(0))]), queue());
    handle(&deleted, json!({}), MINUTE).await;
    assert_eq!(known(&deleted), [account(0)]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_integration_stores_and_publishes_nothing() {
    let memory = Memory { deleted: BTreeSet::from([account(1).into()]), ..memory(2) };
    let handler = handler(memory, queue());
    let response = handle(&handler, json!({}), MINUTE).await;
    let notified: Vec<_> = response.events.iter().map(|event| event.detail.account).collect();
    assert_eq!(notified, [account(0)]);
    let saved = handler.ports.saved.lock().unwrap();
    assert_eq!(saved.keys().copied().collect::<Vec<_>>(), [account(0)]);
}

#[tokio::test]
async fn an_invalid_event_has_an_error_type() {
    let handler = handler(memory(1), queue());
    let event = LambdaEvent::new(json!({"accounts": 5}), Context::default());
    let error = handler.handle(event).await.unwrap_err();
    assert_eq!(Diagnostic::from(error).error_type, "UnknownEvent");
}

#[tokio::test]
async fn an_account_whose_process_dies_is_reported() {
    let handler = handler(memory(2), queue()).with_isolation(script("ends", "kill -ABRT $$").unwrap());
    let response = handle(&handler, json!({}), MINUTE).await;
    assert_eq!((response.connections.len(), response.failed), (0, vec![account(0), account(1)]));
    assert!(response.problems[1].contains("100000000001 not checked: internal error"), "{:?}", response.problems);
    assert!(response.not_reached.is_empty() && handler.fan_out.0.unwrap().lock().unwrap().is_empty());
}

/// With the test profile, which unwinds. `local/defect.py` tests the packaged programs.
#[tokio::test(start_paused = true)]
async fn an_account_whose_check_panics_is_not_lost() {
    let defect: fn(AccountId) = |of| assert!(of != account(1), "a planted defect");
    let memory = Memory { defect: Some(defect), ..memory(3) };
    let response = handle(&handler(memory, queue()), json!({}), 5 * MINUTE).await;
    assert_eq!((response.connections.len(), response.failed), (2, vec![account(1)]));
}

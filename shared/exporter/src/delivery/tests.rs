//! Delivery to a fake hub with rules, with a paused clock. Every test asserts that each finding has exactly one
//! outcome.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use asff::Partition;
use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::batch::{Counters, RegionConfig};
use super::call_rate::CallRate;
use super::halt::RegionHalt;
use super::sender::{SendOutcome, Sender};
use crate::delivery::pack::Outgoing;
use crate::lease::Lease;
use crate::model::problem::Problem;
use crate::model::settings::Settings;
use crate::ports::{CallError, FailedFinding, ImportOutcome};
use crate::quarantine::Rejected;
use crate::state::{FindingKey, FindingMeta, Stored};
use crate::testing::{FakeHub, FakeHubs};

type Answer = Result<ImportOutcome, CallError>;

/// Hubs whose response to each call is a function of the call's number and the IDs. A call takes 80 ms.
fn hubs(rule: impl Fn(usize, &[String]) -> Answer + Send + Sync + 'static) -> FakeHubs {
    let hubs = FakeHubs::with_rule(move |call| Some(rule(call.number, &call.ids)));
    hubs.contents().import_latency = Duration::from_millis(80);
    hubs
}

fn calls(hubs: &FakeHubs) -> usize {
    hubs.contents().imports
}

fn stored(ids: &[String]) -> Answer {
    Ok(ImportOutcome { success_count: ids.len(), failed_count: 0, failed: Vec::new() })
}

fn failing(ids: &[String], code: &str, is_failing: impl Fn(&str) -> bool) -> Answer {
    let failed: Vec<_> = ids
        .iter()
        .filter(|id| is_failing(id))
        .map(|id| FailedFinding { id: id.clone(), code: code.to_owned(), message: "invalid".to_owned() })
        .collect();
    Ok(ImportOutcome { success_count: ids.len() - failed.len(), failed_count: failed.len(), failed })
}

const ACCOUNT: &str = "123456789012";
const HOME: &str = "eu-west-1";

/// The outcome of the findings.
#[derive(Default)]
struct Done {
    sent: usize,
    /// By reason, attempted or not.
    undelivered: BTreeMap<&'static str, usize>,
    region_rejected: usize,
    rejected: Vec<Rejected>,
    stop: Option<RegionHalt>,
    counters: (u64, u64, u64),
    elapsed: Duration,
}

impl Done {
    fn take(&mut self, outcomes: Vec<SendOutcome>) {
        for outcome in outcomes {
            match outcome {
                SendOutcome::Sent(batch) => self.sent += batch.len(),
                SendOutcome::Unknown(batch, reason) | SendOutcome::NotAttempted(batch, reason) => {
                    *self.undelivered.entry(reason).or_default() += batch.len();
                }
                SendOutcome::RegionRejected(batch) => self.region_rejected += batch.len(),
                SendOutcome::Rejected(rejected) => self.rejected.push(rejected),
            }
        }
    }

    fn accounted(&self) -> usize {
        self.sent + self.undelivered.values().sum::<usize>() + self.region_rejected + self.rejected.len()
    }
}

fn meta(number: usize) -> FindingMeta {
    let (key, stored) = (FindingKey(number as u64), Stored::Uncertain);
    FindingMeta {
        key,
        content: 1,
        resource: 1,
        check: 1,
        first_seen_ms: 0,
        updated_ms: 0,
        sent_ms: 0,
        stored,
        seen: crate::state::ScanCode::UNKNOWN,
        absent: 0,
        foreign: false,
    }
}

fn sender(hubs: &FakeHubs, settings: Settings, give_up_at: Option<Instant>) -> Sender<FakeHub> {
    Sender::new(RegionConfig {
        hub: hubs.hub(ACCOUNT.parse().unwrap()),
        partition: Partition::Aws,
        account: ACCOUNT.parse().unwrap(),
        region: HOME.parse().unwrap(),
        call_rate: CallRate::new(settings.import_calls_per_second, settings.import_calls_burst),
        in_flight: Arc::new(Semaphore::new(settings.in_flight_bytes_max)),
        settings,
        give_up_at,
        lease: Lease::fixed(),
        counters: Counters::default(),
        has_accepted: std::sync::atomic::AtomicBool::default(),
        progress: Arc::default(),
    })
}

fn outgoing(number: usize, text: &str) -> Outgoing {
    let id = format!("finding-{number}");
    let json = Bytes::from(serde_json::json!({ "Id": id, "Text": text }).to_string());
    Outgoing { id, json, meta: meta(number), apart: false }
}

async fn deliver(hubs: &FakeHubs, findings: usize, give_up_in: Option<Duration>) -> Done {
    let start = Instant::now();
    let mut sender = sender(hubs, Settings::default(), give_up_in.map(|after| start + after));
    let mut done = Done::default();
    for number in 0..findings {
        sender.send(outgoing(number, "")).await;
        done.take(sender.take_outcomes());
    }
    sender.flush().await;
    done.take(sender.take_outcomes());
    done.elapsed = start.elapsed();
    done.stop = sender.halt().cloned();
    done.counters = sender.config().counters.read();
    assert_eq!(done.accounted(), findings, "every finding has exactly one outcome");
    done
}

fn unavailable(done: &Done) -> &Problem {
    match &done.stop {
        Some(RegionHalt::Unavailable(unavailable)) => unavailable,
        other => panic!("the Region is not unavailable: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn findings_are_sent_at_the_rate_of_the_quota() {
    let hubs = hubs(|_, ids| stored(ids));
    let done = deliver(&hubs, 13_000, None).await;
    assert_eq!(done.sent, 13_000);
    assert_eq!(calls(&hubs), 130, "every batch is full");
    // 30 calls at once, then 10 per second; the first call completes alone, before the Region is known to accept
    // findings.
    let ceiling = Duration::from_secs(10);
    assert!(done.elapsed >= ceiling && done.elapsed < ceiling.mul_f64(1.05), "took {:?}", done.elapsed);
}

#[tokio::test(start_paused = true)]
async fn waiting_batches_stay_within_the_in_flight_limit() {
    let hubs = hubs(|_, ids| stored(ids));
    hubs.contents().import_latency = Duration::from_secs(60);
    let text = "x".repeat(1000);
    // Four batches of some 104 KB each.
    let settings = Settings { in_flight_bytes_max: 450_000, ..Settings::default() };
    let mut sender = sender(&hubs, settings, None);
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = accepted.clone();
    let pump = tokio::spawn(async move {
        for number in 0.. {
            sender.send(outgoing(number, &text)).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    // The first call is alone; then as many are in flight as allowed.
    tokio::time::sleep(Duration::from_secs(90)).await;
    let accepted = accepted.load(Ordering::Relaxed);
    assert!(
        (500..=700).contains(&accepted),
        "{accepted} findings were accepted: one batch sent, four in flight, one waiting"
    );
    pump.abort();
}

#[tokio::test(start_paused = true)]
async fn one_invalid_finding_is_rejected_alone() {
    let hubs = hubs(|_, ids| failing(ids, "InvalidInput", |id| id == "finding-150"));
    let done = deliver(&hubs, 250, None).await;
    assert_eq!(done.sent, 249);
    assert_eq!(done.rejected.len(), 1);
    let Rejected { id, json, code, message, .. } = &done.rejected[0];
    assert_eq!((id.as_str(), code.as_str(), message.as_str()), ("finding-150", "InvalidInput", "invalid"));
    assert_eq!(json.as_ref(), br#"{"Id":"finding-150","Text":""}"#);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_batch_is_bisected_down_to_the_invalid_finding() {
    let hubs = hubs(|_, ids| {
        if ids.iter().any(|id| id == "finding-42") {
            let (code, message) = ("InvalidInputException".to_owned(), "no".to_owned());
            Err(CallError::Rejected { code, message })
        } else {
            stored(ids)
        }
    });
    let done = deliver(&hubs, 100, None).await;
    assert_eq!(done.sent, 99);
    assert_eq!(done.rejected.len(), 1);
    assert_eq!(done.rejected[0].id, "finding-42");
    assert!(calls(&hubs) <= 16, "{} calls to find one of a hundred", calls(&hubs));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_rejects_everything_is_not_called_for_each_finding() {
    let hubs =
        hubs(|_, _| Err(CallError::Rejected { code: "InvalidInputException".to_owned(), message: "no".to_owned() }));
    let done = deliver(&hubs, 20_000, None).await;
    assert!(calls(&hubs) < 1000, "{} calls", calls(&hubs));
    assert_eq!(done.sent, 0);
    assert!(done.undelivered["service_error"] > 19_000);
}

#[tokio::test(start_paused = true)]
async fn throttling_errors_and_lost_responses_are_retried() {
    // Each batch gets all three errors, one after the other.
    let attempts: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let hubs = hubs(move |_, ids| {
        let mut attempts = attempts.lock().unwrap();
        let attempt = attempts.entry(ids[0].clone()).or_default();
        *attempt += 1;
        match *attempt {
            1 => Err(CallError::Throttled("Too Many Requests".to_owned())),
            2 => Err(CallError::Transient("connection reset".to_owned())),
            3 => Err(CallError::ExpiredToken("expired".to_owned())),
            _ => stored(ids),
        }
    });
    let done = deliver(&hubs, 1000, None).await;
    assert_eq!(done.sent, 1000);
    assert_eq!(done.counters, (40, 10, 20), "calls, throttled, retried");
    assert_eq!(calls(&hubs), 40);
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_is_not_retried_forever_and_nothing_counts_as_sent() {
    let hubs = hubs(|_, _| Err(CallError::Transient("503".to_owned())));
    let done = deliver(&hubs, 50_000, None).await;
    assert_eq!(done.undelivered["service_error"], 50_000);
    let settings = Settings::default();
    assert!(calls(&hubs) <= (settings.attempts_max * (settings.failed_batches_max + 1)) as usize);
}

#[tokio::test(start_paused = true)]
async fn a_response_with_inconsistent_counts_is_retried() {
    let hubs = hubs(|number, ids| match number {
        1 => Ok(ImportOutcome { success_count: ids.len(), failed_count: 3, failed: Vec::new() }),
        2 => {
            failing(&[vec!["unknown".to_owned()], ids[1..].to_vec()].concat(), "InternalFailure", |id| id == "unknown")
        }
        _ => stored(ids),
    });
    let done = deliver(&hubs, 100, None).await;
    assert_eq!(done.sent, 100);
    assert_eq!(calls(&hubs), 3);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_region_is_called_once_and_reported_with_its_fix() {
    let hubs = hubs(|_, _| Err(CallError::AccessDenied("User: x is not authorized".to_owned())));
    hubs.contents().disabled.insert(HOME.parse().unwrap());
    let done = deliver(&hubs, 5000, None).await;
    assert_eq!(calls(&hubs), 1);
    assert_eq!(done.region_rejected, 5000);
    let unavailable = unavailable(&done);
    assert_eq!(unavailable.reason, "hub_not_enabled");
    let remediation = unavailable.remediation.as_deref().unwrap();
    assert!(remediation.contains("enable-security-hub") && remediation.contains("--region eu-west-1"), "{remediation}");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_hub_in_failed_findings_equals_a_rejected_call() {
    let hubs = hubs(|_, ids| failing(ids, "InvalidAccess", |_| true));
    hubs.contents().product_not_accepted.insert(HOME.parse().unwrap());
    let done = deliver(&hubs, 300, None).await;
    assert_eq!(calls(&hubs), 1);
    assert_eq!((done.region_rejected, unavailable(&done).reason.as_str()), (300, "product_not_accepted"));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_defers_the_remaining_findings() {
    let hubs = hubs(|_, ids| stored(ids));
    let done = deliver(&hubs, 20_000, Some(Duration::from_secs(5))).await;
    assert!(done.sent >= 7000 && done.undelivered["deadline_exceeded"] > 0, "{} sent", done.sent);
    assert!(done.elapsed < Duration::from_secs(9), "took {:?}", done.elapsed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Guarantee 1: every finding is counted, whatever the service does.
    #[test]
    fn every_finding_has_exactly_one_outcome(
        findings in 0usize..700,
        responses in prop::collection::vec(0u8..11, 1..40),
        seconds in prop::option::of(0u64..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let hubs = hubs(move |number, ids| {
                match responses[number % responses.len()] {
                    0 => Err(CallError::Throttled("slow down".to_owned())),
                    1 => Err(CallError::Transient("503".to_owned())),
                    2 => Err(CallError::ExpiredToken("expired".to_owned())),
                    3 => Err(CallError::Rejected { code: "InvalidInputException".to_owned(), message: String::new() }),
                    4 if number > 3 => Err(CallError::AccessDenied("no".to_owned())),
                    5 => failing(ids, "InternalFailure", |id| id.ends_with('3')),
                    6 => failing(ids, "InvalidInput", |id| id.ends_with("77")),
                    7 if number > 5 => Err(CallError::Unreachable("no route".to_owned())),
                    8 => Ok(ImportOutcome::default()),
                    _ => stored(ids),
                }
            });
            // `deliver` asserts that the outcomes add up.
            deliver(&hubs, findings, seconds.map(Duration::from_secs)).await;
        });
    }
}

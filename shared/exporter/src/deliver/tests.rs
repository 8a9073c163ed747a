//! Delivery against a hub that follows rules, under a stopped clock. Every test ends with the same question: has each
//! finding exactly one fate?

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use asff::{Partition, RegionName};
use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{AccountDelivered, AccountDelivery, Outgoing, Shared};
use crate::ports::{CallError, FailedFinding, Hub, HubState, ImportOutcome, ObjectWriter, Objects, PortError};
use crate::quarantine::Quarantine;
use crate::settings::{BATCH_FINDINGS_MAX, Settings};

type Answer = Result<ImportOutcome, CallError>;
type Rule = dyn Fn(usize, &str, &[String]) -> Answer + Send + Sync;

/// A hub whose answer to each call is a function of the call's number, the Region and the Ids.
#[derive(Clone)]
struct RuleHub {
    rule: Arc<Rule>,
    state: Result<HubState, CallError>,
    latency: Duration,
    log: Arc<Mutex<Vec<(String, Vec<String>)>>>,
}

impl RuleHub {
    fn new(rule: impl Fn(usize, &str, &[String]) -> Answer + Send + Sync + 'static) -> Self {
        let state = Ok(HubState { product_accepted: true });
        Self { rule: Arc::new(rule), state, latency: Duration::from_millis(80), log: Arc::default() }
    }

    fn calls(&self) -> usize {
        self.log.lock().unwrap().len()
    }
}

fn stored(ids: &[String]) -> Answer {
    Ok(ImportOutcome { success_count: ids.len(), failed_count: 0, failed: Vec::new() })
}

fn failing(ids: &[String], code: &str, guilty: impl Fn(&str) -> bool) -> Answer {
    let failed: Vec<_> = ids
        .iter()
        .filter(|id| guilty(id))
        .map(|id| FailedFinding { id: id.clone(), code: code.to_owned(), message: "so it is".to_owned() })
        .collect();
    Ok(ImportOutcome { success_count: ids.len() - failed.len(), failed_count: failed.len(), failed })
}

impl Hub for RuleHub {
    async fn import(&self, region: &RegionName, body: Bytes) -> Answer {
        tokio::time::sleep(self.latency).await;
        let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let findings = request["Findings"].as_array().unwrap();
        assert!((1..=BATCH_FINDINGS_MAX).contains(&findings.len()));
        let ids: Vec<_> = findings.iter().map(|finding| finding["Id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an Id stands twice in one request");
        let number = {
            let mut log = self.log.lock().unwrap();
            log.push((region.to_string(), ids.clone()));
            log.len()
        };
        (self.rule)(number, region.as_str(), &ids)
    }

    async fn state(&self, _: &RegionName) -> Result<HubState, CallError> {
        self.state.clone()
    }
}

/// Keeps the quarantine's lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Objects for Lines {
    type Writer = Self;
    async fn create(&self, _: &str) -> Result<Self, PortError> {
        Ok(self.clone())
    }
}

impl ObjectWriter for Lines {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.0.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }
    async fn finish(self) -> Result<(), PortError> {
        Ok(())
    }
}

const HOME: &str = "eu-west-1";

struct Done {
    delivered: AccountDelivered,
    quarantined: Vec<serde_json::Value>,
    elapsed: Duration,
}

async fn deliver(hub: &RuleHub, findings: usize, fallback: Option<&str>, give_up_in: Option<Duration>) -> Done {
    let lines = Lines::default();
    let (quarantine, keeper) = Quarantine::open(Arc::new(lines.clone()), "run");
    let settings = Settings::default();
    let start = Instant::now();
    let shared = Shared {
        in_flight: Arc::new(Semaphore::new(settings.in_flight_bytes_max)),
        settings,
        give_up_at: give_up_in.map(|after| start + after),
        quarantine,
        progress: Arc::default(),
    };
    let region: RegionName = HOME.parse().unwrap();
    let fallback = fallback.map(|name| name.parse().unwrap());
    let mut delivery = AccountDelivery::new(hub.clone(), Partition::Aws, fallback, shared.clone());
    for number in 0..findings {
        let id = format!("finding-{number}");
        let json = serde_json::json!({ "Id": id, "ProductArn": Partition::Aws.product_arn(region) });
        let json = Bytes::from(json.to_string());
        delivery.send(&region, Outgoing { id, json, apart: false }).await.unwrap();
    }
    let delivered = delivery.finish().await;
    let elapsed = start.elapsed();
    drop(shared);
    keeper.finish().await.unwrap();
    let bytes = lines.0.lock().unwrap().clone();
    let quarantined: Vec<_> =
        bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(delivered.counts.accounted(), findings as u64, "{:?}", delivered.counts);
    assert_eq!(quarantined.len() as u64, delivered.counts.quarantined_total());
    Done { delivered, quarantined, elapsed }
}

#[tokio::test(start_paused = true)]
async fn sends_at_the_services_ceiling() {
    let hub = RuleHub::new(|_, _, ids| stored(ids));
    let done = deliver(&hub, 13_000, None, None).await;
    assert_eq!(done.delivered.counts.sent, 13_000);
    assert_eq!(hub.calls(), 130, "every batch is full");
    // 30 calls at once, then 10 a second, and a round trip before the Region is known to be good.
    let ceiling = Duration::from_secs(10);
    assert!(done.elapsed >= ceiling && done.elapsed < ceiling.mul_f64(1.05), "took {:?}", done.elapsed);
}

#[tokio::test(start_paused = true)]
async fn one_bad_finding_harms_only_itself() {
    let hub = RuleHub::new(|_, _, ids| failing(ids, "InvalidInput", |id| id == "finding-150"));
    let done = deliver(&hub, 250, None, None).await;
    assert_eq!(done.delivered.counts.sent, 249);
    assert_eq!(done.delivered.counts.quarantined["InvalidInput"], 1);
    assert_eq!(done.quarantined[0]["id"], "finding-150");
    assert_eq!(done.quarantined[0]["message"], "so it is");
    assert_eq!(done.quarantined[0]["finding"]["Id"], "finding-150");
}

#[tokio::test(start_paused = true)]
async fn a_batch_refused_whole_is_bisected_until_the_guilty_one_stands_alone() {
    let hub = RuleHub::new(|_, _, ids| {
        if ids.iter().any(|id| id == "finding-42") {
            let (code, message) = ("InvalidInputException".to_owned(), "no".to_owned());
            Err(CallError::Refused { code, message })
        } else {
            stored(ids)
        }
    });
    let done = deliver(&hub, 100, None, None).await;
    assert_eq!(done.delivered.counts.sent, 99);
    assert_eq!(done.quarantined.len(), 1);
    assert_eq!(done.quarantined[0]["id"], "finding-42");
    assert!(hub.calls() <= 16, "{} calls to find one of a hundred", hub.calls());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_everything_is_not_asked_for_every_finding() {
    let hub = RuleHub::new(|_, _, _| {
        Err(CallError::Refused { code: "InvalidInputException".to_owned(), message: "no".to_owned() })
    });
    let done = deliver(&hub, 20_000, None, None).await;
    assert!(hub.calls() < 1000, "{} calls", hub.calls());
    assert_eq!(done.delivered.counts.sent, 0);
    assert!(done.delivered.counts.undelivered["service_error"] > 19_000);
}

#[tokio::test(start_paused = true)]
async fn throttles_errors_and_lost_answers_are_outlasted() {
    let hub = RuleHub::new(|number, _, ids| match number % 4 {
        0 => Err(CallError::Throttled("Too Many Requests".to_owned())),
        1 => Err(CallError::Transient("connection reset".to_owned())),
        2 => Err(CallError::ExpiredToken("expired".to_owned())),
        _ => stored(ids),
    });
    let done = deliver(&hub, 1000, None, None).await;
    assert_eq!(done.delivered.counts.sent, 1000);
    let region = done.delivered.regions.values().next().unwrap();
    assert!(region.throttled > 0 && region.retried > 0);
    assert_eq!(region.calls, hub.calls() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_broken_is_left_alone_and_nothing_is_called_sent() {
    let hub = RuleHub::new(|_, _, _| Err(CallError::Transient("503".to_owned())));
    let done = deliver(&hub, 50_000, None, None).await;
    assert_eq!(done.delivered.counts.undelivered["service_error"], 50_000);
    let patience = Settings::default();
    assert!(hub.calls() <= (patience.attempts_max * (patience.failed_batches_max + 1)) as usize);
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_numbers_disagree_is_not_believed() {
    let hub = RuleHub::new(|number, _, ids| match number {
        1 => Ok(ImportOutcome { success_count: ids.len(), failed_count: 3, failed: Vec::new() }),
        2 => failing(&[vec!["a stranger".to_owned()], ids[1..].to_vec()].concat(), "InternalFailure", |id| {
            id == "a stranger"
        }),
        _ => stored(ids),
    });
    let done = deliver(&hub, 100, None, None).await;
    assert_eq!(done.delivered.counts.sent, 100);
    assert_eq!(hub.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_off_is_asked_once_and_named_with_its_mend() {
    let mut hub = RuleHub::new(|_, _, _| Err(CallError::AccessDenied("User: x is not authorized".to_owned())));
    hub.state = Err(CallError::InvalidAccess("Account 123456789012 is not subscribed to AWS Security Hub".to_owned()));
    let done = deliver(&hub, 5000, None, None).await;
    assert_eq!(hub.calls(), 1);
    assert_eq!(done.delivered.counts.region_unavailable[HOME]["hub_not_enabled"], 5000);
    let unavailable = done.delivered.regions.values().next().unwrap().unavailable.clone().unwrap();
    assert!(unavailable.mend.contains("enable-security-hub") && unavailable.mend.contains("--region eu-west-1"));
}

#[tokio::test(start_paused = true)]
async fn hub_off_in_the_failed_findings_is_the_same_as_a_refused_call() {
    let mut hub = RuleHub::new(|_, _, ids| failing(ids, "InvalidAccess", |_| true));
    hub.state = Ok(HubState { product_accepted: false });
    let done = deliver(&hub, 300, None, None).await;
    assert_eq!(hub.calls(), 1);
    assert_eq!(done.delivered.counts.region_unavailable[HOME]["product_not_accepted"], 300);
}

#[tokio::test(start_paused = true)]
async fn what_a_region_does_not_take_goes_to_the_fallback_region() {
    let mut hub = RuleHub::new(|_, region, ids| {
        if region == HOME { Err(CallError::AccessDenied("no".to_owned())) } else { stored(ids) }
    });
    hub.state = Ok(HubState { product_accepted: false });
    let done = deliver(&hub, 1234, Some("us-east-1"), None).await;
    assert_eq!(done.delivered.counts.sent, 1234);
    assert_eq!(done.delivered.counts.redirected, 1234);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_time_leaves_the_rest_to_a_later_run() {
    let hub = RuleHub::new(|_, _, ids| stored(ids));
    let done = deliver(&hub, 20_000, None, Some(Duration::from_secs(5))).await;
    let counts = &done.delivered.counts;
    assert!(counts.sent >= 7000 && counts.undelivered["out_of_time"] > 0, "{counts:?}");
    assert!(done.elapsed < Duration::from_secs(9), "took {:?}", done.elapsed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Promise 1, everything is counted: whatever the service does.
    #[test]
    fn every_finding_has_exactly_one_fate(
        findings in 0usize..700,
        weather in prop::collection::vec(0u8..11, 1..40),
        fallback in any::<bool>(),
        seconds in prop::option::of(0u64..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let hub = RuleHub::new(move |number, region, ids| {
                let salt = if region == HOME { 0 } else { 5 };
                match weather[(number + salt) % weather.len()] {
                    0 => Err(CallError::Throttled("slow down".to_owned())),
                    1 => Err(CallError::Transient("503".to_owned())),
                    2 => Err(CallError::ExpiredToken("expired".to_owned())),
                    3 => Err(CallError::Refused { code: "InvalidInputException".to_owned(), message: String::new() }),
                    4 if number > 3 => Err(CallError::AccessDenied("no".to_owned())),
                    5 => failing(ids, "InternalFailure", |id| id.ends_with('3')),
                    6 => failing(ids, "InvalidInput", |id| id.ends_with("77")),
                    7 if number > 5 => Err(CallError::Unreachable("no route".to_owned())),
                    8 => Ok(ImportOutcome::default()),
                    _ => stored(ids),
                }
            });
            let fallback = fallback.then_some("us-east-1");
            // `deliver` asserts that the fates add up.
            deliver(&hub, findings, fallback, seconds.map(Duration::from_secs)).await;
        });
    }
}

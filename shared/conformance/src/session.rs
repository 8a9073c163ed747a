//! The calls of a run: paced, retried, and recorded.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asff::RegionName;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::answer::Answer;
use crate::draft::{self, Draft};
use crate::ledger::Ledger;
use crate::service::{Call, Service};
use crate::stop::Stop;
use crate::target::{ID_PREFIX, Options, Target};

/// Attempts of a call that is throttled, or that has no answer.
const ATTEMPTS_MAX: u32 = 5;
/// Time before the second attempt; it doubles with each one.
const BACKOFF: Duration = Duration::from_secs(1);
/// Time between two reads of a finding that has not changed yet.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Age of the first `UpdatedAt` of a finding, so that later ones are not in the future.
const FIRST_UPDATE_AGE: SignedDuration = SignedDuration::from_mins(1);
/// How many times the longest delay of a read a finding must stay unchanged to count as unchanged.
const SETTLE_FACTOR: u32 = 3;
/// Findings on a page, the service's maximum.
const PAGE_FINDINGS: usize = 100;
/// Pages that are read at most, so that a service whose tokens never end can't keep a run.
const PAGES_MAX: usize = 1_000;

/// How long a run waits.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Time between two `GetFindings` calls.
    pub read_interval: Duration,
    /// Maximum time until a read shows an import.
    pub visibility_timeout: Duration,
    /// Minimum time after which a finding counts as unchanged.
    pub settle: Duration,
}

/// What an import was answered.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    pub(crate) answer: Answer,
    /// `SuccessCount`.
    pub(crate) success: Option<u64>,
    /// `FailedCount`.
    pub(crate) failed: Option<u64>,
}

/// A read that waited for a finding.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// The finding as it was read last.
    pub(crate) finding: Value,
    /// Whether it is as expected.
    pub(crate) matched: bool,
    /// Time since the first read.
    pub(crate) after: Duration,
}

/// The calls of a run.
pub struct Session<'s> {
    service: &'s dyn Service,
    /// Whose Security Hub it is.
    pub(crate) target: Target,
    /// What the run may do in addition.
    pub(crate) options: Options,
    /// The ID of the run, which is in the Ids of its findings.
    pub(crate) run: String,
    pub(crate) timing: Timing,
    ledger: Mutex<Ledger>,
    next_read: Mutex<Option<Instant>>,
    /// Longest time until a read showed an import, milliseconds.
    lag_ms_max: AtomicU64,
    /// Whether `GetFindings` doesn't return archived findings, so that findings must be active to be observed.
    needs_active: AtomicBool,
    /// Whether imports don't become visible at all.
    is_blind: AtomicBool,
}

impl<'s> Session<'s> {
    /// A session without calls so far. `run`: an ID that no earlier run has.
    pub fn new(service: &'s dyn Service, target: Target, run: &str, options: Options, timing: Timing) -> Self {
        Self {
            service,
            target,
            options,
            run: run.to_owned(),
            timing,
            ledger: Mutex::default(),
            next_read: Mutex::default(),
            lag_ms_max: AtomicU64::new(0),
            needs_active: AtomicBool::new(false),
            is_blind: AtomicBool::new(false),
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A finding that is archived, or active if archived ones can't be observed.
    pub(crate) fn draft(&self, name: &str) -> Draft {
        let now = now();
        let at = now.saturating_sub(FIRST_UPDATE_AGE).unwrap_or(now);
        // A whole second, so that the next millisecond is in the same one.
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let draft = Draft::new(&self.target, &self.run, name, at);
        if self.needs_active.load(Ordering::Relaxed) { draft.active() } else { draft }
    }

    /// From now on, findings are active.
    pub(crate) fn use_active_findings(&self) {
        self.needs_active.store(true, Ordering::Relaxed);
    }

    /// From now on, no read waits: imports don't become visible.
    pub(crate) fn give_up_reading(&self) {
        self.is_blind.store(true, Ordering::Relaxed);
    }

    /// The longest time until a read showed an import.
    pub(crate) fn lag_max(&self) -> Duration {
        Duration::from_millis(self.lag_ms_max.load(Ordering::Relaxed))
    }

    /// Makes a call, retried while it is throttled or fails transiently.
    pub(crate) async fn call(&self, region: RegionName, call: Call) -> Result<Answer, Stop> {
        let mut backoff = BACKOFF;
        for attempt in 1.. {
            if matches!(call, Call::Find(_)) {
                self.pace().await;
            }
            let answer = self.service.call(region, call.clone()).await;
            let is_last = attempt == ATTEMPTS_MAX;
            match answer {
                Ok(answer) if !answer.is_transient() => return Ok(answer),
                Ok(answer) if is_last => return Err(Stop::Unavailable(answer.text())),
                Err(error) if is_last => return Err(Stop::Unavailable(error.to_string())),
                Ok(_) | Err(_) => sleep(backoff).await,
            }
            backoff *= 2;
        }
        Err(Stop::Unavailable("no attempt was made".to_owned()))
    }

    /// Waits for the turn of a read: the quota of `GetFindings` is shared with consoles and SIEMs.
    async fn pace(&self) {
        let turn = {
            let mut next = self.next_read.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(turn + self.timing.read_interval);
            turn
        };
        sleep_until(turn).await;
    }

    /// Imports findings and returns the answer, whatever it says about the findings.
    ///
    /// # Errors
    ///
    /// If the answer is about the caller or the service.
    pub(crate) async fn import(&self, drafts: &[Draft]) -> Result<Imported, Stop> {
        {
            let mut ledger = self.ledger();
            drafts.iter().for_each(|draft| ledger.record(draft));
        }
        let findings: Vec<Value> = drafts.iter().map(Draft::json).collect();
        let call = Call::Import(draft::body(&findings));
        let action = call.action();
        let answer = self.call(self.target.region, call).await?;
        match Stop::of_answer(action, &answer) {
            Some(stop) => Err(stop),
            None => Ok(Imported::new(answer)),
        }
    }

    /// Imports a finding that must be accepted.
    pub(crate) async fn put(&self, draft: &Draft) -> Result<(), Stop> {
        let imported = self.import(std::slice::from_ref(draft)).await?;
        if imported.is_accepted(1) { Ok(()) } else { Err(Stop::Rejected(imported.text())) }
    }

    /// One page of `GetFindings`.
    pub(crate) async fn page(&self, request: &Value) -> Result<Answer, Stop> {
        let call = Call::Find(request.to_string().into());
        let action = call.action();
        let answer = self.call(self.target.region, call).await?;
        Stop::of_answer(action, &answer).map_or(Ok(answer), Err)
    }

    /// The finding with an Id, read as the exporter reads it.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Value>, Stop> {
        let product = self.target.partition.product_arn(self.target.region);
        let filters = json!({ "ProductArn": equals(&product), "Id": equals(id) });
        let answer = self.page(&json!({ "Filters": filters, "MaxResults": PAGE_FINDINGS })).await?;
        Ok(findings(&answer).into_iter().find(|finding| finding["Id"] == id))
    }

    /// Reads a finding until it is as expected, or for the time that a read may lag.
    ///
    /// # Errors
    ///
    /// [`Stop::NotVisible`] if it is never returned.
    pub(crate) async fn watch(&self, id: &str, expected: impl Fn(&Value) -> bool + Send) -> Result<Watched, Stop> {
        let timeout = self.timing.visibility_timeout;
        if self.is_blind.load(Ordering::Relaxed) {
            return Err(Stop::NotVisible(timeout.as_secs()));
        }
        let begun = Instant::now();
        loop {
            let found = self.find(id).await?;
            let after = begun.elapsed();
            let matched = found.as_ref().is_some_and(&expected);
            if matched {
                let lag = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                self.lag_ms_max.fetch_max(lag, Ordering::Relaxed);
            }
            match found {
                Some(finding) if matched || after >= timeout => return Ok(Watched { finding, matched, after }),
                None if after >= timeout => return Err(Stop::NotVisible(timeout.as_secs())),
                _ => sleep(POLL_INTERVAL.min(timeout)).await,
            }
        }
    }

    /// Imports a finding that must be accepted, and waits until it is read in this version.
    pub(crate) async fn put_and_watch(&self, draft: &Draft) -> Result<Watched, Stop> {
        self.put(draft).await?;
        let updated_at = draft.at();
        self.watch(draft.id(), |finding| time(finding, "UpdatedAt") == Some(updated_at)).await
    }

    /// The finding after the time in which a read can lag: what it shows then, it keeps.
    pub(crate) async fn settled(&self, id: &str) -> Result<Value, Stop> {
        let lag = (self.lag_max() * SETTLE_FACTOR).min(self.timing.visibility_timeout);
        sleep(self.timing.settle.max(lag)).await;
        let found = self.find(id).await?;
        found.ok_or(Stop::NotVisible(self.timing.visibility_timeout.as_secs()))
    }

    /// Every page of findings of this tool that are active, of one run or of all.
    pub(crate) async fn active(&self, run: Option<&str>) -> Result<Vec<Value>, Stop> {
        let prefix = run.map_or_else(|| ID_PREFIX.to_owned(), |run| format!("{ID_PREFIX}{run}/"));
        let mut filters = self.standard_filters("ACTIVE");
        filters["Id"] = json!([{ "Value": prefix, "Comparison": "PREFIX" }]);
        let mut request = json!({ "Filters": filters, "MaxResults": PAGE_FINDINGS });
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.page(&request).await?;
            if !answer.is_ok() {
                return Err(Stop::Rejected(answer.text()));
            }
            // A service that ignores filters must not make us archive findings of others.
            let is_ours = |finding: &Value| {
                finding["Id"].as_str().is_some_and(|id| id.starts_with(&prefix)) && finding["RecordState"] != "ARCHIVED"
            };
            found.extend(findings(&answer).into_iter().filter(is_ours));
            match answer.body["NextToken"].as_str() {
                Some(next) => request["NextToken"] = next.into(),
                None => break,
            }
        }
        Ok(found)
    }

    /// The filters with which the exporter reads an account's findings in a Region.
    pub(crate) fn standard_filters(&self, record_state: &str) -> Value {
        let Target { account, partition, region } = self.target;
        json!({
            "ProductArn": equals(&partition.product_arn(region)),
            "AwsAccountId": equals(account.as_str()),
            "Region": equals(region.as_str()),
            "RecordState": equals(record_state),
        })
    }
}

impl Imported {
    fn new(answer: Answer) -> Self {
        let count = |name: &str| answer.body[name].as_u64();
        let (success, failed) = (count("SuccessCount"), count("FailedCount"));
        Self { answer, success, failed }
    }

    /// Whether all of so many findings were accepted.
    pub(crate) fn is_accepted(&self, findings: u64) -> bool {
        self.answer.is_ok() && (self.success, self.failed) == (Some(findings), Some(0))
    }

    /// The entry of a finding in `FailedFindings`.
    pub(crate) fn failure(&self, id: &str) -> Option<&Value> {
        self.failures().find(|failure| failure["Id"] == id)
    }

    fn failures(&self) -> impl Iterator<Item = &Value> {
        self.answer.body["FailedFindings"].as_array().into_iter().flatten()
    }

    /// Whether all findings were rejected as invalid, or the whole call.
    pub(crate) fn is_rejected(&self) -> bool {
        if self.answer.is_ok() {
            return self.success == Some(0) && self.failures().all(|failure| code(failure).starts_with("InvalidInput"));
        }
        (400..500).contains(&self.answer.status)
    }

    /// The answer in one line.
    pub(crate) fn text(&self) -> String {
        if !self.answer.is_ok() {
            return self.answer.text();
        }
        let number = |count: Option<u64>| count.map_or("missing".to_owned(), |count| count.to_string());
        let counts = format!("HTTP 200, SuccessCount {}, FailedCount {}", number(self.success), number(self.failed));
        let first = self.failures().next();
        first.map_or(counts.clone(), |first| {
            format!("{counts}, {}: {}", code(first), first["ErrorMessage"].as_str().unwrap_or_default())
        })
    }
}

/// The error code of an entry of `FailedFindings`.
fn code(failure: &Value) -> &str {
    failure["ErrorCode"].as_str().unwrap_or_default()
}

/// A time so many milliseconds later, or earlier if negative.
pub(crate) fn later(at: Timestamp, ms: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(at)
}

/// The current time, in milliseconds as in a finding.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The findings of a page.
pub(crate) fn findings(answer: &Answer) -> Vec<Value> {
    answer.body["Findings"].as_array().cloned().unwrap_or_default()
}

/// A time of a finding.
pub(crate) fn time(finding: &Value, name: &str) -> Option<Timestamp> {
    finding[name].as_str()?.parse().ok()
}

fn equals(value: &str) -> Value {
    json!([{ "Value": value, "Comparison": "EQUALS" }])
}

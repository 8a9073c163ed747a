//! The calls of a run. They are rate-limited, retried, and recorded.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asff::RegionName;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::draft::{self, Draft};
use crate::ledger::Ledger;
use crate::response::ServiceResponse;
use crate::service::{Call, Service};
use crate::stop::Stop;
use crate::target::{ID_PREFIX, Options, Target};

/// Maximum number of attempts of a call that is throttled or gets no response.
const ATTEMPTS_MAX: u32 = 5;
/// Delay before the second attempt. It doubles with each attempt.
const BACKOFF: Duration = Duration::from_secs(1);
/// Interval between two reads of a finding that is not as expected yet.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Age of the first `UpdatedAt` of a finding, so that the `UpdatedAt` of later versions is not in the future.
const FIRST_UPDATE_AGE: SignedDuration = SignedDuration::from_mins(1);
/// A finding counts as unchanged after this multiple of the longest delay of a read.
const SETTLE_FACTOR: u32 = 3;
/// Number of findings per page: the maximum of the service.
const PAGE_FINDINGS: usize = 100;
/// Maximum number of pages that are read, so that a service that always returns a token can't block a run.
const PAGES_MAX: usize = 1_000;

/// Intervals and timeouts of a run.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Minimum interval between two `GetFindings` calls.
    pub read_interval: Duration,
    /// Maximum time until a read returns an import.
    pub visibility_timeout: Duration,
    /// Minimum time after which a finding counts as unchanged.
    pub settle: Duration,
}

/// The response to an import.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    pub(crate) response: ServiceResponse,
    /// `SuccessCount`.
    pub(crate) success: Option<u64>,
    /// `FailedCount`.
    pub(crate) failed: Option<u64>,
}

/// The result of waiting for a finding.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// The finding as it was last read.
    pub(crate) finding: Value,
    /// Whether the finding is as expected.
    pub(crate) matched: bool,
    /// Time since the first read.
    pub(crate) after: Duration,
}

/// The calls of a run.
pub struct Session<'s> {
    service: &'s dyn Service,
    /// The Security Hub that is checked.
    pub(crate) target: Target,
    /// Additional checks that the run may make.
    pub(crate) options: Options,
    /// The ID of the run, which is in the Ids of its findings.
    pub(crate) run: String,
    pub(crate) timing: Timing,
    ledger: Mutex<Ledger>,
    next_read: Mutex<Option<Instant>>,
    /// Longest time in milliseconds until a read returned an import.
    lag_ms_max: AtomicU64,
    /// Whether `GetFindings` doesn't return archived findings, so that checks must import active findings to observe them.
    needs_active: AtomicBool,
    /// Whether `GetFindings` never returns imports.
    is_blind: AtomicBool,
}

impl<'s> Session<'s> {
    /// A session without any calls yet. `run` is an ID that no earlier run has.
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

    /// A finding that is archived, or active if archived findings can't be observed.
    pub(crate) fn draft(&self, name: &str) -> Draft {
        let now = now();
        let at = now.saturating_sub(FIRST_UPDATE_AGE).unwrap_or(now);
        // Whole seconds, so that the next millisecond is in the same second.
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let draft = Draft::new(&self.target, &self.run, name, at);
        if self.needs_active.load(Ordering::Relaxed) { draft.active() } else { draft }
    }

    /// Makes all further findings active.
    pub(crate) fn use_active_findings(&self) {
        self.needs_active.store(true, Ordering::Relaxed);
    }

    /// Makes all further reads fail without waiting, because imports don't become visible.
    pub(crate) fn give_up_reading(&self) {
        self.is_blind.store(true, Ordering::Relaxed);
    }

    /// The longest time until a read returned an import.
    pub(crate) fn lag_max(&self) -> Duration {
        Duration::from_millis(self.lag_ms_max.load(Ordering::Relaxed))
    }

    /// Makes a call. Retries it if it is throttled or fails transiently.
    pub(crate) async fn call(&self, region: RegionName, call: Call) -> Result<ServiceResponse, Stop> {
        let mut backoff = BACKOFF;
        for attempt in 1.. {
            if matches!(call, Call::Find(_)) {
                self.pace().await;
            }
            let response = self.service.call(region, call.clone()).await;
            let is_last = attempt == ATTEMPTS_MAX;
            match response {
                Ok(response) if !response.is_transient() => return Ok(response),
                Ok(response) if is_last => return Err(Stop::Unavailable(response.text())),
                Err(error) if is_last => return Err(Stop::Unavailable(error.to_string())),
                Ok(_) | Err(_) => sleep(backoff).await,
            }
            backoff *= 2;
        }
        Err(Stop::Unavailable("no attempt was made".to_owned()))
    }

    /// Delays a read to limit the rate: consoles and SIEMs share the quota of `GetFindings`.
    async fn pace(&self) {
        let turn = {
            let mut next = self.next_read.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(turn + self.timing.read_interval);
            turn
        };
        sleep_until(turn).await;
    }

    /// Imports findings and returns the response, even if the service rejected the findings.
    ///
    /// # Errors
    ///
    /// If the response is an error of credentials, permissions, or availability.
    pub(crate) async fn import(&self, drafts: &[Draft]) -> Result<Imported, Stop> {
        {
            let mut ledger = self.ledger();
            drafts.iter().for_each(|draft| ledger.record(draft));
        }
        let findings: Vec<Value> = drafts.iter().map(Draft::json).collect();
        let call = Call::Import(draft::body(&findings));
        let action = call.action();
        let response = self.call(self.target.region, call).await?;
        match Stop::from_response(action, &response) {
            Some(stop) => Err(stop),
            None => Ok(Imported::new(response)),
        }
    }

    /// Imports a finding that must be accepted.
    pub(crate) async fn put(&self, draft: &Draft) -> Result<(), Stop> {
        let imported = self.import(std::slice::from_ref(draft)).await?;
        if imported.is_accepted(1) { Ok(()) } else { Err(Stop::Rejected(imported.text())) }
    }

    /// One page of `GetFindings`.
    pub(crate) async fn page(&self, request: &Value) -> Result<ServiceResponse, Stop> {
        let call = Call::Find(request.to_string().into());
        let action = call.action();
        let response = self.call(self.target.region, call).await?;
        Stop::from_response(action, &response).map_or(Ok(response), Err)
    }

    /// Finds a finding by its Id, with the same request as the exporter.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Value>, Stop> {
        let product = self.target.partition.product_arn(self.target.region);
        let filters = json!({ "ProductArn": equals(&product), "Id": equals(id) });
        let response = self.page(&json!({ "Filters": filters, "MaxResults": PAGE_FINDINGS })).await?;
        Ok(findings(&response).into_iter().find(|finding| finding["Id"] == id))
    }

    /// Reads a finding until it is as expected, or until the visibility timeout.
    ///
    /// # Errors
    ///
    /// [`Stop::NotVisible`] if the finding is never returned.
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

    /// Imports a finding that must be accepted, and waits until a read returns this version.
    pub(crate) async fn put_and_watch(&self, draft: &Draft) -> Result<Watched, Stop> {
        self.put(draft).await?;
        let updated_at = draft.at();
        self.watch(draft.id(), |finding| time(finding, "UpdatedAt") == Some(updated_at)).await
    }

    /// Reads a finding after the time for which a read can be delayed. From then on, the finding counts as unchanged.
    pub(crate) async fn settled(&self, id: &str) -> Result<Value, Stop> {
        let lag = (self.lag_max() * SETTLE_FACTOR).min(self.timing.visibility_timeout);
        sleep(self.timing.settle.max(lag)).await;
        let found = self.find(id).await?;
        found.ok_or(Stop::NotVisible(self.timing.visibility_timeout.as_secs()))
    }

    /// All active findings that this tool imported in one run, or in all runs.
    pub(crate) async fn active(&self, run: Option<&str>) -> Result<Vec<Value>, Stop> {
        let prefix = run.map_or_else(|| ID_PREFIX.to_owned(), |run| format!("{ID_PREFIX}{run}/"));
        let mut filters = self.standard_filters("ACTIVE");
        filters["Id"] = json!([{ "Value": prefix, "Comparison": "PREFIX" }]);
        let mut request = json!({ "Filters": filters, "MaxResults": PAGE_FINDINGS });
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let response = self.page(&request).await?;
            if !response.is_ok() {
                return Err(Stop::Rejected(response.text()));
            }
            // A service that ignores filters must not make the clean-up archive findings of other tools.
            let is_ours = |finding: &Value| {
                finding["Id"].as_str().is_some_and(|id| id.starts_with(&prefix)) && finding["RecordState"] != "ARCHIVED"
            };
            found.extend(findings(&response).into_iter().filter(is_ours));
            match response.body["NextToken"].as_str() {
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
    fn new(response: ServiceResponse) -> Self {
        let count = |name: &str| response.body[name].as_u64();
        let (success, failed) = (count("SuccessCount"), count("FailedCount"));
        Self { response, success, failed }
    }

    /// Whether all findings were accepted. `findings` is their number.
    pub(crate) fn is_accepted(&self, findings: u64) -> bool {
        self.response.is_ok() && (self.success, self.failed) == (Some(findings), Some(0))
    }

    /// The entry of a finding in `FailedFindings`.
    pub(crate) fn failure(&self, id: &str) -> Option<&Value> {
        self.failures().find(|failure| failure["Id"] == id)
    }

    fn failures(&self) -> impl Iterator<Item = &Value> {
        self.response.body["FailedFindings"].as_array().into_iter().flatten()
    }

    /// Whether all findings were rejected as invalid, or the whole call was rejected.
    pub(crate) fn is_rejected(&self) -> bool {
        if self.response.is_ok() {
            return self.success == Some(0) && self.failures().all(|failure| code(failure).starts_with("InvalidInput"));
        }
        (400..500).contains(&self.response.status)
    }

    /// Formats the response on one line.
    pub(crate) fn text(&self) -> String {
        if !self.response.is_ok() {
            return self.response.text();
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

/// Adds milliseconds to a time. They may be negative.
pub(crate) fn later(at: Timestamp, ms: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(at)
}

/// The current time, truncated to milliseconds as in findings.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The findings of a page.
pub(crate) fn findings(response: &ServiceResponse) -> Vec<Value> {
    response.body["Findings"].as_array().cloned().unwrap_or_default()
}

/// A time in a finding.
pub(crate) fn time(finding: &Value, name: &str) -> Option<Timestamp> {
    finding[name].as_str()?.parse().ok()
}

fn equals(value: &str) -> Value {
    json!([{ "Value": value, "Comparison": "EQUALS" }])
}

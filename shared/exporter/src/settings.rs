//! The numbers of an export, each with its unit and its reason. Quotas are settings, because AWS raises them.

use std::time::Duration;

/// Findings in one call at most (`BatchImportFindings`, service model).
pub const BATCH_FINDINGS_MAX: usize = 100;
/// Bytes of one request body at most: 6 MB, read as decimal to be on the safe side.
pub const BATCH_BYTES_MAX: usize = 6_000_000;

/// The share of the time left that is kept to drain at most: a quarter.
pub const DRAIN_SHARE: u32 = 4;

/// How an export behaves towards the service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `BatchImportFindings` calls per second per account and Region. The service's quota is 10; 0 means unlimited.
    pub import_calls_per_second: u32,
    /// Calls that may be made at once after a pause. The service's quota is 30.
    pub import_calls_burst: u32,
    /// Calls of one account and Region in flight at most. At the quota of 10 a second this holds up to a latency of 3 s.
    pub calls_in_flight_max: usize,
    /// Bytes in flight over all Regions at most: bounds the memory of an export.
    pub in_flight_bytes_max: usize,
    /// Findings that wait for one Region's worker before the reader waits as well. A whole batch, so that one can be
    /// filled while another is sent.
    pub worker_queue_max: usize,
    /// Workers, each of one account and Region, that are open at once at most: each takes some 200 KB. Above it, the accounts whose
    /// last entry in the file is furthest back are suspended. The account that is being read may have more. With 0, an account is
    /// suspended after each of its entries, which only tests want.
    pub open_workers_max: usize,
    /// Accounts that are suspended at once, and that are finished at once at the end of a file.
    pub finishing_accounts_max: usize,
    /// Attempts at one call that fails for a transient reason.
    pub attempts_max: u32,
    /// Attempts at one call that is throttled: others share the quota, so patience pays.
    pub throttled_attempts_max: u32,
    /// The first pause between attempts; it doubles, and a random part of it is waited.
    pub backoff_base: Duration,
    /// The longest pause between attempts.
    pub backoff_max: Duration,
    /// Batches given up in a row after which a Region is left alone for this run.
    pub failed_batches_max: u32,
    /// What is kept of the time to drain, write and record when an export has a deadline, but never more than
    /// [`DRAIN_SHARE`] of it.
    pub drain_reserve: Duration,
    /// Options that the `hubctl` commands of a report need to find the run again, such as ` --state DIR` without a
    /// deployment. Empty in a deployment.
    pub command_options: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            import_calls_per_second: 10,
            import_calls_burst: 30,
            calls_in_flight_max: 30,
            in_flight_bytes_max: 24 * 1024 * 1024,
            worker_queue_max: BATCH_FINDINGS_MAX,
            open_workers_max: 170,
            finishing_accounts_max: 8,
            attempts_max: 8,
            throttled_attempts_max: 20,
            backoff_base: Duration::from_millis(200),
            backoff_max: Duration::from_secs(10),
            failed_batches_max: 2,
            drain_reserve: Duration::from_secs(60),
            command_options: String::new(),
        }
    }
}

//! The numbers of an export, each with its unit and its reason. Quotas are settings, because AWS can raise them.

use std::time::Duration;

/// Maximum number of findings in one call (`BatchImportFindings`, service model).
pub const BATCH_FINDINGS_MAX: usize = 100;
/// Maximum size of a request body in bytes: 6 MB, taken as decimal to be on the safe side.
pub const BATCH_BYTES_MAX: usize = 6_000_000;

/// The drain reserve is at most this fraction of the remaining time: a quarter.
pub const DRAIN_SHARE: u32 = 4;

/// The limits of an export toward Security Hub.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `BatchImportFindings` calls per second per account and Region. Security Hub's quota is 10; 0 means unlimited.
    pub import_calls_per_second: u32,
    /// Number of calls that can be made at once after a pause. Security Hub's quota is 30.
    pub import_calls_burst: u32,
    /// Maximum number of calls in flight for one account and Region. At the quota of 10 per second, this is sufficient up to
    /// a latency of 3 s.
    pub calls_in_flight_max: usize,
    /// Maximum number of bytes in flight for all Regions together, which bounds the memory of an export.
    pub in_flight_bytes_max: usize,
    /// Number of findings that can wait for one Region's worker before the reader waits too: a whole batch, so that one
    /// batch can be filled while another is sent.
    pub worker_queue_max: usize,
    /// Maximum number of open workers, each for one account and Region with some 200 KB of memory. Above it, the accounts
    /// that the file mentioned longest ago are suspended. The account that is being read may have more workers. With 0,
    /// which is for tests, an account is suspended after each of its entries.
    pub open_workers_max: usize,
    /// Maximum number of accounts that are being suspended at the same time, and that are being finished at the same time at
    /// the end of a file.
    pub finishing_accounts_max: usize,
    /// Number of attempts at a call that fails for a transient reason.
    pub attempts_max: u32,
    /// Number of attempts at a call that is throttled. It is higher because other callers share the quota.
    pub throttled_attempts_max: u32,
    /// The first pause between attempts. It doubles with each attempt, and a random part of it is waited.
    pub backoff_base: Duration,
    /// The longest pause between attempts.
    pub backoff_max: Duration,
    /// Number of consecutive failed batches after which a Region gets no more calls in this run.
    pub failed_batches_max: u32,
    /// Time before the deadline that is reserved to drain, write, and record, but never more than [`DRAIN_SHARE`] of the
    /// remaining time.
    pub drain_reserve: Duration,
    /// Options that the `hubctl` commands in a report need to find the run again, such as ` --state DIR` without a
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

//! Ports of management in addition to those of the exporter: connection tests and job submission.

use std::future::Future;

use asff::AccountId;
use exporter::connection::Connection;
use exporter::jobs::{JobRecord, JobReport, JobStore};
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{Audit, CheckLog, ListPage, Page, RunLog, Secrets, SettingsStore};
use exporter::ports::{AccountLocks, Clock, PortError};

/// All ports of management.
pub trait Ports:
    SettingsStore
    + Audit
    + Secrets
    + CheckLog
    + RunLog
    + AccountLocks
    + Clock
    + ConnectionTester
    + JobSubmitter
    + JobStore
    + Send
    + Sync
    + 'static
{
}

impl<T> Ports for T where
    T: SettingsStore
        + Audit
        + Secrets
        + CheckLog
        + RunLog
        + AccountLocks
        + Clock
        + ConnectionTester
        + JobSubmitter
        + JobStore
        + Send
        + Sync
        + 'static
{
}

/// Result of a check of all accounts of an integration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionTestResult {
    /// The accounts that were checked.
    pub connections: Vec<Connection>,
    /// Known accounts that were not checked: deadline exceeded, or the check ended without a result.
    pub unchecked: Vec<AccountId>,
    /// Other problems, such as a failure to list accounts.
    pub problems: Vec<String>,
}

/// Runs connection tests.
pub trait ConnectionTester {
    /// Checks every account of the provider's integration within the time limit, and stores the results. For an organization,
    /// checks its known accounts. The result lists the accounts that were not checked.
    fn test(&self, provider: &ProviderId) -> impl Future<Output = Result<ConnectionTestResult, PortError>> + Send;
}

/// Submits jobs to the exporter.
pub trait JobSubmitter {
    /// Records a job and enqueues it. After this returns, the job completes once, possibly after several attempts.
    fn submit(&self, record: &JobRecord) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Enqueues a failed job again ([`exporter::jobs::retry`]), and returns its new record. Returns `None`, and changes nothing,
    /// if the job has not failed.
    fn retry(&self, record: &JobRecord) -> impl Future<Output = Result<Option<JobRecord>, PortError>> + Send;

    /// The report of a plan or an explanation. `None` if the job has no report, or if its report was deleted.
    fn job_report(&self, id: &str) -> impl Future<Output = Result<Option<JobReport>, PortError>> + Send;

    /// Jobs, newest first.
    fn jobs(&self, page: &Page) -> impl Future<Output = Result<ListPage<JobRecord>, PortError>> + Send;
}

/// The caller: an ARN if the host knows it. The host adds it to the extensions of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub String);

/// Maximum length of a caller in bytes: the longest IAM ARN, with a path, has about 700. The audit log stores it permanently,
/// and returns it with each entry.
const CALLER_BYTES_MAX: usize = 2048;

impl Caller {
    /// A caller from a self-asserted name. `None` if the name is too long, or has characters that ARNs don't have: line breaks
    /// and control characters could forge entries in the displayed audit log.
    pub fn named(name: String) -> Option<Self> {
        let fits = (1..=CALLER_BYTES_MAX).contains(&name.len()) && name.bytes().all(|letter| letter.is_ascii_graphic());
        fits.then_some(Self(name))
    }
}

impl Default for Caller {
    /// An unknown caller.
    fn default() -> Self {
        Self("unknown".to_owned())
    }
}

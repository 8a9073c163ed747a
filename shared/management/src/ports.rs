//! What management needs of the world beside what the exporter keeps: checks on demand, and work for the exporter.

use std::future::Future;

use asff::AccountId;
use exporter::connection::Connection;
use exporter::jobs::{JobRecord, JobReport, JobStore};
use exporter::ports::{AccountLocks, Clock, PortError};
use exporter::provider::ProviderId;
use exporter::registry::{Audit, CheckLog, ListPage, Page, Registry, RunLog, Secrets};

/// All that management needs.
pub trait Ports:
    Registry
    + Audit
    + Secrets
    + CheckLog
    + RunLog
    + AccountLocks
    + Clock
    + Tests
    + JobSubmitter
    + JobStore
    + Send
    + Sync
    + 'static
{
}

impl<T> Ports for T where
    T: Registry
        + Audit
        + Secrets
        + CheckLog
        + RunLog
        + AccountLocks
        + Clock
        + Tests
        + JobSubmitter
        + JobStore
        + Send
        + Sync
        + 'static
{
}

/// What a check of all accounts of an integration found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// The accounts that were checked.
    pub connections: Vec<Connection>,
    /// Accounts that are known and were not checked: the time was over, or their check ended without a result.
    pub unchecked: Vec<AccountId>,
    /// What went wrong beside the verdicts: accounts that can't be listed, say.
    pub problems: Vec<String>,
}

/// Checks connections when an operator asks.
pub trait Tests {
    /// Checks every account that the provider's integration reaches, as far as time allows, and keeps what it found. Of an
    /// organization's accounts those of which something is known. Whatever was not checked is named.
    fn test(&self, provider: &ProviderId) -> impl Future<Output = Result<Tested, PortError>> + Send;
}

/// Gives the exporter work to do.
pub trait JobSubmitter {
    /// Records a job and places it. When this returns the job won't be lost; it runs once, though it may be
    /// tried more often.
    fn submit(&self, record: &JobRecord) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Puts a job that failed on the queue again ([`exporter::jobs::retry`]). Its record then; none, and nothing done, if it
    /// has not failed.
    fn retry(&self, record: &JobRecord) -> impl Future<Output = Result<Option<JobRecord>, PortError>> + Send;

    /// The report of a job that reports. None, if it has none, or it is deleted by now.
    fn job_report(&self, id: &str) -> impl Future<Output = Result<Option<JobReport>, PortError>> + Send;

    /// Jobs, newest first.
    fn jobs(&self, page: &Page) -> impl Future<Output = Result<ListPage<JobRecord>, PortError>> + Send;
}

/// Who asks: an ARN, as far as the host knows it. The host adds it to the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub String);

/// Bytes of a caller's name at most: the longest ARN of IAM, with a path, has some 700, and DynamoDB's keys have 1,024 or 2,048.
/// The audit log keeps it for good, and each answer of the audit log repeats it.
const CALLER_BYTES_MAX: usize = 2048;

impl Caller {
    /// The caller of a name that somebody else says. None, where it is too long, or has other characters than ARNs have: a line
    /// break or a control would forge the audit log for whoever reads it.
    pub fn named(name: String) -> Option<Self> {
        let fits = (1..=CALLER_BYTES_MAX).contains(&name.len()) && name.bytes().all(|letter| letter.is_ascii_graphic());
        fits.then_some(Self(name))
    }
}

impl Default for Caller {
    /// Somebody; the host does not know who.
    fn default() -> Self {
        Self("unknown".to_owned())
    }
}

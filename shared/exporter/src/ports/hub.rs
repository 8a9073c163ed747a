//! What the exporter needs of one account's Security Hub.

use std::future::Future;

use asff::RegionName;
use bytes::Bytes;

/// One account's Security Hub.
pub trait Hub {
    /// One `BatchImportFindings` call with a ready request body. Never retried by the implementer; after
    /// [`CallError::ExpiredToken`] its next call uses fresh credentials.
    fn import(&self, region: &RegionName, body: Bytes)
    -> impl Future<Output = Result<ImportOutcome, CallError>> + Send;

    /// When the Region's hub was enabled, if it says so (`DescribeHub`). Retried by the implementer.
    fn enabled_at(&self, region: &RegionName) -> impl Future<Output = Result<Option<String>, CallError>> + Send;

    /// One page of our product's findings about the account in this Region, as JSON (`GetFindings`; the same filter for every
    /// page: ProductArn, AwsAccountId and Region; active ones). Retried by the implementer.
    fn findings(
        &self,
        region: &RegionName,
        next: Option<String>,
    ) -> impl Future<Output = Result<Page, CallError>> + Send;

    /// The finding of our product with this Id, as JSON, whatever its state (`GetFindings`; the filter: ProductArn and Id).
    /// Retried by the implementer.
    fn finding(&self, region: &RegionName, id: &str) -> impl Future<Output = Result<Option<Bytes>, CallError>> + Send;

    /// Asks the Region's hub for its state: `DescribeHub`, then every page of the accepted products. Retried by the
    /// implementer.
    fn state(&self, region: &RegionName) -> impl Future<Output = Result<HubState, CallError>> + Send;
}

/// A page of findings.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Each finding as the service gives it.
    pub findings: Vec<Bytes>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// The state of an enabled hub. That it is off is [`CallError::InvalidAccess`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubState {
    /// Whether findings of the Prowler product are accepted.
    pub product_accepted: bool,
}

/// What the service answered to an import: HTTP 200, even if every finding failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOutcome {
    /// The service's count of stored findings.
    pub success_count: usize,
    /// The service's count of failed findings.
    pub failed_count: usize,
    /// Which failed.
    pub failed: Vec<FailedFinding>,
}

/// A finding that the service did not store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedFinding {
    /// The finding's Id.
    pub id: String,
    /// The service's code, such as `InvalidInput`.
    pub code: String,
    /// The service's message.
    pub message: String,
}

/// A call that failed as a whole, by what it means for us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Over the quota (429).
    #[error("throttled: {0}")]
    Throttled(String),
    /// 5xx, a time-out, a lost connection: the call may have been run or not.
    #[error("{0}")]
    Transient(String),
    /// The session ended in the middle of the run.
    #[error("the session's credentials expired: {0}")]
    ExpiredToken(String),
    /// The run's time was over before the answer: the call may have been run or not.
    #[error("the time of the run was over before the answer")]
    DeadlineExceeded,
    /// No answer from this Region's endpoint: its name does not resolve or nothing listens.
    #[error("no connection to the endpoint: {0}")]
    Unreachable(String),
    /// The Region does not know the caller's token: not opted in, or bad credentials.
    #[error("the Region does not accept the credentials: {0}")]
    UnrecognizedClient(String),
    /// 403: permission, SCP, product not accepted, foreign account.
    #[error("access denied: {0}")]
    AccessDenied(String),
    /// 401 `InvalidAccessException`: Security Hub is off.
    #[error("{0}")]
    InvalidAccess(String),
    /// 400, 413 or an authorizer that cannot read a finding: something in the batch is at fault.
    #[error("{code}: {message}")]
    Rejected {
        /// The service's code.
        code: String,
        /// The service's message.
        message: String,
    },
}

//! The operations of one account's Security Hub that the exporter needs.

use std::future::Future;

use asff::RegionName;
use bytes::Bytes;

/// The Security Hub of one account.
pub trait Hub {
    /// Makes one `BatchImportFindings` call with a complete request body. The implementation never retries it. After
    /// [`CallError::ExpiredToken`], its next call uses new credentials.
    fn import(&self, region: &RegionName, body: Bytes)
    -> impl Future<Output = Result<ImportOutcome, CallError>> + Send;

    /// When the Region's hub was enabled, if the response contains it (`DescribeHub`). The implementation retries it.
    fn enabled_at(&self, region: &RegionName) -> impl Future<Output = Result<Option<String>, CallError>> + Send;

    /// One page of the product's active findings about the account in this Region, as JSON (`GetFindings`, with the same
    /// filter for every page: ProductArn, AwsAccountId, and Region). The implementation retries it.
    fn findings(
        &self,
        region: &RegionName,
        next: Option<String>,
    ) -> impl Future<Output = Result<Page, CallError>> + Send;

    /// The product's finding with this ID, as JSON, in any state (`GetFindings`, filtered by ProductArn and Id). The
    /// implementation retries it.
    fn finding(&self, region: &RegionName, id: &str) -> impl Future<Output = Result<Option<Bytes>, CallError>> + Send;

    /// The state of the Region's hub: calls `DescribeHub`, then reads every page of the accepted products. The
    /// implementation retries it.
    fn state(&self, region: &RegionName) -> impl Future<Output = Result<HubState, CallError>> + Send;
}

/// A page of findings.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Each finding as Security Hub returned it.
    pub findings: Vec<Bytes>,
    /// The token of the next page. `None` if this is the last one.
    pub next: Option<String>,
}

/// The state of an enabled hub. A disabled hub is reported as [`CallError::InvalidAccess`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubState {
    /// Whether findings of the Prowler product are accepted.
    pub product_accepted: bool,
}

/// The response to an import: HTTP 200, even if every finding failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOutcome {
    /// `SuccessCount` of the response.
    pub success_count: usize,
    /// `FailedCount` of the response.
    pub failed_count: usize,
    /// The failed findings.
    pub failed: Vec<FailedFinding>,
}

/// A finding that Security Hub did not store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedFinding {
    /// The finding's ID.
    pub id: String,
    /// The error code, such as `InvalidInput`.
    pub code: String,
    /// The error message.
    pub message: String,
}

/// A call that failed as a whole, classified by what the exporter does about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The quota was exceeded (429).
    #[error("throttled: {0}")]
    Throttled(String),
    /// 5xx, a timeout, or a broken connection: the call may have been executed.
    #[error("{0}")]
    Transient(String),
    /// The session expired during the run.
    #[error("the session's credentials expired: {0}")]
    ExpiredToken(String),
    /// The run's time ended before the response: the call may have been executed.
    #[error("deadline exceeded before the response")]
    DeadlineExceeded,
    /// The Region's endpoint can't be reached: its name does not resolve, or nothing listens.
    #[error("no connection to the endpoint: {0}")]
    Unreachable(String),
    /// The Region does not recognize the caller's token: it is not enabled for the account, or the credentials are invalid.
    #[error("the Region does not accept the credentials: {0}")]
    UnrecognizedClient(String),
    /// 403: a missing permission, an SCP, a product that is not accepted, or another account's finding.
    #[error("access denied: {0}")]
    AccessDenied(String),
    /// 401 `InvalidAccessException`: Security Hub is not enabled.
    #[error("{0}")]
    InvalidAccess(String),
    /// 400, 413, or an authorizer that can't parse a finding: a part of the batch is invalid.
    #[error("{code}: {message}")]
    Rejected {
        /// The error code.
        code: String,
        /// The error message.
        message: String,
    },
}

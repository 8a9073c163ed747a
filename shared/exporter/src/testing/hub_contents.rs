//! The contents of the fake Security Hub, and its responses for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName};
use bytes::Bytes;

use crate::model::problem::Problem;
use crate::ports::{CallError, ImportOutcome};

/// A `BatchImportFindings` call, as a test's rule gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportCall {
    /// The number of the call among those of all accounts and Regions, starting at 1.
    pub number: usize,
    /// The Region.
    pub region: RegionName,
    /// The IDs of the findings, in their order.
    pub ids: Vec<String>,
}

/// The response to a call. `None`: the response according to the service's rules.
pub(super) type ImportRule = dyn Fn(&ImportCall) -> Option<Result<ImportOutcome, CallError>> + Send + Sync;

/// The contents of the hubs of all accounts, and their responses.
#[derive(Default)]
pub struct HubContents {
    /// Accounts whose credentials don't work.
    pub rejected: BTreeMap<AccountId, Problem>,
    /// Time to obtain credentials.
    pub connect_latency: Duration,
    /// Called with each account whose credentials are requested. May panic.
    pub on_connect: Option<fn(AccountId)>,
    /// Duration of each import.
    pub import_latency: Duration,
    /// Regions in which Security Hub is not enabled.
    pub disabled: BTreeSet<RegionName>,
    /// Regions in which findings of the Prowler product are not accepted.
    pub product_not_accepted: BTreeSet<RegionName>,
    /// Whether imported findings are discarded, so that a test of memory measures the exporter.
    pub discards_findings: bool,
    /// The findings by account, Region, and ID.
    pub findings: BTreeMap<(AccountId, RegionName, String), Bytes>,
    /// Number of imports.
    pub imports: usize,
    pub(super) rule: Option<Arc<ImportRule>>,
}

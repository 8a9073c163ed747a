//! What the fake Security Hub holds, and how a test has it respond.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName};
use bytes::Bytes;

use crate::ports::{CallError, ImportOutcome};
use crate::problem::Problem;

/// A `BatchImportFindings` call, as a test's rule sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportCall {
    /// Its number among the calls of all accounts and Regions, from 1 on.
    pub number: usize,
    /// The Region.
    pub region: RegionName,
    /// The Ids of its findings, in their order.
    pub ids: Vec<String>,
}

/// The response to a call. None: that of the service's rules.
pub(super) type ImportRule = dyn Fn(&ImportCall) -> Option<Result<ImportOutcome, CallError>> + Send + Sync;

/// What the hubs of all accounts hold, and how they respond.
#[derive(Default)]
pub struct HubContents {
    /// Accounts whose credentials don't work.
    pub rejected: BTreeMap<AccountId, Problem>,
    /// How long it takes to obtain credentials.
    pub connect_latency: Duration,
    /// Called with each account whose credentials are requested; it may panic.
    pub on_connect: Option<fn(AccountId)>,
    /// How long each import takes.
    pub import_latency: Duration,
    /// Regions in which Security Hub is not enabled.
    pub disabled: BTreeSet<RegionName>,
    /// Regions in which findings of the Prowler product are not accepted.
    pub product_not_accepted: BTreeSet<RegionName>,
    /// Whether imported findings are discarded, so that a test of memory measures the exporter.
    pub discards_findings: bool,
    /// The findings by account, Region, and Id.
    pub findings: BTreeMap<(AccountId, RegionName, String), Bytes>,
    /// How many imports were made.
    pub imports: usize,
    pub(super) rule: Option<Arc<ImportRule>>,
}

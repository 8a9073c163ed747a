//! The Security Hub to check, and the options of a run.

use asff::{AccountId, Partition, RegionName};

/// Prefix of the Ids of all findings that are imported here. The Ids of Prowler's findings begin with `prowler-`.
pub const ID_PREFIX: &str = "securityhub-exporter-verify/";

/// Security Hub in an account and a Region.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The account of the caller.
    pub account: AccountId,
    /// The partition of the account.
    pub partition: Partition,
    /// The Region.
    pub region: RegionName,
}

/// Options that make further checks possible.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A Region in which Security Hub is not enabled.
    pub disabled_region: Option<RegionName>,
    /// A Region in which Security Hub is enabled and the Prowler product is not accepted.
    pub unaccepted_region: Option<RegionName>,
    /// Whether to make calls that must be denied. CloudTrail records them.
    pub denied_calls: bool,
}

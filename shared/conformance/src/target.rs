//! Whose Security Hub is checked, and with what.

use asff::{AccountId, Partition, RegionName};

/// The beginning of the Ids of all findings that are imported here. The Ids of Prowler's findings begin with `prowler-`.
pub const ID_PREFIX: &str = "securityhub-exporter-verify/";

/// An account's Security Hub in a Region.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The account of the caller.
    pub account: AccountId,
    /// Its partition.
    pub partition: Partition,
    /// The Region.
    pub region: RegionName,
}

/// What a run may do in addition.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A Region in which Security Hub is not enabled.
    pub disabled_region: Option<RegionName>,
    /// A Region in which Security Hub is enabled and the Prowler product is not accepted.
    pub unaccepted_region: Option<RegionName>,
    /// Whether to make calls that must be denied, which CloudTrail records.
    pub denied_calls: bool,
}

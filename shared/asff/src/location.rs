//! The account, Region, and check of an entry that can't be mapped, as far as they are known. Only findings in this scope become
//! uncertain.

use crate::{AccountId, CheckId, RegionName};

/// The account, the Region, and the check of an entry that isn't a finding to send. `None` if the entry doesn't contain the
/// value: then it may be any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The account of the entry.
    pub account: Option<AccountId>,
    /// The Region whose Security Hub the entry belongs to.
    pub region: Option<RegionName>,
    /// The check of the entry.
    pub check_id: Option<CheckId>,
}

impl Location {
    /// Parses the parts as the entry contains them. An invalid part counts as missing.
    pub(crate) fn parse(account: &str, region: &str, check_id: &str) -> Self {
        Self { account: account.parse().ok(), region: region.parse().ok(), check_id: check_id.parse().ok() }
    }
}

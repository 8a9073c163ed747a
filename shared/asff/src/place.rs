//! Where an entry belongs, as far as it tells: what can't be mapped casts doubt on these findings and on no others.

use crate::{AccountId, CheckId, RegionName};

/// The account, the Region, and the check of an entry that isn't a finding to send. `None`: the entry doesn't tell, so it
/// could be any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The account that it is about.
    pub account: Option<AccountId>,
    /// The Region whose Security Hub it belongs to.
    pub region: Option<RegionName>,
    /// The check that made it.
    pub check_id: Option<CheckId>,
}

impl Place {
    /// Of the parts as the entry writes them; a part that has no valid form is as if it were missing.
    pub(crate) fn of(account: &str, region: &str, check_id: &str) -> Self {
        Self { account: account.parse().ok(), region: region.parse().ok(), check_id: check_id.parse().ok() }
    }
}

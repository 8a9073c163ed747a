//! Connections of accounts that nobody checks any more: of an account that left its organization, or got an integration of
//! its own, and of a provider whose integration was deleted. They would say for good what was true once.

use asff::AccountId;
use jiff::Timestamp;

use super::{CheckTargets, TargetList};
use crate::ports::PortError;
use crate::provider::ProviderId;

/// That a connection is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConnection {
    /// Its account.
    pub account: AccountId,
    /// The provider by whose integration the account was reached.
    pub provider: ProviderId,
    /// When it was checked.
    pub checked_at: Timestamp,
}

impl TargetList {
    /// Whether this was called for all accounts of a provider that may have lost some.
    fn knows_former_accounts(&self, is_of_all: bool) -> bool {
        self.integrated.is_some() && (is_of_all || !self.listed.is_empty())
    }

    fn is_stale(&self, holding: &StoredConnection) -> bool {
        match self.listed.get(&holding.provider) {
            Some(accounts) => !accounts.contains(&holding.account),
            None => self.integrated.as_ref().is_some_and(|all| !all.contains(&holding.provider)),
        }
    }
}

/// Forgets the connections of accounts that are not on the roll, which was called at `selected_at` or later: what was checked
/// since then may be of an account that joined meanwhile. How many they were. Those of an organization that could not be
/// listed, or whose integration is disabled, stay.
///
/// # Errors
///
/// When the connections can't be read or removed.
pub async fn delete_stale_connections<P: CheckTargets>(
    ports: &P,
    targets: &TargetList,
    is_of_all: bool,
    selected_at: Timestamp,
) -> Result<usize, PortError> {
    if !targets.knows_former_accounts(is_of_all) {
        return Ok(0);
    }
    let mut gone = ports.stored_connections().await?;
    gone.retain(|holding| holding.checked_at < selected_at && targets.is_stale(holding));
    if !gone.is_empty() {
        ports.delete_outdated(&gone).await?;
    }
    Ok(gone.len())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_connection_is_stale_if_its_account_is_on_no_known_list() {
        let account = |text: &str| text.repeat(12).parse::<AccountId>().unwrap();
        let id = |text: &str| text.parse::<ProviderId>().unwrap();
        let targets = TargetList {
            integrated: Some(BTreeSet::from([id("o-listed0000"), id("o-unlisted00"), account("1").into()])),
            listed: BTreeMap::from([(id("o-listed0000"), BTreeSet::from([account("2")]))]),
            ..TargetList::default()
        };
        let is_stale = |number: &str, provider: ProviderId| {
            targets.is_stale(&StoredConnection {
                account: account(number),
                provider,
                checked_at: Timestamp::UNIX_EPOCH,
            })
        };
        assert!(!is_stale("1", account("1").into()));
        assert!(!is_stale("2", id("o-listed0000")));
        assert!(is_stale("3", id("o-listed0000")), "it left");
        assert!(is_stale("1", id("o-listed0000")), "it has an integration of its own");
        assert!(!is_stale("3", id("o-unlisted00")), "its list is not known");
        assert!(is_stale("4", account("4").into()) && is_stale("5", id("o-deleted000")), "the integration was deleted");
    }
}

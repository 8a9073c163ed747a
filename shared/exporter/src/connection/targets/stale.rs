//! Stale connections: those of accounts that are no longer checked, because an account left its organization, got its own
//! integration, or its provider's integration was deleted. Such a connection would never be updated.

use asff::AccountId;
use jiff::Timestamp;

use super::{CheckTargets, TargetList};
use crate::model::provider::ProviderId;
use crate::ports::PortError;

/// A saved connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConnection {
    /// The account.
    pub account: AccountId,
    /// The provider through whose integration the account was reached.
    pub provider: ProviderId,
    /// When the connection was checked.
    pub checked_at: Timestamp,
}

impl TargetList {
    /// Whether this list is complete for a provider, so that former accounts can be recognized.
    fn knows_former_accounts(&self, is_of_all: bool) -> bool {
        self.integrated.is_some() && (is_of_all || !self.listed.is_empty())
    }

    fn is_stale(&self, stored: &StoredConnection) -> bool {
        match self.listed.get(&stored.provider) {
            Some(accounts) => !accounts.contains(&stored.account),
            None => self.integrated.as_ref().is_some_and(|all| !all.contains(&stored.provider)),
        }
    }
}

/// Deletes the connections of accounts that are not in the target list, which was selected at `selected_at` or later.
/// Connections that were checked since then are kept, as their account may have joined in the meantime. Connections of an
/// organization that could not be listed, or whose integration is disabled, are kept too. Returns the number of deleted
/// connections.
///
/// # Errors
///
/// If the connections can't be read or deleted.
pub async fn delete_stale_connections<P: CheckTargets>(
    ports: &P,
    targets: &TargetList,
    is_of_all: bool,
    selected_at: Timestamp,
) -> Result<usize, PortError> {
    if !targets.knows_former_accounts(is_of_all) {
        return Ok(0);
    }
    let mut stale = ports.stored_connections().await?;
    stale.retain(|stored| stored.checked_at < selected_at && targets.is_stale(stored));
    if !stale.is_empty() {
        ports.delete_outdated(&stale).await?;
    }
    Ok(stale.len())
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
        assert!(is_stale("3", id("o-listed0000")), "the account left the organization");
        assert!(is_stale("1", id("o-listed0000")), "the account has its own integration");
        assert!(!is_stale("3", id("o-unlisted00")), "the organization could not be listed");
        assert!(is_stale("4", account("4").into()) && is_stale("5", id("o-deleted000")), "the integration was deleted");
    }
}

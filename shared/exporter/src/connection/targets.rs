//! Check targets: the accounts that can be checked, each with the integration that reaches it.

mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use asff::AccountId;

pub use self::stale::{StoredConnection, delete_stale_connections};
use crate::connection::CheckTarget;
use crate::model::integration::Integration;
use crate::model::provider::{Provider, ProviderId};
use crate::ports::{Integrations, PortError};

/// Reads the settings and the accounts of organizations.
pub trait CheckTargets: Integrations {
    /// All integrations.
    fn integrations(&self) -> impl Future<Output = Result<Vec<Integration>, PortError>> + Send;

    /// A provider. `None` if it doesn't exist.
    fn provider(&self, id: &ProviderId) -> impl Future<Output = Result<Option<Provider>, PortError>> + Send;

    /// The accounts of an organization: as listed by AWS Organizations if that is permitted, otherwise those that were found
    /// before.
    fn organization_accounts(
        &self,
        organization: &ProviderId,
    ) -> impl Future<Output = Result<Vec<AccountId>, PortError>> + Send;

    /// The accounts that belonged to an organization and left it.
    fn former_members(
        &self,
        organization: &ProviderId,
    ) -> impl Future<Output = Result<BTreeSet<AccountId>, PortError>> + Send;

    /// The accounts whose scans were exported, with any integration.
    fn exported_accounts(&self) -> impl Future<Output = Result<Vec<AccountId>, PortError>> + Send;

    /// All saved connections.
    fn stored_connections(&self) -> impl Future<Output = Result<Vec<StoredConnection>, PortError>> + Send;

    /// Deletes connections. A connection that was replaced in the meantime is not deleted.
    fn delete_outdated(
        &self,
        stored_connections: &[StoredConnection],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The accounts to select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSelection {
    /// The accounts of every enabled integration.
    All,
    /// The accounts of these integrations, enabled or not.
    Integrations(Vec<ProviderId>),
    /// These accounts.
    Accounts(Vec<AccountId>),
}

/// The selected targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetList {
    /// The accounts, each once and with its integration.
    pub targets: Vec<CheckTarget>,
    /// Why requested accounts can't be checked.
    pub problems: Vec<String>,
    /// Organizations whose accounts could not be listed. New accounts are not checked, and their number is unknown.
    pub unlisted: Vec<ProviderId>,
    /// The providers that have an integration. `None` if they were not read.
    pub integrated: Option<BTreeSet<ProviderId>>,
    /// All accounts of the organizations that were listed.
    pub listed: BTreeMap<ProviderId, BTreeSet<AccountId>>,
}

/// Selects targets. An organization whose accounts can't be listed is reported as a problem and doesn't affect other
/// integrations.
///
/// # Errors
///
/// If the integrations can't be read.
pub async fn select_targets<P: CheckTargets>(ports: &P, wanted: &TargetSelection) -> Result<TargetList, PortError> {
    let mut targets = TargetList::default();
    match wanted {
        TargetSelection::All => {
            let all = ports.integrations().await?;
            let enabled: Vec<_> = all.iter().filter(|integration| integration.enabled).collect();
            targets.add_integrations(ports, &all, &enabled).await?;
        }
        TargetSelection::Integrations(ids) => {
            let all = ports.integrations().await?;
            let named: Vec<_> = all.iter().filter(|integration| ids.contains(&integration.provider)).collect();
            let unknown = ids.iter().filter(|id| named.iter().all(|integration| integration.provider != **id));
            let problem = |id| format!("{id} has no integration; to list integrations: hubctl integration list");
            targets.problems.extend(unknown.map(problem));
            targets.add_integrations(ports, &all, &named).await?;
        }
        TargetSelection::Accounts(accounts) => {
            for account in accounts.iter().copied().collect::<BTreeSet<_>>() {
                match ports.integration(&account).await? {
                    Some(integration) => {
                        targets.targets.push(CheckTarget::new(account, Arc::new(integration)));
                    }
                    None => targets.problems.push(format!(
                        "account {account} has no integration; to create one: hubctl integration create --provider {account}"
                    )),
                }
            }
        }
    }
    Ok(targets)
}

impl TargetList {
    async fn add_integrations<P: CheckTargets>(
        &mut self,
        ports: &P,
        all: &[Integration],
        wanted: &[&Integration],
    ) -> Result<(), PortError> {
        self.integrated = Some(all.iter().map(|integration| integration.provider.clone()).collect());
        // An account with its own integration is not checked through its organization's integration.
        let mut reached: BTreeSet<AccountId> =
            all.iter().filter_map(|integration| integration.provider.account()).collect();
        for integration in wanted {
            let integration = Arc::new((*integration).clone());
            match &integration.provider {
                ProviderId::Account(account) => {
                    self.targets.push(CheckTarget::new(*account, integration.clone()));
                }
                organization @ ProviderId::Organization(_) => {
                    for account in self.organization_targets(ports, organization, &reached).await? {
                        if reached.insert(account) {
                            self.targets.push(CheckTarget::new(account, integration.clone()));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The accounts of an organization: its members, and accounts that were exported with its integration.
    async fn organization_targets<P: CheckTargets>(
        &mut self,
        ports: &P,
        organization: &ProviderId,
        reached: &BTreeSet<AccountId>,
    ) -> Result<BTreeSet<AccountId>, PortError> {
        let mut accounts = BTreeSet::new();
        let mut is_listed = true;
        match ports.organization_accounts(organization).await {
            Ok(members) => accounts.extend(members),
            Err(error) => {
                self.problems.push(format!("{organization}: {error}"));
                self.unlisted.push(organization.clone());
                is_listed = false;
            }
        }
        let former = ports.former_members(organization).await?;
        // Only accounts that aren't in the list yet are looked up, one by one.
        for account in ports.exported_accounts().await? {
            if accounts.contains(&account) || reached.contains(&account) || former.contains(&account) {
                continue;
            }
            let own = ports.integration(&account).await?;
            let is_of_organization = own.is_some_and(|own| own.provider == *organization);
            if is_of_organization {
                accounts.insert(account);
            }
        }
        if is_listed {
            self.listed.insert(organization.clone(), accounts.difference(reached).copied().collect());
        }
        if accounts.is_empty() {
            self.problems
                .push(format!("no account of {organization} is known yet; each becomes known with its first upload"));
        }
        Ok(accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Effect, Fault, InMemory, Operation};

    const ORGANIZATION: &str = "o-a1b2c3d4e5";

    fn account(digit: u8) -> AccountId {
        digit.to_string().repeat(12).parse().unwrap()
    }

    fn organization() -> Integration {
        Integration::new(ORGANIZATION.parse::<ProviderId>().unwrap())
    }

    fn table() -> InMemory {
        let memory = InMemory::default();
        let contents = &mut *memory.contents();
        for integration in [
            Integration::new(account(1)),
            Integration::new(account(2)).with(|settings| settings.enabled = false),
            organization(),
        ] {
            contents.put_integration(integration);
        }
        contents.members.insert(ORGANIZATION.parse().unwrap(), vec![account(1), account(2), account(3)]);
        for exported in [account(4), account(1)] {
            contents.put_newest_scan(exported, jiff::Timestamp::UNIX_EPOCH);
        }
        memory.clone()
    }

    async fn selected(table: &InMemory, wanted: TargetSelection) -> (Vec<(AccountId, String)>, Vec<String>) {
        let targets = select_targets(table, &wanted).await.unwrap();
        let pair = |target: &CheckTarget| (target.account, target.integration.provider.to_string());
        (targets.targets.iter().map(pair).collect(), targets.problems)
    }

    #[tokio::test]
    async fn each_account_is_checked_once_with_the_integration_that_reaches_it() {
        let (targets, problems) = selected(&table(), TargetSelection::All).await;
        let by_organization = |digit| (account(digit), ORGANIZATION.to_owned());
        assert_eq!(targets, [(account(1), account(1).to_string()), by_organization(3), by_organization(4)]);
        assert!(problems.is_empty());
    }

    #[tokio::test]
    async fn a_disabled_integration_is_checked_if_it_is_named() {
        let wanted = TargetSelection::Integrations(vec![account(2).into(), account(9).into()]);
        let (targets, problems) = selected(&table(), wanted).await;
        assert_eq!(targets, [(account(2), account(2).to_string())]);
        assert_eq!(problems, ["999999999999 has no integration; to list integrations: hubctl integration list"]);
    }

    #[tokio::test]
    async fn accounts_that_are_named_are_looked_up() {
        let wanted = TargetSelection::Accounts(vec![account(7), account(1), account(7)]);
        let (targets, _) = selected(&table(), wanted).await;
        assert_eq!(targets, [(account(1), account(1).to_string()), (account(7), ORGANIZATION.to_owned())]);
        let alone = table();
        alone.contents().integrations.clear();
        let (targets, problems) = selected(&alone, TargetSelection::Accounts(vec![account(7)])).await;
        assert!(targets.is_empty() && problems[0].contains("hubctl integration create --provider 777777777777"));
    }

    #[tokio::test]
    async fn a_former_member_of_an_organization_is_not_checked() {
        let table = table();
        table.contents().former_members.insert(ORGANIZATION.parse().unwrap(), BTreeSet::from([account(4)]));
        let targets = select_targets(&table, &TargetSelection::All).await.unwrap();
        assert_eq!(targets.targets.len(), 2, "the account with its own integration, and a member");
        let listed = &targets.listed[&ORGANIZATION.parse::<ProviderId>().unwrap()];
        assert_eq!(
            *listed,
            BTreeSet::from([account(3)]),
            "neither the former member nor the account with an integration"
        );
    }

    #[tokio::test]
    async fn an_organization_that_cannot_be_listed_does_not_block_others() {
        let table = table();
        let throttled = Effect::Fail("throttled".to_owned());
        table.contents().faults.add(Fault::on(Operation::ListAccounts, throttled).target(ORGANIZATION));
        let (targets, problems) = selected(&table, TargetSelection::All).await;
        assert_eq!(targets.len(), 2, "the account with its own integration, and the exported one");
        assert!(problems[0].contains("o-a1b2c3d4e5") && problems[0].contains("throttled"), "{problems:?}");
        let unlisted = select_targets(&table, &TargetSelection::All).await.unwrap().unlisted;
        assert_eq!(unlisted, [ORGANIZATION.parse::<ProviderId>().unwrap()]);
    }
}

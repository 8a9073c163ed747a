//! In-memory ports for tests: accounts that are connected or not, fast or slow, or whose check panics; an event bus; a queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asff::{AccountId, Partition, RegionName};
use bytes::Bytes;
use exporter::connection::{AccountRegion, Connection, Connections, Probe};
use exporter::integration::{Integration, Role};
use exporter::notifications::{Event, Notifications, Notified};
use exporter::ports::{
    AccountLocks, Acquired, CallError, Clock, ConnectError, Hub, HubState, Hubs, ImportOutcome, InDoubt, Integrations,
    Newest, Page, PortError,
};
use exporter::problem::Problem;
use exporter::provider::{Provider, ProviderId};
use exporter::targets::{CheckTargets, StoredConnection};
use jiff::Timestamp;

use crate::handler::FanOut;

/// The in-memory ports.
#[derive(Default)]
pub struct Memory {
    /// The integrations.
    pub integrations: Vec<Integration>,
    /// Their providers.
    pub providers: Vec<Provider>,
    /// The accounts of organizations.
    pub members: BTreeMap<ProviderId, Vec<AccountId>>,
    /// Providers whose integrations are deleted while their checks run.
    pub deleted: BTreeSet<ProviderId>,
    /// Latency of credentials.
    pub slow: Duration,
    /// Accounts with invalid credentials.
    pub broken: BTreeSet<AccountId>,
    /// Called when the credentials of an account are requested.
    pub defect: Option<fn(AccountId)>,
    /// The current time.
    pub now: Mutex<Timestamp>,
    /// Stored connections.
    pub saved: Mutex<BTreeMap<AccountId, Connection>>,
    /// Notification state of each account.
    pub notified: Mutex<BTreeMap<AccountId, (Notified, u64)>>,
    /// Published events.
    pub bus: Mutex<Vec<Event>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An in-memory queue; `None` if not configured.
pub struct Queue(pub Option<Mutex<Vec<String>>>);

impl FanOut for Queue {
    async fn fan_out(&self, messages: &[String]) -> Result<bool, PortError> {
        let Some(queue) = &self.0 else { return Ok(false) };
        locked(queue).extend_from_slice(messages);
        Ok(true)
    }
}

/// A hub that accepts findings in every Region.
#[derive(Clone)]
pub struct OpenHub;

impl Hub for OpenHub {
    async fn import(&self, _: &RegionName, _: Bytes) -> Result<ImportOutcome, CallError> {
        unreachable!("a check imports nothing")
    }

    async fn enabled_at(&self, _: &RegionName) -> Result<Option<String>, CallError> {
        Ok(None)
    }

    async fn findings(&self, _: &RegionName, _: Option<String>) -> Result<Page, CallError> {
        Ok(Page::default())
    }

    async fn finding(&self, _: &RegionName, _: &str) -> Result<Option<Bytes>, CallError> {
        Ok(None)
    }

    async fn state(&self, _: &RegionName) -> Result<HubState, CallError> {
        Ok(HubState { product_accepted: true })
    }
}

impl Probe for OpenHub {
    fn identity(&self) -> &str {
        "arn:aws:iam::123456789012:role/exporter"
    }

    fn partition(&self) -> Partition {
        Partition::Aws
    }

    fn role_with_external_id(&self) -> Option<Role> {
        None
    }

    async fn assumable_without_external_id(&self) -> Result<bool, CallError> {
        Ok(false)
    }

    async fn account_regions(&self) -> Result<Vec<AccountRegion>, CallError> {
        Ok(Vec::new())
    }

    async fn product_accepted(&self, _: &RegionName) -> Result<bool, CallError> {
        Ok(true)
    }

    async fn read_one_finding(&self, _: &RegionName) -> Result<(), CallError> {
        Ok(())
    }

    async fn write_probe(&self, _: &RegionName, _: Bytes) -> Result<ImportOutcome, CallError> {
        Err(CallError::Rejected { code: "InvalidInput".to_owned(), message: "it breaks the format".to_owned() })
    }

    async fn accept_product(&self, _: &RegionName) -> Result<(), CallError> {
        Ok(())
    }
}

impl Hubs for Memory {
    type Hub = OpenHub;

    async fn connect(&self, account: AccountId, _: &Integration) -> Result<OpenHub, ConnectError> {
        tokio::time::sleep(self.slow).await;
        if let Some(defect) = self.defect {
            defect(account);
        }
        if self.broken.contains(&account) {
            let message = "the role could not be assumed".to_owned();
            return Err(ConnectError::Rejected(Problem {
                reason: "assume_role_denied".to_owned(),
                message,
                remediation: None,
            }));
        }
        Ok(OpenHub)
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        *locked(&self.now)
    }
}

impl Connections for Memory {
    async fn connection(&self, account: AccountId) -> Result<Option<Connection>, PortError> {
        Ok(locked(&self.saved).get(&account).cloned())
    }

    async fn save(&self, connection: &Connection, _: Option<Timestamp>) -> Result<bool, PortError> {
        locked(&self.saved).insert(connection.account, connection.clone());
        Ok(true)
    }

    async fn delete_orphaned(&self, connection: &Connection) -> Result<bool, PortError> {
        let is_orphan = self.deleted.contains(&connection.provider);
        if is_orphan {
            locked(&self.saved).remove(&connection.account);
        }
        Ok(is_orphan)
    }
}

impl Notifications for Memory {
    async fn notified(&self, account: AccountId) -> Result<(Notified, u64), PortError> {
        Ok(locked(&self.notified).get(&account).cloned().unwrap_or_default())
    }

    async fn write_notified(&self, account: AccountId, notified: &Notified, number: u64) -> Result<bool, PortError> {
        locked(&self.notified).insert(account, (notified.clone(), number + 1));
        Ok(true)
    }

    async fn publish(&self, events: &[Event]) -> Result<BTreeSet<usize>, PortError> {
        locked(&self.bus).extend_from_slice(events);
        Ok((0..events.len()).collect())
    }
}

impl Integrations for Memory {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        Ok(self.integrations.iter().find(|own| own.provider == ProviderId::Account(*account)).cloned())
    }
}

impl CheckTargets for Memory {
    async fn integrations(&self) -> Result<Vec<Integration>, PortError> {
        Ok(self.integrations.clone())
    }

    async fn provider(&self, id: &ProviderId) -> Result<Option<Provider>, PortError> {
        Ok(self.providers.iter().find(|provider| provider.id == *id).cloned())
    }

    async fn organization_accounts(&self, organization: &ProviderId) -> Result<Vec<AccountId>, PortError> {
        Ok(self.members.get(organization).cloned().unwrap_or_default())
    }

    async fn former_members(&self, _: &ProviderId) -> Result<BTreeSet<AccountId>, PortError> {
        Ok(BTreeSet::new())
    }

    async fn stored_connections(&self) -> Result<Vec<StoredConnection>, PortError> {
        let stored_connection = |connection: &Connection| StoredConnection {
            account: connection.account,
            provider: connection.provider.clone(),
            checked_at: connection.checked_at,
        };
        Ok(locked(&self.saved).values().map(stored_connection).collect())
    }

    async fn delete_outdated(&self, stored_connections: &[StoredConnection]) -> Result<(), PortError> {
        locked(&self.saved).retain(|account, _| {
            stored_connections.iter().all(|stored_connection| stored_connection.account != *account)
        });
        Ok(())
    }

    async fn exported_accounts(&self) -> Result<Vec<AccountId>, PortError> {
        Ok(Vec::new())
    }
}

impl AccountLocks for Memory {
    async fn acquire(
        &self,
        _: AccountId,
        _: &str,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Acquired, PortError> {
        unreachable!("a check exports nothing")
    }

    async fn locked_by(&self, _: AccountId, _: Timestamp) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn lock_status(&self, _: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        Ok(None)
    }

    async fn renew(&self, _: AccountId, _: &str, _: Timestamp) -> Result<bool, PortError> {
        unreachable!("a check exports nothing")
    }

    async fn release(&self, _: AccountId, _: &str, _: InDoubt, _: Option<Timestamp>) -> Result<(), PortError> {
        unreachable!("a check exports nothing")
    }
}

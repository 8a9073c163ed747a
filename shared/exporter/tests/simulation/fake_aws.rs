//! The exporter's ports on maps in memory, with the promises that the real stores give: conditional writes, whole objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use exporter::connection::{Connection, Connections};
use exporter::integration::{Integration, Role};
use exporter::ports::{
    AccountLocks, Acquired, CallError, Claim, Clock, ConnectError, Hubs, InDoubt, Integrations, Newest, PortError,
    Runs, UploadLocks,
};
use exporter::report::RunReport;
use exporter::settings::Settings;
use jiff::Timestamp;
use simulator::Simulator;

use crate::hub::TwinHub;
use crate::jobs::JobSubmitter;
use crate::run_lifetime::Life;
use crate::scan::Expected;

/// What outlives every run.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) stores: Arc<Mutex<Stores>>,
    pub(crate) settings: Settings,
    violations: Arc<Mutex<Vec<String>>>,
    epoch: (Timestamp, tokio::time::Instant),
}

pub(crate) struct Stores {
    pub(crate) integrations: BTreeMap<AccountId, Integration>,
    pub(crate) objects: BTreeMap<String, (u64, Bytes)>,
    pub(crate) runs: BTreeMap<String, RunReport>,
    pub(crate) connections: BTreeMap<AccountId, Connection>,
    /// Why there is no connection, if so.
    pub(crate) refusal: Option<ConnectError>,
    /// The role of every account, if it has an External ID.
    pub(crate) role: Option<Role>,
    /// An account that can be connected to so often only.
    pub(crate) refused_after: Option<(AccountId, u32)>,
    /// An account that can't be connected to once, after so many times.
    pub(crate) refused_once: Option<(AccountId, u32)>,
    /// Whether roles open without their External ID.
    pub(crate) opens: Result<bool, CallError>,
    /// How often that was tried.
    pub(crate) trials: u32,
    /// Regions whose endpoints nobody finds.
    pub(crate) dark: BTreeSet<RegionName>,
    /// The only operation for which nobody finds them, if so.
    pub(crate) dark_operation: Option<simulator::Operation>,
    /// Whether the accounts tell their Regions.
    pub(crate) tells_regions: bool,
    /// No hold can be renewed.
    pub(crate) renewals_fail: bool,
    /// Objects whose keys end in this can't be read.
    pub(crate) broken: Option<String>,
    /// Objects whose keys end in this can't be written.
    pub(crate) unwritable: Option<String>,
    /// What is on the queue, and in the table, of orders.
    pub(crate) jobs: JobSubmitter,
    claims: BTreeMap<String, Held>,
    accounts: BTreeMap<AccountId, Scanned>,
    pub(crate) writes: u64,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            integrations: BTreeMap::new(),
            objects: BTreeMap::new(),
            runs: BTreeMap::new(),
            connections: BTreeMap::new(),
            refusal: None,
            refused_after: None,
            refused_once: None,
            role: Some(Role {
                external_id: Some("an-id".to_owned()),
                ..Role::new("arn:aws:iam::123456789012:role/Exporter")
            }),
            opens: Ok(false),
            trials: 0,
            dark: BTreeSet::new(),
            dark_operation: None,
            tells_regions: true,
            renewals_fail: false,
            broken: None,
            unwritable: None,
            jobs: JobSubmitter::default(),
            claims: BTreeMap::new(),
            accounts: BTreeMap::new(),
            writes: 0,
        }
    }
}

#[derive(Clone)]
struct Held {
    run_id: String,
    until: Timestamp,
    done: bool,
}

#[derive(Clone)]
struct Scanned {
    newest: Newest,
    holder: Option<(String, Timestamp)>,
    in_doubt: InDoubt,
}

impl World {
    pub(crate) fn new(simulator: Simulator, start: Timestamp) -> Self {
        simulator.clock().set(start);
        Self {
            simulator,
            stores: Arc::default(),
            settings: Settings::default(),
            violations: Arc::default(),
            epoch: (start, tokio::time::Instant::now()),
        }
    }

    /// Has the accounts of a file was suspended while it is read, for some seeds.
    pub(crate) fn come_to_rest(&mut self, seed: u64) {
        if seed % 4 == 1 {
            self.settings.open_workers_max = 0;
        }
    }

    /// The same world with another service: its hubs hold nothing of what was sent.
    pub(crate) fn with_hubs_of(self, simulator: Simulator) -> Self {
        let world = Self { simulator, ..self };
        world.now();
        world
    }

    /// The time in this world: tokio's, so that stopping one stops all.
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.epoch.1.elapsed()).unwrap();
        let now = self.epoch.0 + elapsed;
        self.simulator.clock().set(now);
        now
    }

    /// Loses all that was kept of earlier scans.
    pub(crate) fn forget_states(&self) {
        let mut stores = self.stores.lock().unwrap();
        stores.objects.retain(|key, _| !key.starts_with("state/"));
        stores.accounts.clear();
    }

    /// Another run takes an account, whoever holds it.
    pub(crate) fn steal(&self, account: AccountId, run_id: &str) {
        let until = self.now() + jiff::SignedDuration::from_hours(1);
        let mut stores = self.stores.lock().unwrap();
        stores.accounts.get_mut(&account).unwrap().holder = Some((run_id.to_owned(), until));
    }

    /// Notes that a promise was broken where an assertion would be lost in a task.
    pub(crate) fn violation(&self, what: String) {
        self.violations.lock().unwrap().push(what);
    }

    pub(crate) fn assert_no_violation(&self) {
        let violations = self.violations.lock().unwrap();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }

    pub(crate) async fn sleep(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.now();
    }
}

/// One run's view of the world. When its life is over, none of its calls returns any more.
#[derive(Clone)]
pub(crate) struct FakeAws {
    pub(crate) world: World,
    pub(crate) life: Arc<Life>,
    pub(crate) alive: Arc<Expected>,
}

impl Clock for FakeAws {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl Integrations for FakeAws {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        self.life.step(|| Ok(self.world.stores.lock().unwrap().integrations.get(account).cloned())).await
    }
}

impl UploadLocks for FakeAws {
    async fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, PortError> {
        let claim = || {
            let mut stores = self.world.stores.lock().unwrap();
            match stores.claims.get(identity) {
                Some(held) if held.done && !again => return Ok(Claim::Completed { run_id: held.run_id.clone() }),
                Some(held) if !held.done && held.until > now => {
                    return Ok(Claim::InProgress { run_id: held.run_id.clone() });
                }
                _ => {}
            }
            let held = Held { run_id: run_id.to_owned(), until, done: false };
            stores.claims.insert(identity.to_owned(), held);
            Ok(Claim::Granted)
        };
        self.life.step(claim).await
    }

    async fn renew_claim(&self, identity: &str, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        let renew = || {
            let mut stores = self.world.stores.lock().unwrap();
            let held = stores.claims.get_mut(identity).filter(|held| held.run_id == run_id && !held.done);
            Ok(held.map(|held| held.until = until).is_some())
        };
        self.life.step(renew).await
    }

    async fn finish_claim(&self, identity: &str, run_id: &str, done: bool) -> Result<(), PortError> {
        let settle = || {
            let mut stores = self.world.stores.lock().unwrap();
            if stores.claims.get(identity).is_some_and(|held| held.run_id == run_id) {
                if done {
                    stores.claims.get_mut(identity).unwrap().done = true;
                } else {
                    stores.claims.remove(identity);
                }
            }
            Ok(())
        };
        self.life.step(settle).await
    }
}

impl Runs for FakeAws {
    async fn record(&self, report: &RunReport) -> Result<(), PortError> {
        let record = || {
            self.world.stores.lock().unwrap().runs.insert(report.run_id.clone(), report.clone());
            Ok(())
        };
        self.life.step(record).await
    }

    async fn newest_runs(&self, account: AccountId, runs_max: usize) -> Result<Vec<RunReport>, PortError> {
        let of_account = |run: &&RunReport| run.accounts.contains_key(&account);
        let mut runs: Vec<_> = self.world.stores.lock().unwrap().runs.values().filter(of_account).cloned().collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        Ok(runs.into_iter().take(runs_max).collect())
    }
}

impl AccountLocks for FakeAws {
    async fn acquire(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Acquired, PortError> {
        let begin = || {
            let mut stores = self.world.stores.lock().unwrap();
            let known = stores.accounts.get(&account).cloned();
            let newest = match Newest::with_scan(known.as_ref().map(|known| known.newest.clone()), content, scanned_at)
            {
                Ok(newest) => newest,
                Err(newest) => return Ok(Acquired::Superseded { newest }),
            };
            if let Some((holder, until)) = known.as_ref().and_then(|known| known.holder.as_ref())
                && *until > now
                && holder != run_id
            {
                return Ok(Acquired::Locked { run_id: holder.clone() });
            }
            let before = known.map(|known| known.in_doubt).unwrap_or_default();
            let holder = Some((run_id.to_owned(), until));
            let in_doubt = InDoubt { everywhere: true, regions: before.regions.clone() };
            stores.accounts.insert(account, Scanned { newest, holder, in_doubt });
            Ok(Acquired::Granted { in_doubt: before })
        };
        self.life.step(begin).await
    }

    async fn renew(&self, account: AccountId, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        let renew = || {
            let mut stores = self.world.stores.lock().unwrap();
            if stores.renewals_fail {
                return Err(PortError { action: "renew".to_owned(), message: "no answer".to_owned() });
            }
            let holder = stores.accounts.get_mut(&account).and_then(|known| known.holder.as_mut());
            let holder = holder.filter(|(holder, _)| holder == run_id);
            Ok(holder.map(|(_, held_until)| *held_until = until).is_some())
        };
        self.life.step(renew).await
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        let lock_status = || {
            let stores = self.world.stores.lock().unwrap();
            Ok(stores.accounts.get(&account).map(|known| (known.newest.clone(), known.in_doubt.clone())))
        };
        self.life.step(lock_status).await
    }

    async fn locked_by(&self, account: AccountId, now: Timestamp) -> Result<Option<String>, PortError> {
        let holder = || {
            let stores = self.world.stores.lock().unwrap();
            let held = stores.accounts.get(&account).and_then(|known| known.holder.clone());
            Ok(held.filter(|(_, until)| *until > now).map(|(run_id, _)| run_id))
        };
        self.life.step(holder).await
    }

    async fn release(
        &self,
        account: AccountId,
        run_id: &str,
        in_doubt: InDoubt,
        exported_at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let end = || {
            let mut stores = self.world.stores.lock().unwrap();
            let known = stores.accounts.get_mut(&account).unwrap();
            if known.holder.as_ref().is_some_and(|(holder, _)| holder == run_id) {
                known.holder = None;
                known.in_doubt = in_doubt;
                known.newest.exported_at = exported_at.or(known.newest.exported_at);
            }
            Ok(())
        };
        self.life.step(end).await
    }
}

impl Hubs for FakeAws {
    type Hub = TwinHub;

    async fn connect(&self, account: AccountId, _: &Integration) -> Result<TwinHub, ConnectError> {
        let hub = TwinHub::new(self.clone(), account);
        let refusal = {
            let mut stores = self.world.stores.lock().unwrap();
            let is_over = match &mut stores.refused_after {
                Some((of, left)) if *of == account => std::mem::replace(left, left.saturating_sub(1)) == 0,
                _ => false,
            };
            let is_once = match &mut stores.refused_once {
                Some((of, left)) if *of == account && *left > 0 => {
                    *left -= 1;
                    false
                }
                Some((of, _)) => *of == account,
                None => false,
            };
            if is_once {
                stores.refused_once = None;
            }
            let over = (is_over || is_once)
                .then(|| PortError { action: "assume the role".to_owned(), message: "503".to_owned() });
            over.map(ConnectError::Failed).or_else(|| stores.refusal.clone())
        };
        self.life.step(|| refusal.map_or(Ok(hub), Err)).await
    }
}

impl Connections for FakeAws {
    async fn connection(&self, account: AccountId) -> Result<Option<Connection>, PortError> {
        self.life.step(|| Ok(self.world.stores.lock().unwrap().connections.get(&account).cloned())).await
    }

    async fn save(&self, connection: &Connection, before: Option<Timestamp>) -> Result<bool, PortError> {
        let keep = || {
            let mut stores = self.world.stores.lock().unwrap();
            let current = stores.connections.get(&connection.account).map(|current| current.checked_at);
            if current == before {
                stores.connections.insert(connection.account, connection.clone());
            }
            Ok(current == before)
        };
        self.life.step(keep).await
    }

    async fn delete_orphaned(&self, _: &Connection) -> Result<bool, PortError> {
        Ok(false)
    }
}

//! AWS as the simulation has it: the ports in memory, and the simulator for Security Hub.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use asff::{AccountId, RegionName};
use exporter::integration::{Integration, Role};
use exporter::ports::{CallError, Clock as _, ConnectError, Hubs};
use exporter::settings::Settings;
use exporter::testing::{Contents, Fault, InMemory, Lifetime, Operation, TestClock};
use jiff::Timestamp;
use simulator::Simulator;

use crate::hub::SimulatedHub;
use crate::scan::Expected;

/// The ports of one run.
pub(crate) type FakeAws = InMemory<SimulatedHubs>;

/// What outlives every run.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) settings: Settings,
    /// What a test decides of the connections to accounts.
    pub(crate) access: Arc<Mutex<Access>>,
    memory: InMemory<()>,
    violations: Arc<Mutex<Vec<String>>>,
}

/// How accounts are reached.
pub(crate) struct Access {
    /// Why there is no connection, if so.
    pub(crate) refusal: Option<ConnectError>,
    /// The role of every account, if it has an External ID.
    pub(crate) role: Option<Role>,
    /// Whether roles open without their External ID.
    pub(crate) opens: Result<bool, CallError>,
    /// How often that was tried.
    pub(crate) trials: u32,
    /// Regions whose endpoints nobody finds.
    pub(crate) dark: BTreeSet<RegionName>,
    /// The only operation for which nobody finds them, if so.
    pub(crate) dark_operation: Option<simulator::Operation>,
    /// Whether the accounts tell their Regions.
    pub(crate) lists_regions: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            refusal: None,
            role: Some(Role {
                external_id: Some("an-id".to_owned()),
                ..Role::new("arn:aws:iam::123456789012:role/Exporter")
            }),
            opens: Ok(false),
            trials: 0,
            dark: BTreeSet::new(),
            dark_operation: None,
            lists_regions: true,
        }
    }
}

impl World {
    pub(crate) fn new(simulator: Simulator, start: Timestamp) -> Self {
        simulator.clock().set(start);
        let memory = InMemory::new(TestClock::tokio(start)).with_hubs(());
        // There is no queue for uploads: the simulation exports them itself.
        memory.contents().queue.rejects_uploads = true;
        Self { simulator, settings: Settings::default(), access: Arc::default(), memory, violations: Arc::default() }
    }

    /// The ports as a run calls them. `alive`: the findings that it must not archive.
    pub(crate) fn run(&self, lifetime: Lifetime, alive: Expected) -> Arc<FakeAws> {
        let lifetime = Arc::new(lifetime);
        let hubs = SimulatedHubs { world: self.clone(), lifetime: lifetime.clone(), alive: Arc::new(alive) };
        Arc::new(self.memory.with_hubs(hubs).with_lifetime(lifetime))
    }

    /// The ports as a run calls them that nobody kills.
    pub(crate) fn ports(&self) -> Arc<FakeAws> {
        self.run(Lifetime::unlimited(), Expected::new())
    }

    /// What the stores hold.
    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.memory.contents()
    }

    /// How accounts are reached.
    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap()
    }

    /// Objects of the state bucket whose keys end in this can't be read, nor listed by a prefix that does.
    pub(crate) fn fail_reads(&self, suffix: &str) {
        let faults = &mut self.contents().faults;
        faults.add(Fault::fail(Operation::ReadObject).target(suffix));
        faults.add(Fault::fail(Operation::ListObjects).target(suffix));
    }

    /// Objects of the state bucket whose keys end in this can't be written.
    pub(crate) fn fail_writes(&self, suffix: &str) {
        self.contents().faults.add(Fault::fail(Operation::PutObject).target(suffix));
    }

    /// The stores work again.
    pub(crate) fn restore_stores(&self) {
        self.contents().faults.clear();
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
        let now = self.memory.now();
        self.simulator.clock().set(now);
        now
    }

    /// Loses all that was kept of earlier scans.
    pub(crate) fn forget_states(&self) {
        let mut contents = self.contents();
        contents.objects.retain(|key, _| !key.starts_with("state/"));
        contents.account_locks.clear();
    }

    /// Another run takes an account, whoever holds it.
    pub(crate) fn steal(&self, account: AccountId, run_id: &str) {
        let until = self.now() + jiff::SignedDuration::from_hours(1);
        self.contents().account_locks.get_mut(&account).unwrap().holder = Some((run_id.to_owned(), until));
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

/// Connects one run to the hubs of the simulator.
#[derive(Clone)]
pub(crate) struct SimulatedHubs {
    pub(crate) world: World,
    pub(crate) lifetime: Arc<Lifetime>,
    pub(crate) alive: Arc<Expected>,
}

impl Hubs for SimulatedHubs {
    type Hub = SimulatedHub;

    async fn connect(&self, account: AccountId, _: &Integration) -> Result<SimulatedHub, ConnectError> {
        let refusal = self.world.access().refusal.clone();
        refusal.map_or_else(|| Ok(SimulatedHub { hubs: self.clone(), account }), Err)
    }
}

//! AWS in the simulation: in-memory ports, and the simulator for Security Hub.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use asff::{AccountId, RegionName};
use exporter::model::integration::{Integration, Role};
use exporter::model::settings::Settings;
use exporter::ports::{CallError, Clock as _, ConnectError, Hubs};
use exporter::testing::{Contents, Fault, InMemory, Lifetime, Operation, TestClock};
use jiff::Timestamp;
use simulator::Simulator;

use crate::hub::SimulatedHub;
use crate::scan::Expected;

/// The ports of one run.
pub(crate) type FakeAws = InMemory<SimulatedHubs>;

/// The state that is shared by all runs.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) settings: Settings,
    /// The connections to accounts, as the test configures them.
    pub(crate) access: Arc<Mutex<Access>>,
    memory: InMemory<()>,
    violations: Arc<Mutex<Vec<String>>>,
}

/// The access to accounts.
pub(crate) struct Access {
    /// The error of each connection; `None` if accounts can be reached.
    pub(crate) refusal: Option<ConnectError>,
    /// The role of every account; `None` if it has no External ID.
    pub(crate) role: Option<Role>,
    /// Whether roles can be assumed without their External ID.
    pub(crate) opens: Result<bool, CallError>,
    /// Number of trials to assume a role without its External ID.
    pub(crate) trials: u32,
    /// Regions whose endpoints are unreachable.
    pub(crate) dark: BTreeSet<RegionName>,
    /// The only operation for which these Regions are unreachable; `None` for all operations.
    pub(crate) dark_operation: Option<simulator::Operation>,
    /// Whether the list of the account's Regions is available.
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
        // The world has no queue for uploads: the simulation exports unfinished uploads itself.
        memory.contents().queue.rejects_uploads = true;
        Self { simulator, settings: Settings::default(), access: Arc::default(), memory, violations: Arc::default() }
    }

    /// The ports of a run. `alive`: the findings that it must not archive.
    pub(crate) fn run(&self, lifetime: Lifetime, alive: Expected) -> Arc<FakeAws> {
        let lifetime = Arc::new(lifetime);
        let hubs = SimulatedHubs { world: self.clone(), lifetime: lifetime.clone(), alive: Arc::new(alive) };
        Arc::new(self.memory.with_hubs(hubs).with_lifetime(lifetime))
    }

    /// The ports of a run that is not killed.
    pub(crate) fn ports(&self) -> Arc<FakeAws> {
        self.run(Lifetime::unlimited(), Expected::new())
    }

    /// The content of the stores.
    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.memory.contents()
    }

    /// The access to accounts.
    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap()
    }

    /// Makes reads fail: of objects in the state bucket whose keys end with this suffix, and of lists whose prefix ends with it.
    pub(crate) fn fail_reads(&self, suffix: &str) {
        let faults = &mut self.contents().faults;
        faults.add(Fault::fail(Operation::ReadObject).target(suffix));
        faults.add(Fault::fail(Operation::ListObjects).target(suffix));
    }

    /// Makes writes of objects of the state bucket fail whose keys end with this suffix.
    pub(crate) fn fail_writes(&self, suffix: &str) {
        self.contents().faults.add(Fault::fail(Operation::PutObject).target(suffix));
    }

    /// Ends the faults of the stores.
    pub(crate) fn restore_stores(&self) {
        self.contents().faults.clear();
    }

    /// For some seeds, accounts are suspended as early as possible while a file is read.
    pub(crate) fn come_to_rest(&mut self, seed: u64) {
        if seed % 4 == 1 {
            self.settings.open_workers_max = 0;
        }
    }

    /// The same world with another simulator, whose hubs have no findings.
    pub(crate) fn with_hubs_of(self, simulator: Simulator) -> Self {
        let world = Self { simulator, ..self };
        world.now();
        world
    }

    /// The current time of the world. It is tokio's, so that all clocks are paused together.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.memory.now();
        self.simulator.clock().set(now);
        now
    }

    /// Deletes the Region states and the account locks.
    pub(crate) fn forget_states(&self) {
        let mut contents = self.contents();
        contents.objects.retain(|key, _| !key.starts_with("state/"));
        contents.account_locks.clear();
    }

    /// Locks an account for another run, even if it is locked.
    pub(crate) fn steal(&self, account: AccountId, run_id: &str) {
        let until = self.now() + jiff::SignedDuration::from_hours(1);
        self.contents().account_locks.get_mut(&account).unwrap().holder = Some((run_id.to_owned(), until));
    }

    /// Records a broken promise, since an assertion in a spawned task would be lost.
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

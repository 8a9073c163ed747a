//! The simulator with direct calls, without HTTP.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::call::{self, Input};
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::{Fault, FaultStatus};
use crate::findings::{Place, render};
use crate::identity::{Caller, Scope};
use crate::operation::Operation;
use crate::records::{Call, Imported};
use crate::regions::account_regions;
use crate::response::Response;
use crate::summary::{RegionSummary, summarize};
use crate::world::World;
use crate::{lock, sts};

/// A world with Security Hub and STS; clones share it.
#[derive(Clone, Debug)]
pub struct Simulator {
    world: Arc<RwLock<Arc<World>>>,
    clock: Clock,
}

impl Simulator {
    /// Creates a world from its configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let clock = config.clock.map_or_else(Clock::running, Clock::standing);
        Self { world: Arc::new(RwLock::new(Arc::new(World::new(config)))), clock }
    }

    /// Replaces this world with another one; all its state is deleted.
    pub fn replace(&self, config: Config) {
        match config.clock {
            Some(at) => self.clock.set(at),
            None => self.clock.run(),
        }
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(World::new(config));
    }

    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The world's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Calls any operation of Security Hub.
    #[must_use]
    pub fn call(&self, caller: &Caller, region: &str, operation: Operation, input: Input<'_>) -> Response {
        call::call(&self.world(), self.clock.now(), caller, region, operation, input)
    }

    /// Calls BatchImportFindings.
    #[must_use]
    pub fn batch_import_findings(&self, caller: &Caller, region: &str, body: &[u8]) -> Response {
        self.call(caller, region, Operation::BatchImportFindings, Input { body, ..Input::default() })
    }

    /// Calls GetFindings.
    #[must_use]
    pub fn get_findings(&self, caller: &Caller, region: &str, body: &[u8]) -> Response {
        self.call(caller, region, Operation::GetFindings, Input { body, ..Input::default() })
    }

    /// Calls BatchUpdateFindings, as an analyst does.
    #[must_use]
    pub fn batch_update_findings(&self, caller: &Caller, region: &str, body: &[u8]) -> Response {
        self.call(caller, region, Operation::BatchUpdateFindings, Input { body, ..Input::default() })
    }

    pub(crate) fn around(&self, scope: Scope<'_>, token: Option<&str>, request: &sts::Request<'_>) -> Response {
        sts::answer(&self.world(), self.clock.now(), scope, token, request)
    }

    /// Every Region of a partition, and whether the account opted into it, as `DescribeRegions` returns them.
    #[must_use]
    pub fn account_regions(&self, account: &str, partition: &str) -> Vec<(String, bool)> {
        account_regions(&self.world(), account, partition)
    }

    /// The caller of an access key; `None` if the key is unknown or its session token is wrong.
    #[must_use]
    pub fn caller(&self, access_key: &str, token: Option<&str>) -> Option<Caller> {
        lock(&self.world().identities).caller(access_key, token)
    }

    /// Records a call that was rejected before its caller was known.
    pub(crate) fn record(&self, call: Call) {
        lock(&self.world().records).call(call);
    }

    /// All findings of an account and Region that have not expired, without consistency lag, in the order of their keys.
    #[must_use]
    pub fn findings(&self, account: &str, region: &str) -> Vec<Value> {
        let world = self.world();
        let Some(here) = world.region(account, region) else {
            return Vec::new();
        };
        let account_name = world.accounts.get(account).and_then(|account| account.config.name.as_deref());
        let place = Place { account_name, region, deviations: &world.config.rules.deviations };
        let state = here.state();
        let findings = state.findings.iter(None, self.clock.now());
        findings.map(|(product_arn, id, stored)| render(stored, product_arn, id, &place)).collect()
    }

    /// The counts of each Region of each account.
    #[must_use]
    pub fn summary(&self) -> Vec<RegionSummary> {
        summarize(&self.world(), self.clock.now())
    }

    /// The call log, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.world().records).calls()
    }

    /// The "Imported" events, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Imported> {
        lock(&self.world().records).events()
    }

    /// Clears the call log and the events.
    pub fn forget_calls(&self) {
        lock(&self.world().records).clear();
    }

    /// Injects a fault. Returns its ID, or `None` if too many faults are active.
    pub fn inject(&self, fault: Fault) -> Option<u64> {
        lock(&self.world().faults).inject(fault)
    }

    /// The faults, with their numbers of hits.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultStatus> {
        lock(&self.world().faults).statuses()
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.world().faults).clear();
    }
}

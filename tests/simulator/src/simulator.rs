//! The simulator as tests call it, without a wire.

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

/// A world with Security Hub and STS in it; clones share it.
#[derive(Clone, Debug)]
pub struct Simulator {
    world: Arc<RwLock<Arc<World>>>,
    clock: Clock,
}

impl Simulator {
    /// A world as the document says.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let clock = config.clock.map_or_else(Clock::running, Clock::standing);
        Self { world: Arc::new(RwLock::new(Arc::new(World::new(config)))), clock }
    }

    /// Puts another world in the place of this one; everything in it is gone.
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

    /// Answers any Security Hub operation.
    #[must_use]
    pub fn call(&self, caller: &Caller, region: &str, operation: Operation, input: Input<'_>) -> Response {
        call::call(&self.world(), self.clock.now(), caller, region, operation, input)
    }

    /// Answers BatchImportFindings.
    #[must_use]
    pub fn batch_import_findings(&self, caller: &Caller, region: &str, body: &[u8]) -> Response {
        self.call(caller, region, Operation::BatchImportFindings, Input { body, ..Input::default() })
    }

    /// Answers GetFindings.
    #[must_use]
    pub fn get_findings(&self, caller: &Caller, region: &str, body: &[u8]) -> Response {
        self.call(caller, region, Operation::GetFindings, Input { body, ..Input::default() })
    }

    /// Answers BatchUpdateFindings, as an analyst would call it.
    #[must_use]
    pub fn batch_update_findings(&self, caller: &Caller, region: &str, body: &[u8]) -> Response {
        self.call(caller, region, Operation::BatchUpdateFindings, Input { body, ..Input::default() })
    }

    pub(crate) fn around(&self, scope: Scope<'_>, token: Option<&str>, request: &sts::Request<'_>) -> Response {
        sts::answer(&self.world(), self.clock.now(), scope, token, request)
    }

    /// Every Region of a partition, and whether the account has it, as `DescribeRegions` answers.
    #[must_use]
    pub fn account_regions(&self, account: &str, partition: &str) -> Vec<(String, bool)> {
        account_regions(&self.world(), account, partition)
    }

    /// Who stands behind an access key; none where it is unknown or its session token is wrong.
    #[must_use]
    pub fn caller(&self, access_key: &str, token: Option<&str>) -> Option<Caller> {
        lock(&self.world().identities).caller(access_key, token)
    }

    /// Writes a call down that was rejected before anybody knew whose it was.
    pub(crate) fn record(&self, call: Call) {
        lock(&self.world().records).call(call);
    }

    /// All findings of an account and Region that retention has not taken, at once and without lag, in the order of their keys.
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

    /// Each Region of each account, in numbers.
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

    /// Empties the call log and the events.
    pub fn forget_calls(&self) {
        lock(&self.world().records).clear();
    }

    /// Lets something go wrong; the fault's number, or none where too many are active.
    pub fn inject(&self, fault: Fault) -> Option<u64> {
        lock(&self.world().faults).inject(fault)
    }

    /// The faults and how often they hit.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultStatus> {
        lock(&self.world().faults).statuses()
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.world().faults).clear();
    }
}

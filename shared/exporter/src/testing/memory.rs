//! The ports' implementation: who calls, on what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asff::AccountId;
use jiff::Timestamp;

use super::contents::{Contents, TestClock};
use super::faults::{Effect, Operation, failure};
use super::hub::FakeHubs;
use super::lifetime::Lifetime;
use crate::integration::Integration;
use crate::ports::{Clock, ConnectError, Hubs, PortError};

/// The ports in memory, as one run calls them. Clones share their contents, and the run.
///
/// Every call of a port passes [`InMemory::call`], once: there the run may be killed, and faults happen.
#[derive(Clone)]
pub struct InMemory<H = FakeHubs> {
    contents: Arc<Mutex<Contents>>,
    lifetime: Arc<Lifetime>,
    hubs: H,
}

impl Default for InMemory {
    /// Empty ones, with the wall clock.
    fn default() -> Self {
        Self { contents: Arc::default(), lifetime: Arc::default(), hubs: FakeHubs::default() }
    }
}

impl InMemory {
    /// Empty ones, with this clock.
    pub fn new(clock: TestClock) -> Self {
        let memory = Self::default();
        memory.contents().clock = clock;
        memory
    }
}

impl<H> InMemory<H> {
    /// The same contents with other hubs.
    pub fn with_hubs<G>(&self, hubs: G) -> InMemory<G> {
        InMemory { contents: self.contents.clone(), lifetime: self.lifetime.clone(), hubs }
    }

    /// The same contents, as another run calls them.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Arc<Lifetime>) -> Self {
        Self { lifetime, ..self }
    }

    /// What the services hold. A caller that keeps it blocks every port.
    pub fn contents(&self) -> MutexGuard<'_, Contents> {
        // A test that panicked with it says so itself.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Security Hub.
    pub fn hubs(&self) -> &H {
        &self.hubs
    }

    /// The life of the run that calls.
    pub fn lifetime(&self) -> &Arc<Lifetime> {
        &self.lifetime
    }

    /// Makes a call of a port: another writer's change first, then the call with the fault that hits it. It never returns if the
    /// run is dead, or the call hangs.
    ///
    /// # Errors
    ///
    /// Those of the call, and of a fault.
    pub async fn call<T, E: From<PortError>>(
        &self,
        operation: Operation,
        target: &str,
        call: impl FnOnce(&mut Contents) -> Result<T, E>,
    ) -> Result<T, E> {
        let outcome = self.lifetime.step(|| {
            let contents = &mut *self.contents();
            if let Some(change) = contents.faults.take_change(operation) {
                change(contents);
            }
            Some(match contents.faults.effect(operation, target) {
                None => call(contents),
                Some(Effect::Fail(message)) => Err(failure(operation, target, message).into()),
                Some(Effect::LoseResponse(message)) => {
                    call(contents).and_then(|_| Err(failure(operation, target, message).into()))
                }
                Some(Effect::Hang) => return None,
            })
        });
        match outcome.await {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}

impl<H: Sync> Clock for InMemory<H> {
    fn now(&self) -> Timestamp {
        self.contents().clock.now()
    }
}

impl<H: Hubs + Send + Sync> Hubs for InMemory<H> {
    type Hub = H::Hub;

    async fn connect(&self, account: AccountId, integration: &Integration) -> Result<H::Hub, ConnectError> {
        self.call(Operation::Connect, account.as_str(), |_| Ok::<_, ConnectError>(())).await?;
        self.hubs.connect(account, integration).await
    }
}

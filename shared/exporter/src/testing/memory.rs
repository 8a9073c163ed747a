//! The implementation of the ports: one run, and the contents that it shares with others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asff::AccountId;
use jiff::Timestamp;

use super::contents::{Contents, TestClock};
use super::faults::{Effect, Operation, failure};
use super::hub::FakeHubs;
use super::lifetime::Lifetime;
use crate::model::integration::Integration;
use crate::ports::{Clock, ConnectError, Hubs, PortError};

/// The ports in memory, as one run calls them. Clones share the contents and the run.
///
/// Every port call passes [`InMemory::call`] exactly once. There, the run may be killed, and faults take effect.
#[derive(Clone)]
pub struct InMemory<H = FakeHubs> {
    contents: Arc<Mutex<Contents>>,
    lifetime: Arc<Lifetime>,
    hubs: H,
}

impl Default for InMemory {
    /// Empty contents, with the wall clock.
    fn default() -> Self {
        Self { contents: Arc::default(), lifetime: Arc::default(), hubs: FakeHubs::default() }
    }
}

impl InMemory {
    /// Empty contents, with this clock.
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

    /// The same contents, called by another run.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Arc<Lifetime>) -> Self {
        Self { lifetime, ..self }
    }

    /// The contents of the services. The guard blocks every port while it is held.
    pub fn contents(&self) -> MutexGuard<'_, Contents> {
        // A test that panicked with the guard reports its own failure.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Security Hub.
    pub fn hubs(&self) -> &H {
        &self.hubs
    }

    /// The lifetime of the calling run.
    pub fn lifetime(&self) -> &Arc<Lifetime> {
        &self.lifetime
    }

    /// Makes a port call: first the change of a concurrent writer, then the call with the fault that affects it. Never
    /// returns if the run was killed or the call hangs.
    ///
    /// # Errors
    ///
    /// The errors of the call, and of a fault.
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

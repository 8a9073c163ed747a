//! Faults: port calls that fail, lose their response, or never return, and concurrent writers.
//!
//! Failures of Security Hub are implemented by [`FakeHubs`](super::FakeHubs) and the simulator.

use std::collections::VecDeque;

use crate::ports::PortError;

/// A kind of port call. The target of a call is the key of an object, or the ID of an account, a provider, or a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names state the port's method and its object")]
pub enum Operation {
    ReadIntegration,
    ListIntegrations,
    ListAccounts,
    ReadProvider,
    ListProviders,
    Commit,
    ReadIdempotencyRecord,
    WriteAuditLog,
    ReadAuditLog,
    StoreKey,
    DeleteKey,
    ClaimUpload,
    RenewClaim,
    FinishClaim,
    AcquireAccount,
    RenewAccount,
    ReadAccountLock,
    ReleaseAccount,
    RecordRun,
    ListRuns,
    ReadRun,
    ReadHistory,
    CreateObject,
    WriteObject,
    PutObject,
    ReadObject,
    ListObjects,
    OpenUpload,
    Connect,
    ReadConnection,
    SaveConnection,
    DeleteConnections,
    TestConnection,
    ReadNotified,
    WriteNotified,
    PublishEvents,
    EnqueueUpload,
    EnqueueJob,
    ReadJob,
    ListJobs,
    WriteJob,
    WriteJobProgress,
}

/// The effect of a fault on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call fails with this message, and has no effect.
    Fail(String),
    /// The call takes effect and fails with this message, as if the response were lost.
    LoseResponse(String),
    /// The call never returns, and has no effect.
    Hang,
}

/// A fault: the calls that it affects, and its effect.
#[derive(Clone, Debug)]
pub struct Fault {
    operation: Option<Operation>,
    target_suffix: String,
    effect: Effect,
    after: u64,
    times: Option<u64>,
}

impl Fault {
    /// Affects each call of an operation.
    pub fn on(operation: Operation, effect: Effect) -> Self {
        Self { operation: Some(operation), target_suffix: String::new(), effect, after: 0, times: None }
    }

    /// Affects each call of any operation.
    pub fn on_all(effect: Effect) -> Self {
        Self { operation: None, target_suffix: String::new(), effect, after: 0, times: None }
    }

    /// Makes each call of an operation fail.
    pub fn fail(operation: Operation) -> Self {
        Self::on(operation, Effect::Fail("service unavailable".to_owned()))
    }

    /// Affects only calls whose target ends with this.
    #[must_use]
    pub fn target(self, suffix: impl Into<String>) -> Self {
        Self { target_suffix: suffix.into(), ..self }
    }

    /// Affects calls only after this number of them.
    #[must_use]
    pub fn after(self, calls: u64) -> Self {
        Self { after: calls, ..self }
    }

    /// Affects only this number of calls.
    #[must_use]
    pub fn times(self, calls: u64) -> Self {
        Self { times: Some(calls), ..self }
    }

    fn matches(&self, operation: Operation, target: &str) -> bool {
        self.operation.is_none_or(|only| only == operation) && target.ends_with(&self.target_suffix)
    }

    /// Counts a call. Returns whether the call is affected.
    fn hits(&mut self) -> bool {
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        match &mut self.times {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        true
    }
}

/// A change by a concurrent writer.
type Change<C> = Box<dyn FnOnce(&mut C) + Send>;

/// The faults of stores with contents `C`, and the changes that concurrent writers make to these.
pub struct Faults<C> {
    faults: Vec<Fault>,
    changes: VecDeque<(Operation, Change<C>)>,
}

impl<C> Default for Faults<C> {
    fn default() -> Self {
        Self { faults: Vec::new(), changes: VecDeque::new() }
    }
}

impl<C> Faults<C> {
    /// Adds a fault.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Makes every call fail with this message.
    pub fn fail_all(&mut self, message: impl Into<String>) {
        self.add(Fault::on_all(Effect::Fail(message.into())));
    }

    /// Makes the next call of an operation fail.
    pub fn fail_next(&mut self, operation: Operation) {
        self.add(Fault::fail(operation).times(1));
    }

    /// Lets the next call of an operation take effect, and loses its response.
    pub fn lose_next_response(&mut self, operation: Operation) {
        self.add(Fault::on(operation, Effect::LoseResponse("no response".to_owned())).times(1));
    }

    /// Lets no call of an operation return.
    pub fn hang(&mut self, operation: Operation) {
        self.add(Fault::on(operation, Effect::Hang));
    }

    /// Removes all faults.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// Removes the faults of an operation.
    pub fn clear_operation(&mut self, operation: Operation) {
        self.faults.retain(|fault| fault.operation != Some(operation));
    }

    /// Makes a change immediately before the next call of an operation, like a concurrent writer. Several changes are made
    /// one by one, each before another call.
    pub fn before_next(&mut self, operation: Operation, change: impl FnOnce(&mut C) + Send + 'static) {
        self.changes.push_back((operation, Box::new(change)));
    }

    /// The change to make before a call, if any.
    pub(super) fn take_change(&mut self, operation: Operation) -> Option<Change<C>> {
        let index = self.changes.iter().position(|(of, _)| *of == operation)?;
        self.changes.remove(index).map(|(_, change)| change)
    }

    /// Counts a call. Returns the effect of the first fault that affects it.
    pub(super) fn effect(&mut self, operation: Operation, target: &str) -> Option<Effect> {
        let mut effect = None;
        for fault in self.faults.iter_mut().filter(|fault| fault.matches(operation, target)) {
            if fault.hits() && effect.is_none() {
                effect = Some(fault.effect.clone());
            }
        }
        effect
    }
}

/// The error of a faulty call.
pub(super) fn failure(operation: Operation, target: &str, message: String) -> PortError {
    PortError { action: format!("{operation:?} {target}").trim_end().to_owned(), message }
}

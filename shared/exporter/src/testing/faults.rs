//! What goes wrong: calls of ports that fail, lose their response, or never return, and writers that are faster.
//!
//! Failures of Security Hub are not here: [`FakeHubs`](super::FakeHubs) and the simulator have them.

use std::collections::VecDeque;

use crate::ports::PortError;

/// A call of a port, by what it does. Its target is in parentheses: the key of an object, the ID of an account, of a provider, or
/// of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the ports' methods, and of what they work on")]
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

/// What a faulty call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It fails with this message, and has no effect.
    Fail(String),
    /// It takes effect, and fails with this message: the response is lost.
    LoseResponse(String),
    /// It never returns, and has no effect.
    Hang,
}

/// Calls that are faulty.
#[derive(Clone, Debug)]
pub struct Fault {
    operation: Option<Operation>,
    target_suffix: String,
    effect: Effect,
    after: u64,
    times: Option<u64>,
}

impl Fault {
    /// Each call of an operation.
    pub fn on(operation: Operation, effect: Effect) -> Self {
        Self { operation: Some(operation), target_suffix: String::new(), effect, after: 0, times: None }
    }

    /// Each call of any operation.
    pub fn on_all(effect: Effect) -> Self {
        Self { operation: None, target_suffix: String::new(), effect, after: 0, times: None }
    }

    /// Each call of an operation fails.
    pub fn fail(operation: Operation) -> Self {
        Self::on(operation, Effect::Fail("service unavailable".to_owned()))
    }

    /// Only those whose target ends in this.
    #[must_use]
    pub fn target(self, suffix: impl Into<String>) -> Self {
        Self { target_suffix: suffix.into(), ..self }
    }

    /// Only after so many of these calls.
    #[must_use]
    pub fn after(self, calls: u64) -> Self {
        Self { after: calls, ..self }
    }

    /// Only so many of these calls.
    #[must_use]
    pub fn times(self, calls: u64) -> Self {
        Self { times: Some(calls), ..self }
    }

    fn matches(&self, operation: Operation, target: &str) -> bool {
        self.operation.is_none_or(|only| only == operation) && target.ends_with(&self.target_suffix)
    }

    /// Counts a call, and says whether it is faulty.
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

/// Something that another writer does.
type Change<C> = Box<dyn FnOnce(&mut C) + Send>;

/// The faults of stores with contents `C`, and the changes that other writers make to them first.
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

    /// Every call fails with this message.
    pub fn fail_all(&mut self, message: impl Into<String>) {
        self.add(Fault::on_all(Effect::Fail(message.into())));
    }

    /// The next call of an operation fails.
    pub fn fail_next(&mut self, operation: Operation) {
        self.add(Fault::fail(operation).times(1));
    }

    /// The next call of an operation takes effect, and its response is lost.
    pub fn lose_next_response(&mut self, operation: Operation) {
        self.add(Fault::on(operation, Effect::LoseResponse("no response".to_owned())).times(1));
    }

    /// No call of an operation returns.
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

    /// Makes a change right before the next call of an operation, as if another writer were faster. Several are made one by one,
    /// each before another call.
    pub fn before_next(&mut self, operation: Operation, change: impl FnOnce(&mut C) + Send + 'static) {
        self.changes.push_back((operation, Box::new(change)));
    }

    /// The change that comes before a call.
    pub(super) fn take_change(&mut self, operation: Operation) -> Option<Change<C>> {
        let place = self.changes.iter().position(|(of, _)| *of == operation)?;
        self.changes.remove(place).map(|(_, change)| change)
    }

    /// Counts a call, and gives the effect of the first fault that it hits.
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

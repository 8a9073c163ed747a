//! Injected faults: the effect, the affected calls, and their number.
//!
//! A fault matches calls by operation, account, and Region. It skips the first `skip` of these, and then affects the next `calls`
//! calls, or a share of them that depends on the seed. Hits are counted, so that a test can verify that its fault occurred.

mod answers;
mod random;

use serde::{Deserialize, Serialize};

use crate::limits::FAULTS_MAX;
use crate::operation::Operation;
pub(crate) use answers::{failure, latency};
use random::Random;

/// One injected fault.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The effect.
    pub effect: Effect,
    /// Only calls of this operation.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// Only calls of this account.
    #[serde(default)]
    pub account: Option<String>,
    /// Only calls in this Region.
    #[serde(default)]
    pub region: Option<String>,
    /// Number of matching calls to skip first.
    #[serde(default)]
    pub skip: u64,
    /// Number of calls to affect; `None` for no limit.
    #[serde(default)]
    pub calls: Option<u64>,
    /// Share of the matching calls to affect, 0 to 1, which depends on the world's seed; `None` for all.
    #[serde(default)]
    pub ratio: Option<f64>,
}

/// The effect of a fault.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The call gets an error response.
    Error {
        /// HTTP status.
        status: u16,
        /// The error code; by default, the usual one of the status.
        #[serde(default)]
        error_type: Option<String>,
        /// The error's message.
        #[serde(default)]
        message: Option<String>,
        /// Run the operation before the error response.
        #[serde(default)]
        after_commit: bool,
    },
    /// The connection closes without a response.
    DropConnection {
        /// Run the operation before the connection closes.
        #[serde(default = "yes")]
        after_commit: bool,
    },
    /// The call takes longer.
    Latency {
        /// Additional milliseconds.
        ms: u64,
    },
    /// Expires all temporary keys of the account, or of all accounts.
    ExpireTokens,
    /// Adds findings to FailedFindings whose Id contains a text.
    FailFindings {
        /// A part of the Id; empty for every finding.
        id_contains: String,
        /// The error code.
        #[serde(default = "internal_error")]
        code: String,
        /// The error message.
        #[serde(default = "internal_message")]
        message: String,
    },
    /// Rejects an import with status 400 if it contains a finding whose Id contains a text.
    RefuseBatch {
        /// A part of the Id.
        id_contains: String,
    },
    /// Delays the visibility of the affected imports.
    StaleReads {
        /// Milliseconds until reads show them.
        lag_ms: u64,
    },
    /// Removes the subscription to a product in the Region of the call.
    RemoveSubscription {
        /// As `company/product`.
        product: String,
    },
}

fn yes() -> bool {
    true
}

fn internal_error() -> String {
    "InternalError".to_owned()
}

fn internal_message() -> String {
    "The finding could not be processed".to_owned()
}

impl Fault {
    /// A fault with this effect on every call.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self { effect, operation: None, account: None, region: None, skip: 0, calls: None, ratio: None }
    }

    /// A fault that returns this status and its usual error.
    #[must_use]
    pub fn error(status: u16) -> Self {
        Self::new(Effect::Error { status, error_type: None, message: None, after_commit: false })
    }

    /// Only this operation.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only in this Region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Affects only the next `calls` calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.calls = Some(calls);
        self
    }

    /// Skips the first `skip` calls.
    #[must_use]
    pub fn after(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Only this share of the calls, 0 to 1.
    #[must_use]
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }
}

/// A fault with its number of hits.
#[derive(Clone, Debug, Serialize)]
pub struct FaultStatus {
    /// The fault's number.
    pub id: u64,
    /// The fault.
    pub fault: Fault,
    /// Number of matching calls.
    pub matched: u64,
    /// Number of affected calls.
    pub hits: u64,
}

/// The active faults.
#[derive(Debug)]
pub(crate) struct Faults {
    active: Vec<FaultStatus>,
    random: Random,
    next_id: u64,
}

/// The properties of a call that faults are matched with.
pub(crate) struct CheckTarget<'a> {
    pub(crate) operation: Operation,
    pub(crate) account: Option<&'a str>,
    pub(crate) region: &'a str,
}

impl Faults {
    pub(crate) fn new(seed: u64, faults: &[Fault]) -> Self {
        let mut all = Self { active: Vec::new(), random: Random::new(seed), next_id: 1 };
        for fault in faults {
            all.inject(fault.clone());
        }
        all
    }

    /// Adds a fault; `None` if `FAULTS_MAX` faults are active.
    pub(crate) fn inject(&mut self, fault: Fault) -> Option<u64> {
        if self.active.len() >= FAULTS_MAX {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.active.push(FaultStatus { id, fault, matched: 0, hits: 0 });
        Some(id)
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn statuses(&self) -> Vec<FaultStatus> {
        self.active.clone()
    }

    /// The effects on this call. `ids`: the Ids of the findings of an import.
    pub(crate) fn hit(&mut self, target: &CheckTarget<'_>, ids: &[&str]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for status in &mut self.active {
            if !matches(&status.fault, target, ids) {
                continue;
            }
            status.matched += 1;
            let over = status.fault.calls.is_some_and(|calls| status.hits >= calls);
            if status.matched <= status.fault.skip || over {
                continue;
            }
            if status.fault.ratio.is_some_and(|ratio| self.random.share() >= ratio) {
                continue;
            }
            status.hits += 1;
            effects.push(status.fault.effect.clone());
        }
        effects
    }
}

fn matches(fault: &Fault, target: &CheckTarget<'_>, ids: &[&str]) -> bool {
    // This is called at the start of each call, and for an import again with its findings.
    let by_finding = match &fault.effect {
        Effect::FailFindings { id_contains, .. } | Effect::RefuseBatch { id_contains } => {
            ids.iter().any(|id| id.contains(id_contains.as_str()))
        }
        Effect::StaleReads { .. } => !ids.is_empty(),
        _ => ids.is_empty(),
    };
    by_finding
        && fault.operation.is_none_or(|operation| operation == target.operation)
        && fault.account.as_deref().is_none_or(|account| target.account == Some(account))
        && fault.region.as_deref().is_none_or(|region| region == target.region)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORT: CheckTarget<'static> =
        CheckTarget { operation: Operation::BatchImportFindings, account: Some("1"), region: "eu-west-1" };

    #[test]
    fn a_fault_skips_then_hits_then_ends() {
        let mut faults = Faults::new(0, &[Fault::error(500).after(2).times(3)]);
        let hits: Vec<usize> = (0..8).map(|_| faults.hit(&IMPORT, &[]).len()).collect();
        assert_eq!(hits, [0, 0, 1, 1, 1, 0, 0, 0]);
        assert_eq!(faults.statuses()[0].hits, 3);
    }

    #[test]
    fn a_fault_affects_only_matching_calls() {
        let mut faults = Faults::new(0, &[Fault::error(500).on(Operation::GetFindings)]);
        faults.inject(Fault::error(503).in_region("us-east-1"));
        faults.inject(Fault::new(Effect::RefuseBatch { id_contains: "poison".to_owned() }));
        assert!(faults.hit(&IMPORT, &["good"]).is_empty());
        assert_eq!(faults.hit(&IMPORT, &["good", "a-poison"]).len(), 1);
    }

    #[test]
    fn the_same_seed_affects_the_same_calls() {
        let run = |seed| {
            let mut faults = Faults::new(seed, &[Fault::error(429).ratio(0.3)]);
            (0..1000).map(|_| faults.hit(&IMPORT, &[]).len()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits: usize = run(7).into_iter().sum();
        assert!((250..350).contains(&hits), "{hits}");
    }
}

//! A check: one assumption of the exporter, and the function that observes whether it holds.

use futures::future::BoxFuture;
use serde::Serialize;

use crate::session::Session;
use crate::stop::Stop;

/// The conclusion of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The service behaves as assumed.
    Holds,
    /// The service behaves differently.
    Deviates,
    /// The check could not be made.
    NotChecked,
}

impl Verdict {
    /// The verdict as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Deviates => "deviates",
            Self::NotChecked => "not checked",
        }
    }
}

/// Why a check was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The check requires an option, or a resource that the account doesn't have.
    NotRequested,
    /// No API call can show whether the assumption holds.
    NotObservable,
    /// A permission is missing.
    Denied,
    /// No response, or a failure of the service. Another run may succeed.
    Failed,
}

/// What a check observed.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) verdict: Verdict,
    /// Why the check was not made. `None` if it was made.
    pub(crate) reason: Option<Reason>,
    /// What was observed, or why the check was not made.
    pub(crate) observed: String,
}

impl Observation {
    /// The assumption holds if the condition is true.
    pub(crate) fn holds_if(condition: bool, observed: impl Into<String>) -> Self {
        let verdict = if condition { Verdict::Holds } else { Verdict::Deviates };
        Self { verdict, reason: None, observed: observed.into() }
    }

    /// The check requires an option, or a resource that the account doesn't have.
    pub(crate) fn not_requested(because: impl Into<String>) -> Self {
        Self::not_checked(Reason::NotRequested, because)
    }

    /// The check was not made.
    pub(crate) fn not_checked(reason: Reason, because: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotChecked, reason: Some(reason), observed: because.into() }
    }
}

/// The result of a check.
pub(crate) type Checked = Result<Observation, Stop>;

/// A check.
pub(crate) struct Check {
    /// Name of the check, in kebab case.
    pub(crate) id: &'static str,
    /// The assumption.
    pub(crate) assumed: &'static str,
    /// The behavior of the exporter that depends on the assumption.
    pub(crate) used_by: &'static str,
    /// Maximum number of ingestion events, even if the assumption doesn't hold.
    pub(crate) events_max: u64,
    pub(crate) run: for<'a> fn(&'a Session<'_>) -> BoxFuture<'a, Checked>,
}

//! A check: one assumption of the exporter, and how to observe whether it holds.

use futures::future::BoxFuture;
use serde::Serialize;

use crate::session::Session;
use crate::stop::Stop;

/// What a check concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The service behaves as assumed.
    Holds,
    /// It behaves otherwise.
    Deviates,
    /// It can't be said.
    NotChecked,
}

impl Verdict {
    /// The verdict in words.
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
    /// It needs an option, or something that the account doesn't have.
    NotRequested,
    /// No call can show it.
    NotObservable,
    /// A permission is missing.
    Denied,
    /// No answer, or a failure of the service, so that another run may check it.
    Failed,
}

/// What a check observed.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) verdict: Verdict,
    /// Why it was not made, if so.
    pub(crate) reason: Option<Reason>,
    /// What was observed; for a check that was not made, the reason.
    pub(crate) observed: String,
}

impl Observation {
    /// The assumption holds if the condition does.
    pub(crate) fn holds_if(condition: bool, observed: impl Into<String>) -> Self {
        let verdict = if condition { Verdict::Holds } else { Verdict::Deviates };
        Self { verdict, reason: None, observed: observed.into() }
    }

    /// The check needs an option, or something that the account doesn't have.
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
    /// Its name, in kebab case.
    pub(crate) id: &'static str,
    /// The assumption.
    pub(crate) assumed: &'static str,
    /// What of the exporter builds upon the assumption.
    pub(crate) used_by: &'static str,
    /// Ingestion events at most, even if the assumption doesn't hold.
    pub(crate) events_max: u64,
    pub(crate) run: for<'a> fn(&'a Session<'_>) -> BoxFuture<'a, Checked>,
}

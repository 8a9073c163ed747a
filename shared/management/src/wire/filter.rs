//! Search filters of lists.

use exporter::connection::{Connection, ConnectionStatus as AccountStatus};
use exporter::report::{RunKind, RunReport, RunStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConnectionStatus, IntegrationView};

/// Whether an integration exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntegrationState {
    /// It exports.
    Enabled,
    /// It doesn't.
    Disabled,
    /// Its findings are archived, and then it is deleted.
    Deleting,
}

impl IntegrationState {
    /// The state of an integration.
    pub fn of(view: &IntegrationView) -> Self {
        match (view.deletion_requested_at, view.settings.enabled) {
            (Some(_), _) => Self::Deleting,
            (None, true) => Self::Enabled,
            (None, false) => Self::Disabled,
        }
    }
}

/// Filter for integrations. A field that is `None` matches any integration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrationFilter {
    /// Only with this status of their connections.
    pub status: Option<ConnectionStatus>,
    /// Only in this state.
    pub state: Option<IntegrationState>,
    /// Only with this text in their ID or alias; in lowercase.
    pub q: Option<String>,
}

impl IntegrationFilter {
    /// Whether an integration matches.
    pub fn matches(&self, view: &IntegrationView) -> bool {
        let has_text = |q: &str| {
            view.id.contains(q) || view.provider_alias.as_ref().is_some_and(|alias| alias.to_lowercase().contains(q))
        };
        self.status.is_none_or(|status| view.connection.status == status)
            && self.state.is_none_or(|state| IntegrationState::of(view) == state)
            && self.q.as_deref().is_none_or(has_text)
    }
}

/// Filter for runs. A field that is `None` matches any run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only with this status.
    pub status: Option<RunStatus>,
    /// Only of this kind.
    pub kind: Option<RunKind>,
    /// Only with this text in their ID, the upload's URI, a reason, or an account ID; in lowercase.
    pub q: Option<String>,
}

impl RunFilter {
    /// Whether a run matches.
    pub fn matches(&self, run: &RunReport) -> bool {
        let has_text = |q: &str| {
            run.run_id.contains(q)
                || run.upload.source.to_lowercase().contains(q)
                || run.reasons.iter().any(|reason| reason.to_lowercase().contains(q))
                || run.accounts.keys().any(|account| account.as_str().contains(q))
        };
        self.status.is_none_or(|status| run.status == status)
            && self.kind.is_none_or(|kind| run.kind == kind)
            && self.q.as_deref().is_none_or(has_text)
    }
}

/// Filter for the accounts of an integration. A field that is `None` matches any account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// Only with this status.
    pub status: Option<AccountStatus>,
    /// Only with this text in the account's ID or its problems; in lowercase.
    pub q: Option<String>,
}

impl ConnectionFilter {
    /// Whether an account matches.
    pub fn matches(&self, connection: &Connection) -> bool {
        let has_text = |q: &str| {
            let problems = connection.regions.values().filter_map(|region| region.problem.as_ref());
            connection.account.as_str().contains(q)
                || connection
                    .problem
                    .iter()
                    .chain(problems)
                    .any(|problem| problem.reason.contains(q) || problem.message.to_lowercase().contains(q))
        };
        self.status.is_none_or(|status| connection.status == status) && self.q.as_deref().is_none_or(has_text)
    }
}

//! Values that only the API has. The values of settings, runs, jobs, and connections are defined by the exporter.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Kind of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// One account.
    Account,
    /// All accounts of an organization, except those with their own provider.
    Organization,
}

/// Credentials, without secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsKind {
    /// The provider's credentials. For integrations only.
    Provider,
    /// The default chain of the AWS SDK: the deployment's own identity.
    Default,
    /// An access key in AWS Secrets Manager.
    Static,
}

/// Connection status of an account or an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// All expected Regions are available.
    Connected,
    /// Some Regions are available, but an expected Region, or an account of the organization, is not.
    Degraded,
    /// No Region is available, or the credentials don't work.
    Disconnected,
    /// Not checked yet.
    Unknown,
}

/// Outcome of a connection test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// Findings can be exported: every account accepts them in every expected Region.
    Passed,
    /// Findings can be exported, but not for every account, or not in every expected Region.
    Partial,
    /// Findings can't be exported.
    Failed,
    /// Unknown: the test could not be run, or not every account or Region responded. Retry the test.
    NotRun,
}

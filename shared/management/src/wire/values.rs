//! Values that only the API has. Those of settings, runs, jobs, and connections are the exporter's own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// One account.
    Account,
    /// All accounts of an organization that have no provider of their own.
    Organization,
}

/// As whom accounts are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsKind {
    /// As the provider says. Of integrations only.
    Provider,
    /// The default chain of the AWS SDK: the deployment's own identity.
    Default,
    /// An access key, kept in AWS Secrets Manager.
    Static,
}

/// How an account, or an integration, is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Security Hub takes findings in at least one Region, and in every one in which it did before.
    Connected,
    /// It takes findings, but a Region, or an account of the organization, does not.
    Degraded,
    /// No Region takes findings, or the credentials don't work.
    Disconnected,
    /// Nobody looked yet.
    Unknown,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// Findings can be exported: every account was checked, and takes them in every Region that it should.
    Passed,
    /// Findings can be exported, but not of every account, or not in a Region that is named or took them before.
    Partial,
    /// They can't.
    Failed,
    /// It is not known: the test could not be run, or not every account or Region answered. The next one may tell.
    NotRun,
}

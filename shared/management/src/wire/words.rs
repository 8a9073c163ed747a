//! Words that a setting may be, for the API's description. The exporter's own types read and write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the scans of an account cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveScope {
    /// The whole account.
    Full,
    /// Some checks in some Regions, each of them completely: a finding is archived for being absent only where the scan has
    /// results of its check in its Region.
    Partial,
    /// Single resources: only findings that the scan shows as passed or muted are archived, none for being absent.
    Observed,
}

/// What happens to muted findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Muted {
    /// Left out where only failed findings are sent, otherwise sent as WARNING.
    AsProwler,
    /// Never sent.
    Omit,
    /// Always sent, as WARNING.
    Send,
}

/// Which findings are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resend {
    /// Those that are new, changed, back or due.
    Changed,
    /// All of them, at every scan.
    Always,
}

/// A severity, as Security Hub labels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the labels speak for themselves")]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

/// The format of Prowler's that is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the formats speak for themselves")]
pub enum Format {
    Ocsf,
    Asff,
    Csv,
}

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

/// How an account gets a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Every account has it.
    Default,
    /// An account switches it on.
    OptIn,
    /// Named by AWS, not open yet.
    Announced,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It is on the queue, or at work.
    PendingUploads,
    /// It was run; its runs say with what result.
    Done,
    /// It can't be run, for the reason given.
    Refused,
    /// Its last attempt failed: its message is in the dead-letter queue. `POST /jobs/{id}/retry` submits it again.
    Failed,
    /// What it did was undone by a later job.
    Undone,
}

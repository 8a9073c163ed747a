//! Integrations in requests and responses.

use asff::RegionName;
use exporter::connection::{Connection, Problem};
use exporter::model::integration::{Integration, IntegrationSettings};
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Stored;
use exporter::report::{IntegrationRun, RunStatus};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::settings::{IntegrationFields, SettingValues};
use super::{ConnectionStatus, CredentialsBody, CredentialsView, TestOutcome};

/// An integration to create. Omitted settings have their default.
// `Deserialize` is not derived, because `flatten` would accept unknown fields.
#[derive(Clone, ToSchema)]
pub struct IntegrationBody {
    /// ID of the provider whose findings are exported: an account or an organization. It must exist.
    #[schema(pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    pub provider: String,
    /// The settings. They are not validated yet.
    #[schema(ignore)]
    pub settings: SettingValues,
    /// Credentials to call Security Hub with. Default: the provider's.
    pub credentials: Option<CredentialsBody>,
}

impl<'de> Deserialize<'de> for IntegrationBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let IntegrationFields { provider, settings, credentials } = IntegrationFields::read(deserializer)?;
        Ok(Self { provider, settings, credentials })
    }
}

/// Changes of an integration. Null resets a setting to its default; omitted settings are unchanged. Credentials have their own
/// path.
// Used only in the API's description: a patch is merged into the settings, and the result is parsed as a body.
#[derive(Debug, ToSchema)]
pub struct IntegrationPatch {
    /// Another provider; moves the integration to its ID.
    #[schema(required = false, pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    pub provider: String,
}

/// An integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntegrationView {
    /// ID of the integration, which is the provider's.
    pub id: String,
    /// The provider whose findings are exported.
    pub provider: String,
    /// The provider's display name.
    pub provider_alias: Option<String>,
    /// The settings.
    #[serde(flatten)]
    #[schema(ignore)]
    pub settings: IntegrationSettings,
    /// Credentials to call Security Hub with.
    pub credentials: CredentialsView,
    /// Connection status, from the newest checks.
    pub connection: ConnectionSummary,
    /// The time from which on scans are expected by the schedule of the provider: the newest of the times at which the
    /// integration was created, at which it was enabled, and at which the schedule was set. `null` if no scan is expected: the
    /// provider has no schedule, or the integration is disabled or being deleted.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scans_expected_since: Option<Timestamp>,
    /// Time of the next expected scan, or of the missing one. A scan that is due is missing after six hours.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_scan_at: Option<Timestamp>,
    /// Whether the scan is missing: it was due more than six hours ago.
    #[serde(default)]
    pub next_scan_overdue: bool,
    /// When the deletion was requested. The findings are archived first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deletion_requested_at: Option<Timestamp>,
    /// Version, which increases with each change; initially 1.
    pub version: u64,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time of the last change.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Principal that made the last change.
    pub updated_by: String,
    /// The connection test of this request, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// Its last export that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// Uploads received while it was disabled: of a disabled integration, and in the response to enabling it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_uploads: Option<PendingUploads>,
    /// The job that archives its findings, in the response to deleting it with `archive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Findings that remain in Security Hub unmanaged, in the response to moving it to another provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphaned_findings: Option<OrphanedFindings>,
}

/// Findings that an integration sent for the provider that it was moved away from. They stay in Security Hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrphanedFindings {
    /// The provider, which has no integration now.
    pub provider: String,
    /// What happens to the findings.
    pub message: String,
    /// The commands that archive them.
    pub remediation: String,
}

impl OrphanedFindings {
    /// The orphaned findings of a provider that an integration was moved away from.
    pub(crate) fn of(provider: &ProviderId) -> Self {
        let unless = match provider.account() {
            Some(_) => "unless an integration of an organization includes the account, they are not",
            None => "except for accounts with their own integration, they are not",
        };
        Self {
            provider: provider.to_string(),
            message: format!(
                "findings of {provider} stay in Security Hub unchanged; {unless} updated or archived any more"
            ),
            remediation: format!(
                "hubctl integration create --provider {provider} --disabled, then hubctl integration delete {provider} --archive"
            ),
        }
    }
}

/// Connection status of an integration, from the newest checks of its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionSummary {
    /// The most severe status of its accounts; `degraded` if only some are connected.
    pub status: ConnectionStatus,
    /// Time of the newest check.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_checked_at: Option<Timestamp>,
    /// Since when the Regions are those of an earlier check, because later ones failed for a transient reason; for an
    /// organization, since when no account was reachable.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub stale_since: Option<Timestamp>,
    /// Regions that are available in at least one account.
    pub regions: Vec<RegionName>,
    /// Number of checked accounts.
    pub accounts: u64,
    /// Number of disconnected accounts.
    pub accounts_disconnected: u64,
    /// Number of accounts that the newest check did not reach for a transient reason; their status is from an earlier check.
    #[serde(default)]
    pub accounts_not_reached: u64,
    /// Problem of the first account that has one.
    pub problem: Option<Problem>,
}

/// A connection test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Test {
    /// Outcome of the test.
    pub outcome: TestOutcome,
    /// Summary of the result.
    pub message: String,
    /// Number of accounts by outcome.
    #[serde(default)]
    pub accounts: TestedAccounts,
    /// Result of each account, the most severe first; at most 100.
    #[schema(value_type = Vec<Connection>)]
    pub connections: Vec<exporter::connection::Connection>,
}

/// The accounts of a connection test. Each of `total` is counted in one of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TestedAccounts {
    /// All known accounts.
    pub total: u64,
    /// Connected in every expected Region.
    pub connected: u64,
    /// Connected, but an expected Region is unavailable.
    pub degraded: u64,
    /// Disconnected.
    pub disconnected: u64,
    /// No response from the account, or from a Region that was available before.
    pub unanswered: u64,
    /// Not checked: deadline exceeded, or the check ended without a result.
    pub unchecked: u64,
    /// Accounts that were not checked; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub unchecked_ids: Vec<asff::AccountId>,
}

/// The last export of an integration that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastRun {
    /// Run ID.
    pub id: String,
    /// Time at which it started.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its status.
    pub status: RunStatus,
    /// Findings sent for the integration's accounts.
    pub sent: u64,
    /// Findings of earlier scans that were archived.
    pub archived: u64,
    /// Quarantined and undelivered findings of the integration's accounts.
    pub errors: u64,
    /// Findings that require approval to be archived.
    #[serde(default)]
    pub pending: u64,
}

impl From<IntegrationRun> for LastRun {
    fn from(run: IntegrationRun) -> Self {
        let IntegrationRun { run_id, started_at, status, sent, archived, errors, pending, .. } = run;
        Self { id: run_id, at: started_at, status, sent, archived, errors, pending }
    }
}

/// Uploads that were recorded while an integration was disabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingUploads {
    /// Number of runs with pending findings.
    pub runs: u64,
    /// Number of runs that are being replayed.
    pub replayed: u64,
    /// Whether there may be more.
    pub more: bool,
    /// The job that replays them, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

impl IntegrationView {
    /// Converts the stored value, with its current status. Scans and exports are unknown.
    pub fn of(stored: &Stored<Integration>, provider_alias: Option<String>, connection: ConnectionSummary) -> Self {
        let Stored { value, version, created_at, updated_at, updated_by, .. } = stored;
        Self {
            id: value.provider.to_string(),
            provider: value.provider.to_string(),
            provider_alias,
            settings: value.settings.clone(),
            credentials: CredentialsView::of_integration(value),
            connection,
            scans_expected_since: None,
            next_scan_at: None,
            next_scan_overdue: false,
            deletion_requested_at: value.deletion_requested_at,
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
            updated_by: updated_by.clone(),
            test: None,
            last_run: None,
            pending_uploads: None,
            job_id: None,
            orphaned_findings: None,
        }
    }
}

//! Integrations in requests and responses.

use asff::{RegionName, ScanFormat, SeverityLabel};
use exporter::connection::{Connection, Problem};
use exporter::integration::{ArchiveScope, Integration, MutedFindings};
use exporter::provider::ProviderId;
use exporter::scan_source::ScanSource;
use exporter::settings_store::Stored;
use exporter::state::Resend;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConnectionStatus, CredentialsBody, CredentialsView, TestOutcome};

/// An integration to create. Omitted settings have their default.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegrationBody {
    /// ID of the provider whose findings are exported: an account or an organization. It must exist.
    #[schema(pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    pub provider: String,
    /// If false, uploads are recorded and can be replayed.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// Send failed findings only.
    #[schema(default = true)]
    pub only_failed: Option<bool>,
    /// Archive findings that a newer scan shows as resolved.
    #[schema(default = false)]
    pub archive_previous_findings: Option<bool>,
    /// What a scan covers, which determines whether absent findings are archived.
    #[schema(value_type = Option<ArchiveScope>)]
    pub archive_scope: Option<String>,
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    pub archive_limit_percent: Option<i64>,
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    #[schema(minimum = 1, maximum = 14, default = 2)]
    pub absent_scans: Option<i64>,
    /// A scan with less than this share of the last whole scan's results or checks looks partial: absent findings are not
    /// archived. 0 disables the check.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    pub partial_scan_percent: Option<i64>,
    /// Which findings are sent: new and changed ones plus a monthly refresh, or all findings of every scan.
    #[schema(value_type = Option<Resend>)]
    pub resend: Option<String>,
    /// Findings below this severity are not sent.
    #[schema(value_type = Option<SeverityLabel>)]
    pub severity_min: Option<String>,
    /// How muted findings are handled.
    #[schema(value_type = Option<MutedFindings>)]
    pub muted: Option<String>,
    /// Regions that may receive findings, in one partition. Default: every enabled Region.
    #[schema(min_items = 1, max_items = 100)]
    pub regions: Option<Vec<String>>,
    /// Region for findings whose own Region is unavailable. If `regions` is set, it must be one of them.
    #[schema(max_length = 16)]
    pub fallback_region: Option<String>,
    /// Authorized sources of scans. Default: any. An upload from another source changes nothing for the integration's accounts.
    #[schema(min_items = 1, max_items = 20)]
    pub scan_sources: Option<Vec<ScanSourceBody>>,
    /// Prowler writes one scan in several formats; this one is exported.
    #[schema(value_type = Option<ScanFormat>)]
    pub format: Option<String>,
    /// Accept the Prowler product in Regions in which Security Hub is enabled and doesn't accept it yet.
    #[schema(default = false)]
    pub auto_accept_product: Option<bool>,
    /// Credentials to call Security Hub with. Default: the provider's.
    pub credentials: Option<CredentialsBody>,
}

/// A source of scans. If both fields are set, both must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanSourceBody {
    /// Keys that begin with it, if it ends with `/`; otherwise this key alone. `{account_id}` is replaced by the account of
    /// the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1024, example = "scans/{account_id}/")]
    pub prefix: Option<String>,
    /// Account that uploaded the object, according to the `EventBridge` event, or `{account_id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^([0-9]{12}|\{account_id\})$")]
    pub uploader_account: Option<String>,
}

/// Changes of an integration. Null resets a setting to its default; omitted settings are unchanged. Credentials have their own
/// path.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IntegrationPatch {
    /// Another provider; moves the integration to its ID.
    #[schema(value_type = String, pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// If false, uploads are recorded and can be replayed.
    pub enabled: Option<bool>,
    /// Send failed findings only.
    pub only_failed: Option<bool>,
    /// Archive findings that a newer scan shows as resolved.
    pub archive_previous_findings: Option<bool>,
    /// What a scan covers, which determines whether absent findings are archived.
    #[schema(value_type = Option<ArchiveScope>)]
    pub archive_scope: Option<String>,
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    #[schema(minimum = 0, maximum = 100)]
    pub archive_limit_percent: Option<i64>,
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    #[schema(minimum = 1, maximum = 14)]
    pub absent_scans: Option<i64>,
    /// A scan with less than this share of the last whole scan's results or checks looks partial: absent findings are not
    /// archived. 0 disables the check.
    #[schema(minimum = 0, maximum = 100)]
    pub partial_scan_percent: Option<i64>,
    /// Which findings are sent.
    #[schema(value_type = Option<Resend>)]
    pub resend: Option<String>,
    /// Findings below this severity are not sent.
    #[schema(value_type = Option<SeverityLabel>)]
    pub severity_min: Option<String>,
    /// How muted findings are handled.
    #[schema(value_type = Option<MutedFindings>)]
    pub muted: Option<String>,
    /// The Regions that may receive findings.
    #[schema(min_items = 1, max_items = 100)]
    pub regions: Option<Vec<String>>,
    /// Region for findings whose own Region is unavailable.
    #[schema(max_length = 16)]
    pub fallback_region: Option<String>,
    /// Authorized sources of scans; replaces the list.
    #[schema(min_items = 1, max_items = 20)]
    pub scan_sources: Option<Vec<ScanSourceBody>>,
    /// Which of Prowler's formats is exported.
    #[schema(value_type = Option<ScanFormat>)]
    pub format: Option<String>,
    /// Accept the Prowler product in Regions in which Security Hub is enabled and doesn't accept it yet.
    pub auto_accept_product: Option<bool>,
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
    /// Whether the integration is enabled.
    pub enabled: bool,
    /// Whether it sends failed findings only.
    pub only_failed: bool,
    /// Whether it archives findings that a newer scan shows as resolved.
    pub archive_previous_findings: bool,
    /// What a scan covers, which determines whether absent findings are archived.
    pub archive_scope: ArchiveScope,
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    #[schema(minimum = 0, maximum = 100)]
    pub archive_limit_percent: u8,
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    #[schema(minimum = 1, maximum = 14)]
    pub absent_scans: u8,
    /// A scan with less than this share of the last whole scan's results or checks looks partial: absent findings are not
    /// archived. 0 disables the check.
    #[schema(minimum = 0, maximum = 100)]
    pub partial_scan_percent: u8,
    /// Which findings are sent.
    pub resend: Resend,
    /// Findings below this severity are not sent.
    pub severity_min: Option<SeverityLabel>,
    /// How muted findings are handled.
    pub muted: MutedFindings,
    /// Regions that may receive findings. Null: every enabled Region.
    pub regions: Option<Vec<RegionName>>,
    /// Region for findings whose own Region is unavailable.
    pub fallback_region: Option<RegionName>,
    /// Authorized sources of scans. Null: any.
    #[schema(value_type = Option<Vec<ScanSourceBody>>)]
    pub scan_sources: Option<Vec<ScanSource>>,
    /// Which of Prowler's formats is exported.
    pub format: ScanFormat,
    /// Whether it accepts the Prowler product in enabled Regions.
    pub auto_accept_product: bool,
    /// Credentials to call Security Hub with.
    pub credentials: CredentialsView,
    /// Connection status, from the newest checks.
    pub connection: ConnectionSummary,
    /// Time of the next expected scan, if the provider has a schedule.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_scan_at: Option<Timestamp>,
    /// Whether that time has passed: the scan is overdue.
    #[serde(default)]
    pub next_scan_overdue: bool,
    /// Since when it is being deleted: its findings are archived first.
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
    /// Uploads received while it was disabled, in the response to enabling it.
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
    /// Of a provider that an integration moved away from.
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
    /// Converts the stored value, with its current status.
    pub fn of(
        stored: &Stored<Integration>,
        provider_alias: Option<String>,
        connection: ConnectionSummary,
        next_scan_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let Stored { value, version, created_at, updated_at, updated_by, .. } = stored;
        Self {
            id: value.provider.to_string(),
            provider: value.provider.to_string(),
            provider_alias,
            enabled: value.enabled,
            only_failed: value.only_failed,
            archive_previous_findings: value.archive_previous_findings,
            archive_scope: value.archive_scope,
            archive_limit_percent: value.archive_limit_percent,
            absent_scans: value.absent_scans,
            partial_scan_percent: value.partial_scan_percent,
            resend: value.resend,
            severity_min: value.severity_min,
            muted: value.muted,
            regions: value.regions.clone(),
            fallback_region: value.fallback_region,
            scan_sources: value.scan_sources.clone(),
            format: value.format,
            auto_accept_product: value.auto_accept_product,
            credentials: CredentialsView::of_integration(value.credentials.as_ref()),
            connection,
            next_scan_at,
            next_scan_overdue: next_scan_at.is_some_and(|at| at < now),
            deletion_requested_at: value.deletion_requested_at,
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
            updated_by: updated_by.clone(),
            test: None,
            pending_uploads: None,
            job_id: None,
            orphaned_findings: None,
        }
    }
}

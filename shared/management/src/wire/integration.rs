//! Integrations as they travel.

use asff::{RegionName, ScanFormat, SeverityLabel};
use exporter::connection::{Connection, Problem};
use exporter::integration::{ArchiveScope, Integration, MutedFindings};
use exporter::provider::ProviderId;
use exporter::registry::Stored;
use exporter::scan_source::ScanSource;
use exporter::state::Resend;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConnectionStatus, CredentialsBody, CredentialsView, TestOutcome};

/// An integration to be created. What is left out has its default.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegrationBody {
    /// The provider whose findings are exported: an account, or an organization. There must be one of this id.
    #[schema(pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    pub provider: String,
    /// Off: uploads are recorded and can be replayed.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// Send failed findings only.
    #[schema(default = true)]
    pub only_failed: Option<bool>,
    /// Archive what a newer scan shows to be resolved.
    #[schema(default = false)]
    pub archive_previous_findings: Option<bool>,
    /// What the scans cover, which decides whether a finding is archived for being absent from one.
    #[schema(value_type = Option<ArchiveScope>)]
    pub archive_scope: Option<String>,
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    pub archive_limit_percent: Option<i64>,
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    #[schema(minimum = 1, maximum = 14, default = 2)]
    pub absent_scans: Option<i64>,
    /// A scan with less than this share of the last whole scan's results or checks looks partial and archives nothing for
    /// being absent. 0: no scan looks partial.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    pub partial_scan_percent: Option<i64>,
    /// Which findings are sent: what changed, or all of them at every scan.
    #[schema(value_type = Option<Resend>)]
    pub resend: Option<String>,
    /// Findings below this severity are not sent.
    #[schema(value_type = Option<SeverityLabel>)]
    pub severity_min: Option<String>,
    /// What happens to muted findings.
    #[schema(value_type = Option<MutedFindings>)]
    pub muted: Option<String>,
    /// The Regions that may receive findings, of one partition. Left out: every Region that takes them.
    #[schema(min_items = 1, max_items = 100)]
    pub regions: Option<Vec<String>>,
    /// Where the findings go that their own Region does not take; one of `regions`, where these are named.
    #[schema(max_length = 16)]
    pub fallback_region: Option<String>,
    /// The sources from which scans are accepted. Left out: any. An upload from elsewhere changes nothing for the integration's
    /// accounts.
    #[schema(min_items = 1, max_items = 20)]
    pub scan_sources: Option<Vec<ScanSourceBody>>,
    /// Prowler writes one scan in several formats; this one is exported.
    #[schema(value_type = Option<ScanFormat>)]
    pub format: Option<String>,
    /// Accept the Prowler product in Regions whose hub is on and where nobody did.
    #[schema(default = false)]
    pub auto_accept_product: Option<bool>,
    /// As whom Security Hub is called. Left out: as the provider says.
    pub credentials: Option<CredentialsBody>,
}

/// A source of scans. If both fields are set, both must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanSourceBody {
    /// Keys that begin with it, if it ends with `/`; otherwise this key alone. `{account_id}` stands for the account that a
    /// finding is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1024, example = "scans/{account_id}/")]
    pub prefix: Option<String>,
    /// The account that uploaded the object, by S3's event of `EventBridge`, or `{account_id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^([0-9]{12}|\{account_id\})$")]
    pub uploader_account: Option<String>,
}

/// What can be changed of an integration. Null takes a setting back to its default; what is left out stays as it is.
/// Credentials have an address of their own.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IntegrationPatch {
    /// Another provider: the integration moves to its id.
    #[schema(value_type = String, pattern = r"^([0-9]{12}|o-[a-z0-9]{10,32})$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Off: uploads are recorded and can be replayed.
    pub enabled: Option<bool>,
    /// Send failed findings only.
    pub only_failed: Option<bool>,
    /// Archive what a newer scan shows to be resolved.
    pub archive_previous_findings: Option<bool>,
    /// What the scans cover, which decides whether a finding is archived for being absent from one.
    #[schema(value_type = Option<ArchiveScope>)]
    pub archive_scope: Option<String>,
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    #[schema(minimum = 0, maximum = 100)]
    pub archive_limit_percent: Option<i64>,
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    #[schema(minimum = 1, maximum = 14)]
    pub absent_scans: Option<i64>,
    /// A scan with less than this share of the last whole scan's results or checks looks partial and archives nothing for
    /// being absent. 0: no scan looks partial.
    #[schema(minimum = 0, maximum = 100)]
    pub partial_scan_percent: Option<i64>,
    /// Which findings are sent.
    #[schema(value_type = Option<Resend>)]
    pub resend: Option<String>,
    /// Findings below this severity are not sent.
    #[schema(value_type = Option<SeverityLabel>)]
    pub severity_min: Option<String>,
    /// What happens to muted findings.
    #[schema(value_type = Option<MutedFindings>)]
    pub muted: Option<String>,
    /// The Regions that may receive findings.
    #[schema(min_items = 1, max_items = 100)]
    pub regions: Option<Vec<String>>,
    /// Where the findings go that their own Region does not take.
    #[schema(max_length = 16)]
    pub fallback_region: Option<String>,
    /// The sources from which scans are accepted, all of them.
    #[schema(min_items = 1, max_items = 20)]
    pub scan_sources: Option<Vec<ScanSourceBody>>,
    /// Which of Prowler's formats is exported.
    #[schema(value_type = Option<ScanFormat>)]
    pub format: Option<String>,
    /// Accept the Prowler product in Regions whose hub is on and where nobody did.
    pub auto_accept_product: Option<bool>,
}

/// An integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntegrationView {
    /// Its id, which is its provider's.
    pub id: String,
    /// The provider whose findings are exported.
    pub provider: String,
    /// The provider's name for people.
    pub provider_alias: Option<String>,
    /// Whether it exports.
    pub enabled: bool,
    /// Whether it sends failed findings only.
    pub only_failed: bool,
    /// Whether it archives what a newer scan shows to be resolved.
    pub archive_previous_findings: bool,
    /// What the scans cover, which decides whether a finding is archived for being absent from one.
    pub archive_scope: ArchiveScope,
    /// Maximum share of the account's active findings to archive without approval, in percent. Up to 20 findings are
    /// archived whatever the share; 0 always requires approval.
    #[schema(minimum = 0, maximum = 100)]
    pub archive_limit_percent: u8,
    /// Consecutive whole scans that a finding must be absent from before it is archived, if absence is the only evidence.
    #[schema(minimum = 1, maximum = 14)]
    pub absent_scans: u8,
    /// A scan with less than this share of the last whole scan's results or checks looks partial and archives nothing for
    /// being absent. 0: no scan looks partial.
    #[schema(minimum = 0, maximum = 100)]
    pub partial_scan_percent: u8,
    /// Which findings are sent.
    pub resend: Resend,
    /// Findings below this severity are not sent.
    pub severity_min: Option<SeverityLabel>,
    /// What happens to muted findings.
    pub muted: MutedFindings,
    /// The Regions that may receive findings. Null: every Region that takes them.
    pub regions: Option<Vec<RegionName>>,
    /// Where the findings go that their own Region does not take.
    pub fallback_region: Option<RegionName>,
    /// The sources from which scans are accepted. Null: any.
    #[schema(value_type = Option<Vec<ScanSourceBody>>)]
    pub scan_sources: Option<Vec<ScanSource>>,
    /// Which of Prowler's formats is exported.
    pub format: ScanFormat,
    /// Whether it accepts the Prowler product where nobody did.
    pub auto_accept_product: bool,
    /// As whom Security Hub is called.
    pub credentials: CredentialsView,
    /// How it is connected, by the newest checks.
    pub connection: ConnectionSummary,
    /// When the next scan is due, where the provider has a schedule.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_scan_at: Option<Timestamp>,
    /// Whether that time has passed: the scan is overdue.
    #[serde(default)]
    pub next_scan_overdue: bool,
    /// Since when it is being deleted: what it sent is archived first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deletion_requested_at: Option<Timestamp>,
    /// Counts its changes; 1 when it is new.
    pub version: u64,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// The test that this request caused, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// The uploads that wait since it was disabled, in the answer to enabling it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_uploads: Option<PendingUploads>,
    /// The job that archives what it sent, in the answer to deleting it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// What stays behind in Security Hub, in the answer to moving it to another provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphaned_findings: Option<OrphanedFindings>,
}

/// What an integration sent for the provider that it moved away from. It stays in Security Hub as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrphanedFindings {
    /// The provider that has no integration now.
    pub provider: String,
    /// What becomes of it, in a sentence.
    pub message: String,
    /// The commands that archive it.
    pub remediation: String,
}

impl OrphanedFindings {
    /// Of a provider that an integration moved away from.
    pub(crate) fn of(provider: &ProviderId) -> Self {
        let keeper = match provider.account() {
            Some(_) => "unless an organization's integration reaches the account, nobody",
            None => "but for accounts with integrations of their own, nobody",
        };
        Self {
            provider: provider.to_string(),
            message: format!(
                "what was sent for {provider} stays in Security Hub as it is; {keeper} updates or archives it any more"
            ),
            remediation: format!(
                "hubctl integration create --provider {provider} --disabled, then hubctl integration delete {provider} --archive"
            ),
        }
    }
}

/// How an integration is connected: the newest checks of all its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionSummary {
    /// The worst of its accounts; `degraded`, where some are connected and some are not.
    pub status: ConnectionStatus,
    /// When the newest check ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_checked_at: Option<Timestamp>,
    /// Since when the Regions are those of an earlier check, because later ones failed for a passing reason; of an organization,
    /// since when no account was reached.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub stale_since: Option<Timestamp>,
    /// The Regions that take findings, in at least one account.
    pub regions: Vec<RegionName>,
    /// Accounts that were checked.
    pub accounts: u64,
    /// Those of them that are disconnected.
    pub accounts_disconnected: u64,
    /// Those of them that the newest check did not reach for a passing reason: what is said of them is what an earlier one found.
    #[serde(default)]
    pub accounts_not_reached: u64,
    /// What is wrong with the first account that has something wrong.
    pub problem: Option<Problem>,
}

/// A connection test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Test {
    /// How it ended.
    pub outcome: TestOutcome,
    /// What was found, in a sentence.
    pub message: String,
    /// How many accounts stand how.
    #[serde(default)]
    pub accounts: TestedAccounts,
    /// What was found in each account, the worst first; of an organization, at most 100.
    #[schema(value_type = Vec<Connection>)]
    pub connections: Vec<exporter::connection::Connection>,
}

/// The accounts of a connection test. Each of `total` is counted in one of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TestedAccounts {
    /// All accounts that are known.
    pub total: u64,
    /// They take findings wherever they should.
    pub connected: u64,
    /// They take findings, but not in a Region that is named or took them before.
    pub degraded: u64,
    /// They take none.
    pub disconnected: u64,
    /// They, or Regions of theirs that took findings before, did not answer.
    pub unanswered: u64,
    /// They were not checked: the time was over, or the check ended without a result.
    pub unchecked: u64,
    /// Those that were not checked; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub unchecked_ids: Vec<asff::AccountId>,
}

/// Uploads that were recorded while an integration was disabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingUploads {
    /// Runs whose findings wait.
    pub runs: u64,
    /// Those that are being replayed now.
    pub replayed: u64,
    /// Whether there may be more than were looked at.
    pub more: bool,
    /// The job that replays them, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

impl IntegrationView {
    /// As it is kept, with what is known of it.
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

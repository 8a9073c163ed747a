//! An integration: which account's findings go to Security Hub, with which credentials, through which filters.

use asff::{AccountId, RegionName, ScanFormat, SeverityLabel};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::credentials::{ANY_ACCOUNT, Credentials, Role};
use crate::provider::ProviderId;
use crate::scan_source::{ScanSource, quoted};
use crate::state::Resend;
use crate::upload::UploadInfo;

/// The settings of one provider's integration. Every default suits most accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// The account, or the organization of accounts, whose findings are exported, each into its own Security Hub.
    pub provider: ProviderId,
    /// Off: uploads are recorded as undelivered and can be replayed.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Send failed findings only. On by default, as it is in Prowler App: fewer events to pay for.
    #[serde(default = "yes")]
    pub only_failed: bool,
    /// Archive what a newer scan shows to be resolved.
    #[serde(default)]
    pub archive_previous_findings: bool,
    /// What a scan that lacks a finding says about it.
    #[serde(default)]
    pub archive_scope: ArchiveScope,
    /// Consecutive scans that a finding must be absent from before it is archived, where absence alone is the evidence.
    #[serde(default = "default_absent_scans")]
    pub absent_scans: u8,
    /// A scan with less than this share of the last whole scan's results, or of its checks, looks partial. 0: none does.
    #[serde(default = "default_partial_scan_percent")]
    pub partial_scan_percent: u8,
    /// The share of the account's active findings that are archived without approval.
    #[serde(default = "default_archive_limit_percent")]
    pub archive_limit_percent: u8,
    /// Which findings are sent: what changed, or all of them at every scan.
    #[serde(default)]
    pub resend: Resend,
    /// Findings below this severity are not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_min: Option<SeverityLabel>,
    /// What happens to muted findings.
    #[serde(default)]
    pub muted: MutedFindings,
    /// The Regions that may receive findings. None: every Region that takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<RegionName>>,
    /// Where the findings go that their own Region does not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_region: Option<RegionName>,
    /// The sources from which scans are accepted. None: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_sources: Option<Vec<ScanSource>>,
    /// Prowler writes one scan in several formats; this one is exported.
    #[serde(default = "default_format")]
    pub format: ScanFormat,
    /// As whom Security Hub is called. None: as the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Accept the Prowler product in Regions whose hub is on and where nobody did.
    #[serde(default)]
    pub auto_accept_product: bool,
    /// Since when it is being deleted: what it sent is archived first. It exports nothing meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_requested_at: Option<Timestamp>,
    /// Since when it is enabled: no scan that was due before is missing. None: nobody knows, or it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_since: Option<Timestamp>,
}

impl Integration {
    /// An integration with every setting at its default.
    pub fn new(provider: impl Into<ProviderId>) -> Self {
        Self {
            provider: provider.into(),
            enabled: true,
            only_failed: true,
            archive_previous_findings: false,
            archive_scope: ArchiveScope::default(),
            absent_scans: default_absent_scans(),
            partial_scan_percent: default_partial_scan_percent(),
            archive_limit_percent: default_archive_limit_percent(),
            resend: Resend::default(),
            severity_min: None,
            muted: MutedFindings::default(),
            regions: None,
            fallback_region: None,
            scan_sources: None,
            format: default_format(),
            credentials: None,
            auto_accept_product: false,
            deletion_requested_at: None,
            enabled_since: None,
        }
    }

    /// The same, put in the place of `before` at `now`: enabled since then, unless it was before.
    #[must_use]
    pub fn put(self, before: Option<&Self>, now: Timestamp) -> Self {
        let enabled_since = match before.filter(|before| before.enabled && before.provider == self.provider) {
            Some(before) => before.enabled_since,
            None => Some(now),
        };
        Self { enabled_since: enabled_since.filter(|_| self.enabled), ..self }
    }
}

/// What the scans of an account cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArchiveScope {
    /// The whole account, as far as the scanner's permissions reach.
    #[default]
    Full,
    /// Some checks in some Regions, each of them completely.
    Partial,
    /// Single resources: a finding that is absent says nothing.
    Observed,
}

impl ArchiveScope {
    /// The word that settings have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Observed => "observed",
        }
    }
}

/// Values of [`Integration::absent_scans`]: the state keeps the count in four bits.
pub const ABSENT_SCANS: std::ops::RangeInclusive<u8> = 1..=14;

/// What happens to findings that the scan's mutelist silenced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Muted))]
#[serde(rename_all = "snake_case")]
pub enum MutedFindings {
    /// Left out where only failed findings are sent, otherwise sent as WARNING.
    #[default]
    AsProwler,
    /// Never sent.
    Omit,
    /// Always sent, as WARNING.
    Send,
}

impl Role {
    /// A role without conditions.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), external_id: None, session_name: None, duration_seconds: None }
    }
}

fn yes() -> bool {
    true
}

/// Half: a scan that loses half of an account is more likely a broken scan than a good day.
fn default_archive_limit_percent() -> u8 {
    50
}

/// One scan that missed a finding may have been denied a permission; two in a row rarely are, without a trace.
fn default_absent_scans() -> u8 {
    2
}

/// Half: no account loses half of its results between two scans in the ordinary course of things.
fn default_partial_scan_percent() -> u8 {
    50
}

fn default_format() -> ScanFormat {
    ScanFormat::Ocsf
}

impl Integration {
    /// Whether findings of an account may come from an upload. A file of an operator's machine is no upload: who names it has the
    /// permissions of the exporter.
    pub fn accepts(&self, account: AccountId, upload: &UploadInfo) -> bool {
        let sources = self.scan_sources.as_deref().unwrap_or_default();
        let Some(key) = upload.key().filter(|_| !sources.is_empty()) else { return true };
        sources.iter().any(|source| source.covers(account, key, upload.requester.as_deref()))
    }

    /// The command that accepts the folder of an upload as well.
    pub(crate) fn accept_command(&self, upload: &UploadInfo) -> String {
        let key = upload.key().unwrap_or_default();
        let place = key.rsplit_once('/').map_or_else(|| key.to_owned(), |(folder, _)| format!("{folder}/"));
        // Whoever uploads chooses the key, and an operator types the command.
        let is_plain = |character: char| character.is_ascii_alphanumeric() || " /-_.=+@:,".contains(character);
        let place = if place.chars().all(is_plain) { place } else { "PREFIX/".to_owned() };
        let added = ScanSource { prefix: Some(place), uploader_account: None };
        let sources = self.scan_sources.iter().flatten().chain([&added]);
        let options = sources.map(|source| format!(" --scan-source {}", quoted(&source.option_value())));
        format!("hubctl integration configure {}{}", self.provider, options.collect::<String>())
    }
}

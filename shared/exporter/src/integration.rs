//! An integration: which account's findings go to Security Hub, with which credentials, through which filters.

use asff::{AccountId, RegionName, ScanFormat, SeverityLabel};
use serde::{Deserialize, Serialize};

use crate::state::Resend;

/// The settings of one account's integration. Every default suits most accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// The account whose findings are exported, into its own Security Hub.
    pub account: AccountId,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
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
    /// The share of the account's live findings that one run may archive without a person's word.
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
    /// Prowler writes one scan in several formats; this one is exported.
    #[serde(default = "default_format")]
    pub format: ScanFormat,
    /// As whom Security Hub is called.
    #[serde(default)]
    pub credentials: Credentials,
}

impl Integration {
    /// An integration with every setting at its default.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            alias: None,
            enabled: true,
            only_failed: true,
            archive_previous_findings: false,
            archive_scope: ArchiveScope::default(),
            archive_limit_percent: default_archive_limit_percent(),
            resend: Resend::default(),
            severity_min: None,
            muted: MutedFindings::default(),
            regions: None,
            fallback_region: None,
            format: default_format(),
            credentials: Credentials::default(),
        }
    }
}

/// What a scan covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveScope {
    /// The whole account: what it lacks is gone.
    #[default]
    Full,
    /// Some checks in some Regions: only what it lacks of these is gone.
    Partial,
}

/// What happens to findings that the scan's mutelist silenced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// As whom Security Hub of the account is called. Secrets are not here: only the place where they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credentials {
    /// The function's own identity (or, from a workstation, the SDK's default chain). It must belong to the account.
    #[default]
    Default,
    /// A role in the account, assumed with an External ID.
    Role(Role),
    /// An access key kept in Secrets Manager, optionally with a role to assume by it.
    Static {
        /// ARN or name of the secret. Its value is `{"access_key_id", "secret_access_key", "session_token"?}`.
        secret: String,
        /// The role to assume with that key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The role's ARN.
    pub arn: String,
    /// The External ID that the role's trust policy asks for. Not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The session's name, as `CloudTrail` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
}

fn yes() -> bool {
    true
}

/// Half: a scan that loses half of an account is more likely a broken scan than a good day.
fn default_archive_limit_percent() -> u8 {
    50
}

fn default_format() -> ScanFormat {
    ScanFormat::Ocsf
}

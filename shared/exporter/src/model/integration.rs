//! An integration: which account's findings are exported to Security Hub, with which credentials, and with which filters.

mod settings;
mod values;

use std::ops::{Deref, DerefMut};

use asff::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::settings::{
    ABSENT_SCANS, INTEGRATION_FIELDS, IntegrationSettings, PERCENT, ReadSetting, SETTINGS, Setting, SettingKind,
};
pub use self::values::{ArchiveScope, MutedFindings};
pub use crate::model::credentials::{ANY_ACCOUNT, Credentials, Role};
use crate::model::provider::{Provider, ProviderId};
use crate::model::scan_source::{ScanSource, quoted};
use crate::model::upload::UploadInfo;

/// The integration of a provider. It dereferences to its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// The account, or the organization of accounts, whose findings are exported, each into its own Security Hub.
    pub provider: ProviderId,
    /// The settings.
    #[serde(flatten, serialize_with = "IntegrationSettings::serialize_set")]
    pub settings: IntegrationSettings,
    /// The credentials for calls to Security Hub. `None`: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// When the deletion was requested. The integration's findings are archived first; until then it exports nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_requested_at: Option<Timestamp>,
    /// When the integration was enabled: a scan that was due earlier is not missing. `None` if it is disabled, or the time
    /// is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_since: Option<Timestamp>,
    /// Time at which these credentials, or the provider's, were selected. `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_since: Option<Timestamp>,
}

impl Deref for Integration {
    type Target = IntegrationSettings;

    fn deref(&self) -> &IntegrationSettings {
        &self.settings
    }
}

impl DerefMut for Integration {
    fn deref_mut(&mut self) -> &mut IntegrationSettings {
        &mut self.settings
    }
}

impl Integration {
    /// An integration with every setting at its default.
    pub fn new(provider: impl Into<ProviderId>) -> Self {
        Self {
            provider: provider.into(),
            settings: IntegrationSettings::default(),
            credentials: None,
            deletion_requested_at: None,
            enabled_since: None,
            credentials_since: None,
        }
    }

    /// Changes the settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut IntegrationSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Sets the times of enabling and of the credentials when this integration replaces `before` at `now`: unchanged if the
    /// integration was enabled before, and had these credentials before, otherwise `now`.
    #[must_use]
    pub fn put(self, before: Option<&Self>, now: Timestamp) -> Self {
        let enabled_since = match before.filter(|before| before.enabled && before.provider == self.provider) {
            Some(before) => before.enabled_since,
            None => Some(now),
        };
        let credentials_since = match before.filter(|before| before.credentials == self.credentials) {
            Some(before) => before.credentials_since,
            None => Some(now),
        };
        Self { enabled_since: enabled_since.filter(|_| self.enabled), credentials_since, ..self }
    }

    /// The time from which on the integration expects scans by the schedule of its provider: since it has both, and is enabled.
    /// `None` if it expects none.
    pub fn expects_scans_since(&self, created_at: Timestamp, provider: &Provider) -> Option<Timestamp> {
        let expects = self.enabled && self.deletion_requested_at.is_none() && provider.scan_schedule.is_some();
        [Some(created_at), self.enabled_since, provider.schedule_since].into_iter().max().flatten().filter(|_| expects)
    }
}

impl Role {
    /// A role without conditions.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), external_id: None, session_name: None, duration_seconds: None }
    }
}

impl Integration {
    /// Whether the source of an upload is authorized for findings of an account. Sources don't apply to a local file: the
    /// operator who names it has the permissions of the exporter.
    pub fn accepts(&self, account: AccountId, upload: &UploadInfo) -> bool {
        let sources = self.scan_sources.as_deref().unwrap_or_default();
        let Some(key) = upload.key().filter(|_| !sources.is_empty()) else { return true };
        sources.iter().any(|source| source.covers(account, key, upload.requester.as_deref()))
    }

    /// The command that authorizes the directory of an upload in addition.
    pub(crate) fn accept_command(&self, upload: &UploadInfo) -> String {
        let key = upload.key().unwrap_or_default();
        let place = key.rsplit_once('/').map_or_else(|| key.to_owned(), |(folder, _)| format!("{folder}/"));
        // The key is chosen by the uploader, and an operator runs the command.
        let is_plain = |character: char| character.is_ascii_alphanumeric() || " /-_.=+@:,".contains(character);
        let place = if place.chars().all(is_plain) { place } else { "PREFIX/".to_owned() };
        let added = ScanSource { prefix: Some(place), uploader_account: None };
        let sources = self.scan_sources.iter().flatten().chain([&added]);
        let options = sources.map(|source| format!(" --scan-source {}", quoted(&source.option_value())));
        format!("hubctl integration configure {}{}", self.provider, options.collect::<String>())
    }
}

//! An integration: which account's findings go to Security Hub, with which credentials, through which filters.

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
pub use crate::credentials::{ANY_ACCOUNT, Credentials, Role};
use crate::provider::ProviderId;
use crate::scan_source::{ScanSource, quoted};
use crate::upload::UploadInfo;

/// The integration of a provider. It dereferences to its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// The account, or the organization of accounts, whose findings are exported, each into its own Security Hub.
    pub provider: ProviderId,
    /// What users set.
    #[serde(flatten, serialize_with = "IntegrationSettings::serialize_set")]
    pub settings: IntegrationSettings,
    /// As whom Security Hub is called. None: as the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Since when it is being deleted: what it sent is archived first. It exports nothing meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_requested_at: Option<Timestamp>,
    /// Since when it is enabled: no scan that was due before is missing. None: nobody knows, or it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_since: Option<Timestamp>,
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
        }
    }

    /// The same with other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut IntegrationSettings)) -> Self {
        change(&mut self.settings);
        self
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

impl Role {
    /// A role without conditions.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), external_id: None, session_name: None, duration_seconds: None }
    }
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

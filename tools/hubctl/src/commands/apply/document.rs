//! The configuration file: its structure, and the value that it declares for each setting.
//!
//! Omitted settings have their default values, so that the file is complete. Secrets are given by reference only: a secret in
//! AWS Secrets Manager, or a file that is read when the key is sent. Environment variables are not supported: process lists
//! and build logs show them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use exporter::model::integration::IntegrationSettings;
use exporter::model::provider::ProviderId;
use management::wire::{CredentialsKind, IntegrationFields};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::render::yaml;

/// Maximum size of a file, in bytes: 10,000 integrations with all settings.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A configuration file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// `None` if the file has no such key; then providers are unchanged.
    #[serde(default)]
    pub(super) providers: Option<Vec<DeclaredProvider>>,
    /// `None` if the file has no such key; then integrations are unchanged.
    #[serde(default)]
    pub(super) integrations: Option<Vec<DeclaredIntegration>>,
}

/// A provider.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredProvider {
    pub(super) id: ProviderId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scan_schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<DeclaredCredentials>,
}

/// An integration.
#[derive(Debug, Serialize)]
pub(super) struct DeclaredIntegration {
    pub(super) provider: ProviderId,
    /// Omitted settings have their default.
    #[serde(flatten, serialize_with = "IntegrationSettings::serialize_set")]
    settings: IntegrationSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<DeclaredCredentials>,
}

impl<'de> Deserialize<'de> for DeclaredIntegration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let IntegrationFields { provider, settings, credentials } = IntegrationFields::read(deserializer)?;
        Ok(Self { provider, settings, credentials })
    }
}

/// The credentials of a provider or an integration.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredCredentials {
    /// `provider`, `default` or `static`.
    pub(super) kind: String,
    /// For `static`: name or ARN of a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
    /// For `static`: a file with the key, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) access_key_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<DeclaredRole>,
}

/// A role to assume.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredRole {
    pub(super) arn: String,
    /// If omitted, the External ID is unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) duration_seconds: Option<u16>,
}

/// Settings by their API names. Null: not set.
pub(super) type Settings = BTreeMap<String, Value>;

impl Document {
    /// Reads a file, or standard input (`-`).
    ///
    /// # Errors
    ///
    /// If it can't be read or is invalid; the message states where and why.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| Failure::new(Exit::Error, format!("failed to read {name}: {error}"));
        let mut text = String::new();
        let length = if path == Path::new("-") {
            read_at_most(std::io::stdin().lock(), &mut text)
        } else {
            std::fs::File::open(path).and_then(|file| read_at_most(file, &mut text))
        };
        if length.map_err(unreadable)? > FILE_BYTES_MAX {
            return Err(Failure::new(Exit::Usage, format!("{name} has more than {FILE_BYTES_MAX} bytes")));
        }
        let document: Option<Self> =
            yaml::parse(&text).map_err(|error| Failure::new(Exit::Usage, format!("{name}: {error}")))?;
        let document = document.unwrap_or_default();
        document.check(&name)?;
        Ok(document)
    }

    /// Checks rules that concern more than one field.
    fn check(&self, name: &str) -> Result<(), Failure> {
        if self.providers.is_none() && self.integrations.is_none() {
            let message = format!("no providers or integrations in {name}");
            return Err(
                Failure::new(Exit::Usage, message).hint("to export the current configuration: hubctl config export")
            );
        }
        let mut seen = BTreeSet::new();
        let providers = self.providers().map(|provider| ("provider", &provider.id));
        let integrations = self.integrations().map(|integration| ("integration", &integration.provider));
        for (noun, id) in providers.chain(integrations) {
            if !seen.insert((noun, id.clone())) {
                return Err(Failure::new(Exit::Usage, format!("{name} declares the {noun} {id} twice")));
            }
        }
        let of_provider = |declared: &&DeclaredProvider| {
            declared.credentials.as_ref().is_some_and(|credentials| credentials.kind == "provider")
        };
        if let Some(declared) = self.providers().find(of_provider) {
            let message = format!("{name}: provider {} has credentials of kind `provider`", declared.id);
            let hint = "use the kind `default` or `static`; `provider` is for integrations";
            return Err(Failure::new(Exit::Usage, message).hint(hint));
        }
        Ok(())
    }

    /// The declared providers.
    pub(super) fn providers(&self) -> impl Iterator<Item = &DeclaredProvider> {
        self.providers.iter().flatten()
    }

    /// The declared integrations.
    pub(super) fn integrations(&self) -> impl Iterator<Item = &DeclaredIntegration> {
        self.integrations.iter().flatten()
    }
}

fn read_at_most(from: impl std::io::Read, text: &mut String) -> std::io::Result<u64> {
    let read = std::io::Read::read_to_string(&mut std::io::Read::take(from, FILE_BYTES_MAX + 1), text)?;
    Ok(read as u64)
}

impl DeclaredProvider {
    /// The declared settings, without credentials.
    pub(super) fn settings(&self) -> Settings {
        let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
        let both = [("alias", text(&self.alias)), ("scan_schedule", text(&self.scan_schedule))];
        both.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl DeclaredIntegration {
    /// The declared settings, without credentials; omitted ones have their default.
    pub(super) fn settings(&self) -> Settings {
        by_name(&self.settings)
    }
}

/// The settings of an integration by their names.
pub(super) fn by_name(settings: &IntegrationSettings) -> Settings {
    settings.values().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The file's name of a kind of credentials.
pub(super) fn kind_word(kind: CredentialsKind) -> &'static str {
    match kind {
        CredentialsKind::Provider => "provider",
        CredentialsKind::Default => "default",
        CredentialsKind::Static => "static",
    }
}

#[cfg(test)]
mod tests {
    use exporter::model::integration::SETTINGS;
    use serde_json::json;

    use super::*;
    use crate::args::settings::another_value;

    #[test]
    fn omitted_settings_have_their_default() {
        let text = "integrations:\n- provider: 012345678901\n  archive_previous_findings: true\n  severity_min: HIGH\n";
        let document: Document = yaml::parse(text).unwrap();
        let settings = document.integrations().next().unwrap().settings();
        assert_eq!(settings["archive_previous_findings"], true);
        assert_eq!(settings["severity_min"], "HIGH");
        assert_eq!((&settings["only_failed"], &settings["archive_limit_percent"]), (&json!(true), &json!(50)));
        assert_eq!((&settings["regions"], &settings["muted"]), (&Value::Null, &json!("as_prowler")));
        assert_eq!(document.integrations().next().unwrap().provider.as_str(), "012345678901");
    }

    #[test]
    fn a_file_can_declare_every_setting() {
        let mut file = json!({ "provider": "123456789012", "credentials": { "kind": "default" } });
        for setting in SETTINGS {
            file[setting.name] = another_value(setting);
        }
        let declared: DeclaredIntegration = yaml::parse(&file.to_string()).unwrap();
        assert_eq!(json!(declared), file);
        for (name, value) in declared.settings() {
            assert_eq!(value, file[&name], "{name}");
        }
    }

    #[test]
    fn a_file_with_an_unknown_key_is_rejected() {
        for wrong in [
            "integrations:\n- provider: 123456789012\n  only_failde: true\n",
            "integrations:\n- provider: 12345\n",
            "integrations:\n- provider: 123456789012\n  credentials: {kind: static, secret_access_key: abc}\n",
            "integrations:\n- provider: 123456789012\n  archive_scope: half\n",
            "integrations:\n- only_failed: true\n",
            "- provider: 123456789012\n",
        ] {
            assert!(yaml::parse::<Document>(wrong).is_err(), "{wrong}");
        }
        let twice: Document = yaml::parse("providers: [{id: 123456789012}, {id: 123456789012}]").unwrap();
        assert!(twice.check("x.yaml").unwrap_err().message.contains("twice"));
    }
}

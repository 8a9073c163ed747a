//! The current providers and integrations of a deployment, and their export as a configuration file.

use std::collections::BTreeMap;

use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{MANAGED, Revision};
use jiff::Timestamp;
use management::wire::CredentialsKind;
use management::wire::{CredentialsView, IntegrationView, ProviderView};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::document::{by_name, kind_word};
use crate::client::{Management, read};
use crate::exit::{Exit, Failure};

/// Maximum number of resources of a kind: more than the account quota of an organization.
const THINGS_MAX: usize = 100_000;

/// A resource, with the version that was read.
pub(super) struct Existing<T> {
    pub(super) view: T,
    pub(super) etag: String,
}

/// All providers and integrations.
pub(super) struct CurrentState {
    pub(super) providers: BTreeMap<ProviderId, Existing<ProviderView>>,
    pub(super) integrations: BTreeMap<ProviderId, Existing<IntegrationView>>,
}

impl CurrentState {
    /// Reads all providers and integrations from the deployment.
    pub(super) async fn read(management: &Management) -> Result<Self, Failure> {
        let providers =
            all(management, "/providers", |view: &ProviderView| (view.id.clone(), view.version, view.created_at));
        let providers = providers.await?;
        let integrations =
            all(management, "/integrations", |view: &IntegrationView| (view.id.clone(), view.version, view.created_at));
        Ok(Self { providers, integrations: integrations.await? })
    }

    /// The configuration file. Access keys are not exported: secrets of the user are included by name, secrets that the exporter
    /// created are not.
    pub(super) fn declared(&self) -> Value {
        let providers: Vec<Value> = self.providers.values().map(|existing| declared_provider(&existing.view)).collect();
        let going = |existing: &&Existing<IntegrationView>| existing.view.deletion_requested_at.is_none();
        let integrations: Vec<Value> =
            self.integrations.values().filter(going).map(|existing| declared_integration(&existing.view)).collect();
        json!({ "providers": providers, "integrations": integrations })
    }
}

async fn all<T: DeserializeOwned>(
    management: &Management,
    path: &str,
    identity: impl Fn(&T) -> (String, u64, Timestamp),
) -> Result<BTreeMap<ProviderId, Existing<T>>, Failure> {
    let mut found = BTreeMap::new();
    for json in management.list(path, THINGS_MAX).await? {
        let view: T = read(&json)?;
        let (id, version, created_at) = identity(&view);
        let etag = management::service::etag(Revision { version, created_at });
        let id = id.parse().map_err(|error| Failure::new(Exit::Error, format!("{path}: {error}")))?;
        found.insert(id, Existing { view, etag });
    }
    Ok(found)
}

fn declared_provider(view: &ProviderView) -> Value {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), view.id.as_str().into());
    for (name, value) in [("alias", &view.alias), ("scan_schedule", &view.scan_schedule)] {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    if view.credentials.kind != CredentialsKind::Default || view.credentials.role.is_some() {
        fields.insert("credentials".to_owned(), declared_credentials(&view.credentials));
    }
    Value::Object(fields)
}

fn declared_integration(view: &IntegrationView) -> Value {
    let mut fields = Map::new();
    fields.insert("provider".to_owned(), view.provider.as_str().into());
    fields.extend(by_name(&view.settings).into_iter().filter(|(_, value)| !value.is_null()));
    if view.credentials.kind != CredentialsKind::Provider {
        fields.insert("credentials".to_owned(), declared_credentials(&view.credentials));
    }
    Value::Object(fields)
}

fn declared_credentials(view: &CredentialsView) -> Value {
    let mut fields = Map::new();
    fields.insert("kind".to_owned(), kind_word(view.kind).into());
    // The name of a managed secret changes with each key and differs between deployments.
    if let Some(secret) = view.secret.as_ref().filter(|secret| !is_managed(secret)) {
        fields.insert("secret".to_owned(), secret.as_str().into());
    }
    if let Some(role) = &view.role {
        fields.insert("role".to_owned(), json!(role));
    }
    Value::Object(fields)
}

/// Whether the exporter created the secret: PREFIX, `managed/`, the resource, and a unique suffix.
pub(super) fn is_managed(secret: &str) -> bool {
    let mut parts = secret.rsplitn(3, '/');
    let (Some(_), Some(resource), Some(before)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let resource = resource.split_once('-').filter(|(noun, _)| ["provider", "integration"].contains(noun));
    before.ends_with(MANAGED.trim_end_matches('/')) && resource.is_some_and(|(_, id)| id.parse::<ProviderId>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_secrets_are_distinguished_from_the_users_own() {
        assert!(is_managed("securityhub-exporter/managed/integration-123456789012/0193-7c41"));
        assert!(is_managed("team/x/managed/provider-o-a1b2c3d4e5/1"));
        for theirs in [
            "securityhub-exporter/key",
            "securityhub-exporter/managed/key",
            "securityhub-exporter/team/integration-123456789012/1",
            "securityhub-exporter/managed/integration-12/1",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:securityhub-exporter/key-AbCdEf",
        ] {
            assert!(!is_managed(theirs), "{theirs}");
        }
    }
}

//! Resources that a template can manage. Changes are applied to the current settings as a merge patch, including credentials.

use std::future::Future;

use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use serde_json::{Map, Value};

use super::credentials::ensure_not_deleting;
use super::resource::StoredResource;
use super::{IfMatch, Service};
use crate::check::{self, Errors, Key, Settings, ValidCredentials, patchable_settings};
use crate::http::parse_body;
use crate::merge::merged;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{CredentialsBody, IntegrationBody, ProviderBody, ProviderPatch};

/// Name of the credentials field. It is replaced as a whole, not merged.
const CREDENTIALS: &str = "credentials";

/// A provider or an integration.
pub(super) trait ManagedResource: StoredResource {
    /// Name of the field with the ID.
    const ID: &'static str;

    /// A resource with default settings.
    fn new(id: ProviderId) -> Self;

    /// Rejects unknown fields and access keys. Every principal that can view the stack could read a key in a template.
    fn validate_properties(properties: &Value) -> Result<(), ApiError>;

    /// Applies changes. Null resets credentials to their default.
    fn with_changes(&self, changes: &Map<String, Value>, deployment: &Settings) -> Result<Self, ApiError>;

    /// The properties as changes to apply to [`ManagedResource::new`].
    fn as_changes(properties: &Value) -> Map<String, Value>;

    /// Rejects changes of a resource that is being deleted.
    fn ensure_modifiable(&self) -> Result<(), ApiError>;

    /// Whether a change requires a connection test.
    fn requires_test(before: Option<&Self>, after: &Self) -> bool;

    /// Deletes the resource.
    fn delete<P: Ports>(
        service: &Service<P>,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
}

impl ManagedResource for Provider {
    const ID: &'static str = "id";

    fn new(id: ProviderId) -> Self {
        Self::new(id)
    }

    fn validate_properties(properties: &Value) -> Result<(), ApiError> {
        reject_access_key(parse_body::<ProviderBody>(properties.clone(), "")?.credentials.as_ref())
    }

    fn with_changes(&self, changes: &Map<String, Value>, deployment: &Settings) -> Result<Self, ApiError> {
        let (settings, credentials) = split_credentials(changes)?;
        let settings = check::provider(self.clone(), &parse_body(merged(ProviderPatch::json(self), &settings), "")?);
        let credentials = match credentials {
            None => Ok((self.credentials.clone(), Key::Unchanged)),
            Some(body) => {
                let body = body.unwrap_or_else(|| CredentialsBody::of_kind("default"));
                check::of_provider(&self.id, &body, Some(&self.credentials), deployment)
            }
        };
        let (settings, (credentials, _)) = Errors::both(settings, credentials)?;
        Ok(Self { credentials, ..settings })
    }

    fn as_changes(properties: &Value) -> Map<String, Value> {
        let mut changes = properties.as_object().cloned().unwrap_or_default();
        changes.remove(<Self as ManagedResource>::ID);
        // Organizations have no default credentials: the null makes the validation report the missing role.
        changes.entry(CREDENTIALS).or_insert(Value::Null);
        changes
    }

    fn ensure_modifiable(&self) -> Result<(), ApiError> {
        Ok(())
    }

    fn requires_test(_: Option<&Self>, _: &Self) -> bool {
        false
    }

    fn delete<P: Ports>(
        service: &Service<P>,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        service.delete_provider(caller, id, if_match)
    }
}

impl ManagedResource for Integration {
    const ID: &'static str = "provider";

    fn new(id: ProviderId) -> Self {
        Self::new(id)
    }

    fn validate_properties(properties: &Value) -> Result<(), ApiError> {
        reject_access_key(parse_body::<IntegrationBody>(properties.clone(), "")?.credentials.as_ref())
    }

    fn with_changes(&self, changes: &Map<String, Value>, deployment: &Settings) -> Result<Self, ApiError> {
        let (settings, credentials) = split_credentials(changes)?;
        let settings = check::integration(&parse_body(merged(patchable_settings(self), &settings), "")?, deployment);
        let own = self.credentials.as_ref();
        let credentials = match credentials {
            None => Ok(self.credentials.clone()),
            Some(None) => Ok(None),
            Some(Some(body)) => {
                check::of_integration(&self.provider, &body, own, deployment).map(|checked| match checked {
                    ValidCredentials::Inherited => None,
                    ValidCredentials::Own(credentials, _) => Some(credentials),
                })
            }
        };
        let (settings, credentials) = Errors::both(settings, credentials)?;
        Ok(Self { credentials, deletion_requested_at: self.deletion_requested_at, ..settings })
    }

    fn as_changes(properties: &Value) -> Map<String, Value> {
        let mut changes = properties.as_object().cloned().unwrap_or_default();
        changes.remove(<Self as ManagedResource>::ID);
        changes
    }

    fn ensure_modifiable(&self) -> Result<(), ApiError> {
        ensure_not_deleting(self)
    }

    fn requires_test(before: Option<&Self>, after: &Self) -> bool {
        before.is_none_or(|before| after.enabled && !before.enabled || after.credentials != before.credentials)
    }

    fn delete<P: Ports>(
        service: &Service<P>,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        service.delete_integration(caller, id, if_match, None)
    }
}

/// Splits changes into settings and credentials. The credentials are
/// `None` if unchanged, and `Some(None)` if reset to their default.
fn split_credentials(changes: &Map<String, Value>) -> Result<(Value, Option<Option<CredentialsBody>>), ApiError> {
    let mut settings = changes.clone();
    let credentials = match settings.remove(CREDENTIALS) {
        None => None,
        Some(Value::Null) => Some(None),
        Some(body) => Some(Some(parse_body(body, CREDENTIALS)?)),
    };
    Ok((Value::Object(settings), credentials))
}

/// Rejects an access key in a template.
fn reject_access_key(credentials: Option<&CredentialsBody>) -> Result<(), ApiError> {
    let has_key = credentials.is_some_and(|body| {
        body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some()
    });
    let message = "must have a Secret: an access key must not be in a template";
    if has_key { Err(ApiError::field(CREDENTIALS, message)) } else { Ok(()) }
}

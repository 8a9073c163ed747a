//! What can be declared by a template: worked out from settings as they stand and a merge patch, credentials included.

use std::future::Future;

use exporter::integration::Integration;
use exporter::provider::{Provider, ProviderId};
use serde_json::{Map, Value};

use super::credentials::stays;
use super::resource::StoredResource;
use super::{IfMatch, Service};
use crate::check::{self, Checked, Errors, Key, Settings, patchable};
use crate::http::typed;
use crate::merge::merged;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;
use crate::wire::{CredentialsBody, IntegrationBody, ProviderBody, ProviderPatch};

/// The field of the credentials. They are given as a whole, or not at all.
const CREDENTIALS: &str = "credentials";

/// A provider or an integration.
pub(super) trait ManagedResource: StoredResource {
    /// The field that has its id.
    const ID: &'static str;

    /// One with nothing but defaults.
    fn new(id: ProviderId) -> Self;

    /// Refuses what has other fields than it should, and an access key: everybody who may see a stack may see it.
    fn readable(asked: &Value) -> Result<(), ApiError>;

    /// The same with changes. A credential that is taken away is back at its default.
    fn changed(&self, changes: &Map<String, Value>, deployment: &Settings) -> Result<Self, ApiError>;

    /// All that is asked for, as changes of [`ManagedResource::new`].
    fn whole(asked: &Value) -> Map<String, Value>;

    /// Refuses, where it takes no changes any more.
    fn takes_changes(&self) -> Result<(), ApiError>;

    /// Whether a change is one to be tested.
    fn connects(before: Option<&Self>, after: &Self) -> bool;

    /// Deletes it.
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

    fn readable(asked: &Value) -> Result<(), ApiError> {
        without_key(typed::<ProviderBody>(asked.clone(), "")?.credentials.as_ref())
    }

    fn changed(&self, changes: &Map<String, Value>, deployment: &Settings) -> Result<Self, ApiError> {
        let (settings, credentials) = parted(changes)?;
        let settings = check::provider(self.clone(), &typed(merged(ProviderPatch::json(self), &settings), "")?);
        let credentials = match credentials {
            None => Ok((self.credentials.clone(), Key::Kept)),
            Some(body) => {
                let body = body.unwrap_or_else(|| CredentialsBody::of_kind("default"));
                check::of_provider(&self.id, &body, Some(&self.credentials), deployment)
            }
        };
        let (settings, (credentials, _)) = Errors::both(settings, credentials)?;
        Ok(Self { credentials, ..settings })
    }

    fn whole(asked: &Value) -> Map<String, Value> {
        let mut whole = asked.as_object().cloned().unwrap_or_default();
        whole.remove(<Self as ManagedResource>::ID);
        // Those of an organization have no default.
        whole.entry(CREDENTIALS).or_insert(Value::Null);
        whole
    }

    fn takes_changes(&self) -> Result<(), ApiError> {
        Ok(())
    }

    fn connects(_: Option<&Self>, _: &Self) -> bool {
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

    fn readable(asked: &Value) -> Result<(), ApiError> {
        without_key(typed::<IntegrationBody>(asked.clone(), "")?.credentials.as_ref())
    }

    fn changed(&self, changes: &Map<String, Value>, deployment: &Settings) -> Result<Self, ApiError> {
        let (settings, credentials) = parted(changes)?;
        let settings = check::integration(&typed(merged(patchable(self)?, &settings), "")?, deployment);
        let own = self.credentials.as_ref();
        let credentials = match credentials {
            None => Ok(self.credentials.clone()),
            Some(None) => Ok(None),
            Some(Some(body)) => {
                check::of_integration(&self.provider, &body, own, deployment).map(|checked| match checked {
                    Checked::AsProvider => None,
                    Checked::Own(credentials, _) => Some(credentials),
                })
            }
        };
        let (settings, credentials) = Errors::both(settings, credentials)?;
        Ok(Self { credentials, deletion_requested_at: self.deletion_requested_at, ..settings })
    }

    fn whole(asked: &Value) -> Map<String, Value> {
        let mut whole = asked.as_object().cloned().unwrap_or_default();
        whole.remove(<Self as ManagedResource>::ID);
        whole
    }

    fn takes_changes(&self) -> Result<(), ApiError> {
        stays(self)
    }

    fn connects(before: Option<&Self>, after: &Self) -> bool {
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

/// The settings among changes, and the credentials if they change: none, if they are back at their default.
fn parted(changes: &Map<String, Value>) -> Result<(Value, Option<Option<CredentialsBody>>), ApiError> {
    let mut settings = changes.clone();
    let credentials = match settings.remove(CREDENTIALS) {
        None => None,
        Some(Value::Null) => Some(None),
        Some(body) => Some(Some(typed(body, CREDENTIALS)?)),
    };
    Ok((Value::Object(settings), credentials))
}

/// A template is no place for an access key.
fn without_key(credentials: Option<&CredentialsBody>) -> Result<(), ApiError> {
    let has_key = credentials.is_some_and(|body| {
        body.access_key_id.is_some() || body.secret_access_key.is_some() || body.session_token.is_some()
    });
    let message = "must name a Secret: a template is no place for an access key";
    if has_key { Err(ApiError::field(CREDENTIALS, message)) } else { Ok(()) }
}

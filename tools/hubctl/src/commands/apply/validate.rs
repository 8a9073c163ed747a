//! Validates a configuration file before the first change: with the API's own checks, by opening the key files, and by looking up
//! the providers of integrations.
//!
//! Guarantee: an invalid file leaves the deployment unchanged. Conditions that only AWS can evaluate, such as whether a role can be
//! assumed, are checked by the connection tests afterwards.

use std::path::Path;

use exporter::model::integration::{Credentials, Role};
use exporter::model::provider::{Provider, ProviderId};
use management::problem::{ApiError, FieldError};
use management::wire::CredentialsKind;
use management::wire::{CredentialsBody, CredentialsView, IntegrationBody, ProviderPatch};
use management::{Settings as Deployed, check};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::current::{CurrentState, is_managed};
use super::differences::{Action, Difference, ResourceKind};
use super::document::{DeclaredCredentials, Document, Settings};
use crate::args::credentials::key::{AccessKey, KeySource};
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::{Output, text};

/// Maximum number of problems to list.
const PROBLEMS_MAX: usize = 20;
/// A field of an API body that a file replaces, the API's message, and the message for the file.
const IN_FILES: [(&str, &str, &str); 1] = [(
    "credentials.access_key_id",
    "is required if secret is not given",
    "must have secret or access_key_file: no access key is stored yet",
)];

/// A difference that passed validation.
pub(super) struct Ready<'a> {
    pub(super) difference: Difference<'a>,
    /// The credentials as the API's body, if they are sent. They may contain a key.
    pub(super) credentials: Option<Value>,
}

/// Validates all declared resources and differences.
///
/// # Errors
///
/// Lists all problems with their resources.
pub(super) fn validate<'a>(
    differences: Vec<Difference<'a>>,
    document: &Document,
    current: &CurrentState,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<Vec<Ready<'a>>, Failure> {
    let mut problems = Problems::default();
    for declared in document.providers() {
        settings_of_provider(&declared.id, &declared.settings(), &mut problems);
    }
    for declared in document.integrations() {
        let id = &declared.provider;
        settings_of_integration(id, declared.settings(), context, &mut problems);
        if !current.providers.contains_key(id) && !document.providers().any(|provider| provider.id == *id) {
            let hint =
                format!("its provider neither exists nor is declared; to create it: hubctl provider create {id}");
            problems.add(ResourceKind::Integration, id, hint);
        }
    }
    let mut ready = Vec::new();
    for difference in differences {
        let credentials = credentials(&difference, current, context, &mut problems, output);
        check_not_deleting(&difference, current, &mut problems);
        ready.push(Ready { difference, credentials });
    }
    problems.end(ready)
}

/// The directory of key files, and the deployment.
pub(super) struct Context<'a> {
    pub(super) folder: &'a Path,
    pub(super) deployment: &'a Deployed,
}

#[derive(Default)]
struct Problems {
    lines: Vec<String>,
    /// Exit code of the most severe problem: an invalid file is more severe than one that can't be read.
    exit: Option<Exit>,
}

impl Problems {
    fn add(&mut self, noun: ResourceKind, id: &ProviderId, what: impl AsRef<str>) {
        self.note(Exit::Usage, noun, id, what.as_ref());
    }

    fn note(&mut self, exit: Exit, noun: ResourceKind, id: &ProviderId, what: &str) {
        self.lines.push(format!("{} {id}: {}", noun.word(), text::harmless(what)));
        self.exit = if self.exit == Some(Exit::Usage) { self.exit } else { Some(exit) };
    }

    /// The value, or `None` if the API's checks reject it.
    fn check<T>(&mut self, noun: ResourceKind, id: &ProviderId, checked: Result<T, ApiError>) -> Option<T> {
        match checked {
            Ok(value) => return Some(value),
            Err(ApiError::Invalid(errors)) => errors.iter().for_each(|error| self.add(noun, id, describe(error))),
            Err(refusal) => self.add(noun, id, refusal.to_string()),
        }
        None
    }

    fn end<T>(self, value: T) -> Result<T, Failure> {
        let Some(exit) = self.exit else { return Ok(value) };
        let count = text::counted(self.lines.len() as u64, "problem", "problems");
        let mut message = format!("nothing was changed: {count}");
        for line in self.lines.iter().take(PROBLEMS_MAX) {
            message.push_str(&format!("\n  {line}"));
        }
        let others = self.lines.len().saturating_sub(PROBLEMS_MAX);
        if others > 0 {
            message.push_str(&format!("\n  and {others} more"));
        }
        Err(Failure::new(exit, message))
    }
}

fn describe(error: &FieldError) -> String {
    let of_file =
        IN_FILES.iter().find(|(field, message, _)| (error.field.as_str(), error.message.as_str()) == (field, message));
    match of_file {
        Some((_, _, instead)) => format!("credentials {instead}"),
        None => format!("{} {}", error.field, error.message),
    }
}

/// A body of the API from its fields.
fn body<T: DeserializeOwned>(fields: Value) -> Result<T, ApiError> {
    serde_json::from_value(fields).map_err(|error| ApiError::Malformed(error.to_string()))
}

fn settings_of_provider(id: &ProviderId, settings: &Settings, problems: &mut Problems) {
    let checked = body::<ProviderPatch>(json!(settings));
    let checked = checked.and_then(|patch| check::provider(Provider::new(id.clone()), &patch));
    problems.check(ResourceKind::Provider, id, checked);
}

fn settings_of_integration(id: &ProviderId, mut settings: Settings, context: &Context<'_>, problems: &mut Problems) {
    settings.insert("provider".to_owned(), id.as_str().into());
    let checked = body::<IntegrationBody>(json!(settings));
    let checked = checked.and_then(|body| check::integration(&body, context.deployment));
    problems.check(ResourceKind::Integration, id, checked);
}

/// Rejects settings of an integration that is being deleted: only its credentials can be changed.
fn check_not_deleting(difference: &Difference<'_>, current: &CurrentState, problems: &mut Problems) {
    let Difference { action: Action::Change, noun: ResourceKind::Integration, id, settings, .. } = difference else {
        return;
    };
    let is_going = current.integrations.get(id).is_some_and(|existing| existing.view.deletion_requested_at.is_some());
    if is_going && !settings.is_empty() {
        let what = format!(
            "is being deleted, so its settings can't be changed: hubctl integration enable {id} cancels the deletion"
        );
        problems.note(Exit::Error, ResourceKind::Integration, id, &what);
    }
}

/// The credentials that a difference sends, if any.
fn credentials(
    difference: &Difference<'_>,
    current: &CurrentState,
    context: &Context<'_>,
    problems: &mut Problems,
    output: &mut Output,
) -> Option<Value> {
    let (noun, id) = (difference.noun, &difference.id);
    let is_new = difference.action == Action::Create;
    if difference.action == Action::Delete || !is_new && difference.credentials.is_none() {
        return None;
    }
    let none = DeclaredCredentials::default_of(noun);
    let declared = difference.declared_credentials.unwrap_or(&none);
    let sent = match with_key(declared, context.folder, output) {
        Ok(sent) => sent,
        Err(failure) => {
            problems.note(failure.exit, noun, id, &format!("credentials.access_key_file: {}", failure.message));
            return None;
        }
    };
    let before = match noun {
        ResourceKind::Provider => current.providers.get(id).map(|existing| &existing.view.credentials),
        ResourceKind::Integration => current.integrations.get(id).map(|existing| &existing.view.credentials),
    };
    let before = before.and_then(stored_credentials);
    let stored = before.as_ref().and_then(Credentials::secret);
    if declared.secret.as_deref().is_some_and(|secret| is_managed(secret) && stored != Some(secret)) {
        // The file was exported before the key was rotated.
        problems.add(
            noun,
            id,
            "credentials.secret names a key that is no longer stored: omit it to keep the current key",
        );
        return None;
    }
    let checked = body::<CredentialsBody>(sent.clone()).and_then(|body| match noun {
        ResourceKind::Provider => check::of_provider(id, &body, before.as_ref(), context.deployment).map(drop),
        ResourceKind::Integration => check::of_integration(id, &body, before.as_ref(), context.deployment).map(drop),
    });
    problems.check(noun, id, checked)?;
    // A new resource has its default.
    (!is_new || declared.kind != none.kind || declared.role.is_some()).then_some(sent)
}

/// Credentials as the API's body, with the key from the file.
fn with_key(declared: &DeclaredCredentials, folder: &Path, output: &mut Output) -> Result<Value, Failure> {
    let mut body = match &declared.access_key_file {
        Some(file) => {
            let source = KeySource::File(folder.join(file));
            let key = AccessKey::obtain(&source, &mut Prompt::at_terminal(), output);
            key.map_err(|error| match error.downcast::<Failure>() {
                Ok(failure) => failure,
                Err(error) => Failure::new(Exit::Error, format!("{error:#}")),
            })?
            .body()
        }
        None => json!({}),
    };
    body["kind"] = declared.kind.as_str().into();
    if let Some(secret) = &declared.secret {
        body["secret"] = secret.as_str().into();
    }
    if let Some(role) = &declared.role {
        body["role"] = json!(role);
    }
    Ok(body)
}

/// The current credentials; `None` if the integration uses the provider's.
fn stored_credentials(view: &CredentialsView) -> Option<Credentials> {
    let role = view.role.as_ref().map(|role| Role {
        external_id: role.external_id.clone(),
        session_name: role.session_name.clone(),
        duration_seconds: role.duration_seconds,
        ..Role::new(&role.arn)
    });
    match view.kind {
        CredentialsKind::Provider => None,
        CredentialsKind::Default => Some(Credentials::Default { role }),
        CredentialsKind::Static => Some(Credentials::Static { secret: view.secret.clone().unwrap_or_default(), role }),
    }
}

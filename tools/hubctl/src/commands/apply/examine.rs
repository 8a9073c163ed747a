//! What a file declares, looked at before anything is changed: by the checks that the API itself makes, with the files of
//! keys opened and the providers that integrations refer to looked up.
//!
//! Promise: what is found here leaves the deployment as it is. What only AWS can tell (whether a role can be assumed) the
//! connection tests tell afterwards.

use std::path::Path;

use exporter::integration::{Credentials, Role};
use exporter::provider::{Provider, ProviderId};
use management::problem::{ApiError, FieldError};
use management::wire::CredentialsKind;
use management::wire::{CredentialsBody, CredentialsView, IntegrationBody, ProviderPatch};
use management::{Settings as Deployed, check};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::differences::{Action, Difference, ResourceKind};
use super::document::{DeclaredCredentials, Document, Settings};
use super::standing::{Standing, is_managed};
use crate::args::credentials::key::{AccessKey, KeySource};
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::{Output, text};

/// Problems that are listed; of more, only how many.
const PROBLEMS_MAX: usize = 20;
/// A field of a body that stands for a file here, and what the file has in its place.
const IN_FILES: [(&str, &str, &str); 1] = [(
    "credentials.access_key_id",
    "is missing, and so is secret",
    "must have secret or access_key_file: no access key is stored yet",
)];

/// A difference that can be run, as far as that can be known.
pub(super) struct Ready<'a> {
    pub(super) difference: Difference<'a>,
    /// The credentials as the API takes them, where they are to be sent. They may hold a key.
    pub(super) credentials: Option<Value>,
}

/// Looks at all that is declared, and at all that is to be done for it.
///
/// # Errors
///
/// All that is wrong, each with the thing that it is wrong with.
pub(super) fn examine<'a>(
    differences: Vec<Difference<'a>>,
    document: &Document,
    standing: &Standing,
    place: &Place<'_>,
    output: &mut Output,
) -> Result<Vec<Ready<'a>>, Failure> {
    let mut problems = Problems::default();
    for declared in document.providers() {
        settings_of_provider(&declared.id, &declared.settings(), &mut problems);
    }
    for declared in document.integrations() {
        let id = &declared.provider;
        settings_of_integration(id, declared.settings(), place, &mut problems);
        if !standing.providers.contains_key(id) && !document.providers().any(|provider| provider.id == *id) {
            let hint = format!("its provider neither exists nor is declared: hubctl provider create {id}");
            problems.add(ResourceKind::Integration, id, hint);
        }
    }
    let mut ready = Vec::new();
    for difference in differences {
        let credentials = credentials(&difference, standing, place, &mut problems, output);
        is_free(&difference, standing, &mut problems);
        ready.push(Ready { difference, credentials });
    }
    problems.end(ready)
}

/// Where files of keys are, and what is known of the deployment.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) deployment: &'a Deployed,
}

#[derive(Default)]
struct Problems {
    lines: Vec<String>,
    /// The gravest: a file that is wrong before one that can't be read.
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

    /// The value, or what the API's checks have against it.
    fn check<T>(&mut self, noun: ResourceKind, id: &ProviderId, checked: Result<T, ApiError>) -> Option<T> {
        match checked {
            Ok(value) => return Some(value),
            Err(ApiError::Invalid(errors)) => errors.iter().for_each(|error| self.add(noun, id, told(error))),
            Err(refusal) => self.add(noun, id, refusal.to_string()),
        }
        None
    }

    fn end<T>(self, value: T) -> Result<T, Failure> {
        let Some(exit) = self.exit else { return Ok(value) };
        let count = text::counted(self.lines.len() as u64, "thing is", "things are");
        let mut message = format!("nothing was changed: {count} wrong");
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

fn told(error: &FieldError) -> String {
    let of_file =
        IN_FILES.iter().find(|(field, message, _)| (error.field.as_str(), error.message.as_str()) == (field, message));
    match of_file {
        Some((_, _, instead)) => format!("credentials {instead}"),
        None => format!("{} {}", error.field, error.message),
    }
}

/// A body of the API, as its fields declare it.
fn body<T: DeserializeOwned>(fields: Value) -> Result<T, ApiError> {
    serde_json::from_value(fields).map_err(|error| ApiError::Malformed(error.to_string()))
}

fn settings_of_provider(id: &ProviderId, settings: &Settings, problems: &mut Problems) {
    let checked = body::<ProviderPatch>(json!(settings));
    let checked = checked.and_then(|patch| check::provider(Provider::new(id.clone()), &patch));
    problems.check(ResourceKind::Provider, id, checked);
}

fn settings_of_integration(id: &ProviderId, mut settings: Settings, place: &Place<'_>, problems: &mut Problems) {
    settings.insert("provider".to_owned(), id.as_str().into());
    let checked = body::<IntegrationBody>(json!(settings));
    let checked = checked.and_then(|body| check::integration(&body, place.deployment));
    problems.check(ResourceKind::Integration, id, checked);
}

/// An integration that is being deleted takes credentials only.
fn is_free(difference: &Difference<'_>, standing: &Standing, problems: &mut Problems) {
    let Difference { action: Action::Change, noun: ResourceKind::Integration, id, settings, .. } = difference else {
        return;
    };
    let is_going = standing.integrations.get(id).is_some_and(|kept| kept.view.deletion_requested_at.is_some());
    if is_going && !settings.is_empty() {
        let what = format!(
            "is being deleted, so its settings can't be changed: hubctl integration enable {id} cancels the removal"
        );
        problems.note(Exit::Error, ResourceKind::Integration, id, &what);
    }
}

/// The credentials that a difference sends, if it sends some.
fn credentials(
    difference: &Difference<'_>,
    standing: &Standing,
    place: &Place<'_>,
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
    let sent = match with_key(declared, place.folder, output) {
        Ok(sent) => sent,
        Err(failure) => {
            problems.note(failure.exit, noun, id, &format!("credentials.access_key_file: {}", failure.message));
            return None;
        }
    };
    let before = match noun {
        ResourceKind::Provider => standing.providers.get(id).map(|kept| &kept.view.credentials),
        ResourceKind::Integration => standing.integrations.get(id).map(|kept| &kept.view.credentials),
    };
    let before = before.and_then(kept);
    let stored = before.as_ref().and_then(Credentials::secret);
    if declared.secret.as_deref().is_some_and(|secret| is_managed(secret) && stored != Some(secret)) {
        // An export of an earlier version, before the key was rotated.
        problems.add(
            noun,
            id,
            "credentials.secret names a key that is no longer stored: leave it out to keep the current key",
        );
        return None;
    }
    let checked = body::<CredentialsBody>(sent.clone()).and_then(|body| match noun {
        ResourceKind::Provider => check::of_provider(id, &body, before.as_ref(), place.deployment).map(drop),
        ResourceKind::Integration => check::of_integration(id, &body, before.as_ref(), place.deployment).map(drop),
    });
    problems.check(noun, id, checked)?;
    // Something new has its default anyway.
    (!is_new || declared.kind != none.kind || declared.role.is_some()).then_some(sent)
}

/// Credentials as the API takes them, with the key of the file that is named.
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

/// The credentials that there are. None are the provider's.
fn kept(view: &CredentialsView) -> Option<Credentials> {
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

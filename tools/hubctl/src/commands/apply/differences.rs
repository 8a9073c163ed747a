//! The differences between a deployment and a configuration file, by resource and setting.

use std::collections::{BTreeMap, BTreeSet};

use exporter::model::provider::ProviderId;
use management::wire::{CredentialsView, ProviderView};
use serde_json::Value;

use super::current::{CurrentState, Existing};
use super::document::{DeclaredCredentials, DeclaredProvider, Document, Settings, by_name, kind_word};

/// A provider or an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ResourceKind {
    Provider,
    Integration,
}

impl ResourceKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Integration => "integration",
        }
    }
}

/// The action of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Create,
    Change,
    Delete,
}

impl Action {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
        }
    }
}

/// A resource that differs from the file.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    pub(super) action: Action,
    pub(super) noun: ResourceKind,
    pub(super) id: ProviderId,
    /// Settings before and after, by name, without credentials; empty for a deletion.
    pub(super) settings: BTreeMap<String, (Value, Value)>,
    /// If the credentials differ: descriptions of the current and of the declared credentials.
    pub(super) credentials: Option<(String, String)>,
    pub(super) declared_credentials: Option<&'a DeclaredCredentials>,
    /// The version that was read.
    pub(super) etag: Option<String>,
}

/// Options of the comparison.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    /// Delete resources that the file omits, of the kinds that are keys of the file.
    pub(super) prune: bool,
    /// Send keys from files even if one is stored.
    pub(super) renew_keys: bool,
}

/// All differences, in an order in which they can be applied.
pub(super) fn differences<'a>(document: &'a Document, current: &CurrentState, scope: Scope) -> Vec<Difference<'a>> {
    let mut all = Vec::new();
    for declared in document.providers() {
        let existing = current.providers.get(&declared.id);
        all.extend(provider(declared, existing, scope));
    }
    for declared in document.integrations() {
        let existing = current.integrations.get(&declared.provider);
        let current = existing.map(|existing| by_name(&existing.view.settings));
        let credentials = (declared.credentials.as_ref(), existing.map(|existing| &existing.view.credentials));
        let thing = Thing {
            noun: ResourceKind::Integration,
            id: &declared.provider,
            etag: existing.map(|existing| existing.etag.clone()),
        };
        all.extend(difference(thing, declared.settings(), current, credentials, scope));
    }
    if scope.prune {
        all.extend(pruned(document, current));
    }
    all.sort_by_key(|difference| match (difference.action, difference.noun) {
        (Action::Create, noun) => (0, noun),
        (Action::Change, noun) => (1, noun),
        (Action::Delete, ResourceKind::Integration) => (2, ResourceKind::Integration),
        (Action::Delete, ResourceKind::Provider) => (3, ResourceKind::Provider),
    });
    all
}

fn provider<'a>(
    declared: &'a DeclaredProvider,
    existing: Option<&Existing<ProviderView>>,
    scope: Scope,
) -> Option<Difference<'a>> {
    let current = existing.map(|existing| {
        let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
        let both = [("alias", text(&existing.view.alias)), ("scan_schedule", text(&existing.view.scan_schedule))];
        both.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    });
    let credentials = (declared.credentials.as_ref(), existing.map(|existing| &existing.view.credentials));
    let thing =
        Thing { noun: ResourceKind::Provider, id: &declared.id, etag: existing.map(|existing| existing.etag.clone()) };
    difference(thing, declared.settings(), current, credentials, scope)
}

struct Thing<'a> {
    noun: ResourceKind,
    id: &'a ProviderId,
    etag: Option<String>,
}

fn difference<'a>(
    thing: Thing<'_>,
    declared: Settings,
    current: Option<Settings>,
    (wanted, existing): (Option<&'a DeclaredCredentials>, Option<&CredentialsView>),
    scope: Scope,
) -> Option<Difference<'a>> {
    let action = if current.is_some() { Action::Change } else { Action::Create };
    let current = current.unwrap_or_default();
    let settings: BTreeMap<String, (Value, Value)> = declared
        .into_iter()
        .map(|(name, after)| {
            let before = current.get(&name).cloned().unwrap_or_default();
            (name, (before, after))
        })
        .filter(|(_, (before, after))| before != after)
        .collect();
    let none = DeclaredCredentials::default_of(thing.noun);
    let after = wanted.unwrap_or(&none);
    let credentials = match existing {
        Some(existing) if same(after, existing) && !(scope.renew_keys && after.access_key_file.is_some()) => None,
        Some(existing) => Some((described(existing), after.description())),
        None => wanted.map(|wanted| (String::new(), wanted.description())),
    };
    if action == Action::Change && settings.is_empty() && credentials.is_none() {
        return None;
    }
    let Thing { noun, id, etag } = thing;
    Some(Difference { action, noun, id: id.clone(), settings, credentials, declared_credentials: wanted, etag })
}

/// Deletions of the resources that the file omits.
fn pruned<'a>(document: &Document, current: &CurrentState) -> Vec<Difference<'a>> {
    let gone = |noun, id: &ProviderId, etag: &str| Difference {
        action: Action::Delete,
        noun,
        id: id.clone(),
        settings: BTreeMap::new(),
        credentials: None,
        declared_credentials: None,
        etag: Some(etag.to_owned()),
    };
    let providers: BTreeSet<_> = document.providers().map(|declared| &declared.id).collect();
    let integrations: BTreeSet<_> = document.integrations().map(|declared| &declared.provider).collect();
    let is_going = |id: &ProviderId| document.integrations.is_some() && !integrations.contains(id);
    let mut all = Vec::new();
    let existing = current.integrations.iter().filter(|(_, existing)| existing.view.deletion_requested_at.is_none());
    all.extend(
        existing
            .filter(|(id, _)| is_going(id))
            .map(|(id, existing)| gone(ResourceKind::Integration, id, &existing.etag)),
    );
    if document.providers.is_some() {
        // A provider is required as long as its integration exists, even while the integration is being deleted.
        let is_needed = |id: &ProviderId| {
            let existing = current.integrations.get(id);
            integrations.contains(id)
                || existing.is_some_and(|existing| !is_going(id) || existing.view.deletion_requested_at.is_some())
        };
        let existing = current.providers.iter().filter(|(id, _)| !providers.contains(id) && !is_needed(id));
        all.extend(existing.map(|(id, existing)| gone(ResourceKind::Provider, id, &existing.etag)));
    }
    all
}

/// Whether the credentials match the declared ones. An omitted property of a role and an omitted key match any value.
fn same(declared: &DeclaredCredentials, existing: &CredentialsView) -> bool {
    let secret = match (&declared.secret, &declared.access_key_file) {
        (Some(secret), _) => existing.secret.as_ref() == Some(secret),
        (None, _) => true,
    };
    let role = match (&declared.role, &existing.role) {
        (None, None) => true,
        (Some(declared), Some(existing)) => {
            declared.arn == existing.arn
                && (declared.external_id.is_none() || declared.external_id == existing.external_id)
                && declared.session_name == existing.session_name
                && declared.duration_seconds == existing.duration_seconds
        }
        _ => false,
    };
    declared.kind == kind_word(existing.kind) && secret && role
}

impl DeclaredCredentials {
    /// The default if the file omits the credentials.
    pub(super) fn default_of(noun: ResourceKind) -> Self {
        let kind = match noun {
            ResourceKind::Provider => "default",
            ResourceKind::Integration => "provider",
        };
        Self { kind: kind.to_owned(), secret: None, access_key_file: None, role: None }
    }

    fn description(&self) -> String {
        let file = self.access_key_file.as_ref().map(|path| path.display().to_string());
        describe(&self.kind, self.secret.clone().or(file).as_deref(), self.role.as_ref().map(|role| role.arn.as_str()))
    }
}

fn described(existing: &CredentialsView) -> String {
    describe(kind_word(existing.kind), existing.secret.as_deref(), existing.role.as_ref().map(|role| role.arn.as_str()))
}

fn describe(kind: &str, key: Option<&str>, role: Option<&str>) -> String {
    [Some(kind), key, role].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

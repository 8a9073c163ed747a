//! Common operations of providers and integrations: read by ID, change at a version, record in the audit log.

use std::collections::BTreeMap;
use std::future::Future;

use exporter::model::integration::{Credentials, Integration};
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::PortError;
use exporter::ports::settings_store::{AuditEntry, CommitError, ExpectedVersion, FieldChange, Stored, Write};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{IfMatch, Service, TRIES_MAX};
use crate::ports::{Caller, Ports};
use crate::problem::{ApiError, ResourceKind};

/// A provider or an integration.
pub(super) trait StoredResource: Clone + PartialEq + Serialize + Send + Sync {
    /// Kind of the resource.
    const KIND: ResourceKind;

    /// Reads the resource.
    fn read<P: Ports>(
        ports: &P,
        id: &ProviderId,
    ) -> impl Future<Output = Result<Option<Stored<Self>>, PortError>> + Send;

    /// The write that stores the resource.
    fn put(stored: Stored<Self>, expected: ExpectedVersion) -> Write;

    /// Condition for the creation of the resource, if any.
    fn prerequisite(&self) -> Option<Write>;

    /// ID of the resource.
    fn id(&self) -> &ProviderId;

    /// Credentials of the resource. `None` if it uses the provider's.
    fn credentials(&self) -> Option<&Credentials>;

    /// Replaces the credentials.
    fn with_credentials(self, credentials: Option<Credentials>) -> Self;

    /// The value to store at `now` instead of `before`.
    #[must_use]
    fn put_at(self, before: Option<&Self>, now: Timestamp) -> Self;

    /// Name of the secret that has the access key of the resource.
    fn secret(&self) -> Option<&str> {
        self.credentials().and_then(Credentials::secret)
    }

    /// Replaces the name of the secret, if the credentials are an access key.
    fn with_secret(self, secret: Option<&str>) -> Self {
        let credentials = self.credentials().cloned();
        match (credentials, secret) {
            (Some(Credentials::Static { role, .. }), Some(secret)) => {
                self.with_credentials(Some(Credentials::Static { secret: secret.to_owned(), role }))
            }
            _ => self,
        }
    }
}

impl StoredResource for Provider {
    const KIND: ResourceKind = ResourceKind::Provider;

    fn read<P: Ports>(
        ports: &P,
        id: &ProviderId,
    ) -> impl Future<Output = Result<Option<Stored<Self>>, PortError>> + Send {
        ports.provider(id)
    }

    fn put(stored: Stored<Self>, expected: ExpectedVersion) -> Write {
        Write::PutProvider(stored, expected)
    }

    fn prerequisite(&self) -> Option<Write> {
        None
    }

    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn credentials(&self) -> Option<&Credentials> {
        Some(&self.credentials)
    }

    fn with_credentials(self, credentials: Option<Credentials>) -> Self {
        Self { credentials: credentials.unwrap_or_default(), ..self }
    }

    fn put_at(self, before: Option<&Self>, now: Timestamp) -> Self {
        self.put(before, now)
    }
}

impl StoredResource for Integration {
    const KIND: ResourceKind = ResourceKind::Integration;

    fn read<P: Ports>(
        ports: &P,
        id: &ProviderId,
    ) -> impl Future<Output = Result<Option<Stored<Self>>, PortError>> + Send {
        ports.stored_integration(id)
    }

    fn put(stored: Stored<Self>, expected: ExpectedVersion) -> Write {
        Write::PutIntegration(stored, expected)
    }

    fn prerequisite(&self) -> Option<Write> {
        Some(Write::RequireProvider(self.provider.clone()))
    }

    fn id(&self) -> &ProviderId {
        &self.provider
    }

    fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    fn with_credentials(self, credentials: Option<Credentials>) -> Self {
        Self { credentials, ..self }
    }

    fn put_at(self, before: Option<&Self>, now: Timestamp) -> Self {
        self.put(before, now)
    }
}

/// A change: its target, caller, operation, and the version that it applies to.
pub(super) struct Change<'a> {
    pub(super) id: &'a ProviderId,
    pub(super) caller: &'a Caller,
    /// Last part of the action in the audit log, such as `update`.
    pub(super) operation: &'a str,
    pub(super) if_match: &'a IfMatch,
    /// Reason for the change, for the audit log.
    pub(super) reason: Option<&'a str>,
}

impl<P: Ports> Service<P> {
    /// Reads a resource that must exist.
    pub(super) async fn require<T: StoredResource>(&self, id: &ProviderId) -> Result<Stored<T>, ApiError> {
        let found = T::read(self.ports.as_ref(), id).await?;
        found.ok_or_else(|| ApiError::NotFound { kind: T::KIND, id: id.to_string() })
    }

    /// Applies `change` to a resource. If the caller stated no version and a concurrent writer changed the resource, applies
    /// `change` again. Writes nothing if the value is unchanged.
    pub(super) async fn change<T: StoredResource>(
        &self,
        context: Change<'_>,
        change: impl Fn(&Stored<T>) -> Result<T, ApiError> + Send,
    ) -> Result<Stored<T>, ApiError> {
        for _ in 0..TRIES_MAX {
            let before = self.require::<T>(context.id).await?;
            context.if_match.check(context.id, before.revision())?;
            let now = self.ports.now();
            let value = change(&before)?.put_at(Some(&before.value), now);
            if value == before.value {
                return Ok(before);
            }
            let after = before.changed(value, now, &context.caller.0);
            let action = format!("{}.{}", T::KIND.as_str(), context.operation);
            let changes = differences(&before.value, &after.value);
            let entry = AuditEntry {
                reason: context.reason.map(str::to_owned),
                ..entry(now, context.caller, action, context.id.as_str(), changes)
            };
            let write = T::put(after.clone(), ExpectedVersion::This(before.revision()));
            match self.ports.commit(&[write], &entry).await {
                Ok(()) => return Ok(after),
                // Read the resource again. If the caller stated a version, the check of it then fails.
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(ApiError::Conflict(context.id.clone()))
    }
}

/// Creates an audit log entry.
pub(super) fn entry(
    at: Timestamp,
    Caller(by): &Caller,
    action: String,
    target: &str,
    changes: BTreeMap<String, FieldChange>,
) -> AuditEntry {
    let (id, by, target) = (Uuid::now_v7().to_string(), by.clone(), target.to_owned());
    AuditEntry { id, at, by, action, target, reason: None, changes }
}

/// Differences by path. Settings contain no secret values, only the names of secrets.
pub(super) fn differences(before: &impl Serialize, after: &impl Serialize) -> BTreeMap<String, FieldChange> {
    let before = serde_json::to_value(before).unwrap_or_default();
    let after = serde_json::to_value(after).unwrap_or_default();
    let mut changes = BTreeMap::new();
    compare("", Some(&before), Some(&after), &mut changes);
    changes
}

fn compare(path: &str, from: Option<&Value>, to: Option<&Value>, changes: &mut BTreeMap<String, FieldChange>) {
    let from = from.filter(|value| !value.is_null());
    let to = to.filter(|value| !value.is_null());
    let fields = |value: Option<&Value>| value.is_none_or(Value::is_object);
    if fields(from) && fields(to) && (from.is_some() || to.is_some()) {
        let names = [from, to].into_iter().flatten().filter_map(Value::as_object).flat_map(|object| object.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        for name in names {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            compare(&inner, from.and_then(|value| value.get(name)), to.and_then(|value| value.get(name)), changes);
        }
    } else if from != to {
        changes.insert(path.to_owned(), FieldChange { from: from.cloned(), to: to.cloned() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_audit_log_has_each_setting_that_changed() {
        let before = json!({"a": 1, "b": {"c": "x", "d": null}, "e": [1]});
        let after = json!({"a": 1, "b": {"c": "y", "d": true}, "f": {"g": 2}});
        let changes = differences(&before, &after);
        let paths: Vec<&str> = changes.keys().map(String::as_str).collect();
        assert_eq!(paths, ["b.c", "b.d", "e", "f.g"]);
        assert_eq!(changes["b.c"], FieldChange { from: Some(json!("x")), to: Some(json!("y")) });
        assert_eq!(changes["e"], FieldChange { from: Some(json!([1])), to: None });
        assert_eq!(differences(&before, &before).len(), 0);
    }
}

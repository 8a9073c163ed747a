//! Creates, updates, and deletes the resources of a stack's template.
//!
//! Guarantees: each change is validated, and then made in one transaction, which records the managing
//! stack and the properties of the template. An update applies only the properties that changed in
//! the template, so that the changes of operators are preserved. The rollback of a change that was
//! not made changes nothing. Resources of other owners are neither adopted nor deleted.

use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::settings_store::{
    CommitError, ExpectedVersion, IdempotencyRecord, LastApplied, ManagedBy, Stored, Write,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::managed_resource::ManagedResource;
use super::resource::{StoredResource, differences, entry};
use super::{IdempotencyKey, IfMatch, Service, TRIES_MAX};
use crate::check;
use crate::ports::{Caller, Ports};
use crate::problem::{ApiError, ResourceKind};
use crate::wire::IntegrationView;

/// A resource of a template.
#[derive(Clone, Debug)]
pub struct DesiredResource {
    /// The stack and the resource that manage it.
    pub owner: ManagedBy,
    /// Current properties, as a request body.
    pub properties: Value,
    /// Properties before the update, according to the stack.
    pub old_properties: Value,
    /// The resource's ID, from the physical ID that the stack has.
    pub known_id: Option<ProviderId>,
    /// Idempotency key of the request, which CloudFormation may deliver more than once.
    pub idempotency_key: IdempotencyKey,
}

/// A managed provider or integration.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A provider.
    Provider(Box<Provider>),
    /// An integration.
    Integration(Box<IntegrationView>),
}

/// Current state of a managed resource.
#[derive(Clone, Debug)]
pub struct CurrentState {
    /// The provider or integration.
    pub resource: Resource,
    /// ID of the provider or integration.
    pub id: ProviderId,
    /// Time of creation, which distinguishes a recreated resource.
    pub created_at: Timestamp,
    /// Properties that were last applied. `None` if the stack doesn't manage the resource.
    pub properties: Option<Value>,
}

/// A resource to delete.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The stack and the resource that manage it.
    pub owner: ManagedBy,
    /// ID of the provider or integration.
    pub id: ProviderId,
    /// Time of creation in milliseconds since the epoch. `None` if the stack has no physical ID of the resource.
    pub created_at_ms: Option<i64>,
    /// Idempotency key of the request, which CloudFormation may deliver more than once.
    pub idempotency_key: IdempotencyKey,
}

impl<P: Ports> Service<P> {
    /// Creates a resource, or applies the properties that changed. Tests the connection of an integration that is new, has other
    /// credentials, or becomes enabled.
    ///
    /// # Errors
    ///
    /// If a property is invalid, or the resource exists and another owner manages it.
    pub async fn apply_resource(
        &self,
        caller: &Caller,
        kind: ResourceKind,
        desired: &DesiredResource,
    ) -> Result<CurrentState, ApiError> {
        match kind {
            ResourceKind::Provider => {
                let (stored, _) = self.apply::<Provider>(caller, desired).await?;
                Ok(provider(stored, &desired.owner))
            }
            ResourceKind::Integration => {
                let (stored, requires_test) = self.apply::<Integration>(caller, desired).await?;
                let view = if requires_test { self.tested(&stored).await? } else { self.view(&stored).await? };
                Ok(integration(stored, view, &desired.owner))
            }
        }
    }

    /// The current state of a resource, if this stack manages it.
    ///
    /// # Errors
    ///
    /// If the settings store is unavailable.
    pub async fn current_resource(
        &self,
        kind: ResourceKind,
        owner: &ManagedBy,
        id: &ProviderId,
    ) -> Result<Option<CurrentState>, ApiError> {
        match kind {
            ResourceKind::Provider => {
                let found = self.ports.provider(id).await?.filter(|stored| stored.is_managed_by(owner));
                Ok(found.map(|stored| provider(stored, owner)))
            }
            ResourceKind::Integration => {
                match self.ports.stored_integration(id).await?.filter(|stored| stored.is_managed_by(owner)) {
                    Some(stored) => {
                        let view = self.view(&stored).await?;
                        Ok(Some(integration(stored, view, owner)))
                    }
                    None => Ok(None),
                }
            }
        }
    }

    /// Deletes a resource that this stack manages. Does nothing if another owner manages it, or if it doesn't exist.
    ///
    /// # Errors
    ///
    /// If a provider has an integration, or the settings store is unavailable.
    pub async fn delete_resource(
        &self,
        caller: &Caller,
        kind: ResourceKind,
        deletion: &Deletion,
    ) -> Result<(), ApiError> {
        // Without a time of creation, a resource that was recreated since can't be distinguished: run such a request only once.
        let is_of_any_time = deletion.created_at_ms.is_none();
        if is_of_any_time && self.idempotency_record_of(caller, &deletion.idempotency_key).await?.is_some() {
            return Ok(());
        }
        match kind {
            ResourceKind::Provider => self.delete_managed::<Provider>(caller, deletion).await?,
            ResourceKind::Integration => self.delete_managed::<Integration>(caller, deletion).await?,
        }
        if !is_of_any_time {
            return Ok(());
        }
        self.record_request(
            caller,
            &format!("{}.delete-request", kind.as_str()),
            &deletion.id,
            &deletion.idempotency_key,
        )
        .await
    }

    async fn apply<T: ManagedResource>(
        &self,
        caller: &Caller,
        desired: &DesiredResource,
    ) -> Result<(Stored<T>, bool), ApiError> {
        T::validate_properties(&desired.properties)?;
        let id = check::provider_id(T::ID, desired.properties[T::ID].as_str().unwrap_or_default())?;
        for _ in 0..TRIES_MAX {
            if let Some(earlier) = self.idempotency_record_of(caller, &desired.idempotency_key).await? {
                return Ok((self.require(&earlier.made).await?, false));
            }
            let before = T::read(self.ports.as_ref(), &id).await?;
            let after = self.next_version(caller, desired, &id, before.as_ref())?;
            let is_unchanged = before.as_ref().is_some_and(|before| before.revision() == after.revision());
            if is_unchanged {
                // A repeated delivery must not revert the changes of a later request.
                self.record_request(caller, &format!("{}.update", T::KIND.as_str()), &id, &desired.idempotency_key)
                    .await?;
            } else if !self.write_resource(caller, desired, &id, before.as_ref(), &after).await? {
                continue;
            }
            let requires_test = T::requires_test(before.as_ref().map(|stored| &stored.value), &after.value);
            return Ok((after, requires_test));
        }
        Err(ApiError::Conflict(id))
    }

    /// The version to write, or the current version if nothing changes.
    fn next_version<T: ManagedResource>(
        &self,
        caller: &Caller,
        desired: &DesiredResource,
        id: &ProviderId,
        before: Option<&Stored<T>>,
    ) -> Result<Stored<T>, ApiError> {
        let DesiredResource { owner, properties, .. } = desired;
        let deployment = &self.settings;
        let last_applied = Some(LastApplied { managed_by: owner.clone(), properties: properties.clone() });
        let now = self.ports.now();
        let Some(before) = before else {
            let value = T::new(id.clone()).with_changes(&T::as_changes(properties), deployment)?.put_at(None, now);
            return Ok(Stored { last_applied, ..Stored::new(value, now, &caller.0) });
        };
        let (value, last_applied) = match &before.last_applied {
            Some(last) if last.managed_by == *owner => (
                before.value.with_changes(&without_id::<T>(changes(&last.properties, properties)), deployment)?,
                last_applied,
            ),
            // The managed resource was deleted manually, and another owner created this one. Apply only the properties that
            // changed in the template and whose current value is the template's previous one.
            other if desired.known_id.as_ref() == Some(id) => {
                let mut changes = without_id::<T>(changes(&desired.old_properties, properties));
                changes.retain(|name, _| {
                    let was = desired.old_properties.get(name).cloned().unwrap_or_default();
                    let with_old_value =
                        before.value.with_changes(&[(name.clone(), was)].into_iter().collect(), deployment);
                    with_old_value.is_ok_and(|value| value.put_at(Some(&before.value), now) == before.value)
                });
                let value = before.value.with_changes(&changes, deployment)?.put_at(Some(&before.value), now);
                if other.is_some() && value != before.value {
                    return Err(ApiError::AlreadyExists { kind: T::KIND, id: id.clone() });
                }
                (value, other.clone())
            }
            _ => return Err(ApiError::AlreadyExists { kind: T::KIND, id: id.clone() }),
        };
        let value = value.put_at(Some(&before.value), now);
        if value == before.value && last_applied == before.last_applied {
            return Ok(before.clone());
        }
        if value != before.value {
            before.value.ensure_modifiable()?;
        }
        Ok(Stored { last_applied, ..before.changed(value, now, &caller.0) })
    }

    /// Writes the resource and its audit log entry. Returns `false` if a concurrent writer changed the resource.
    async fn write_resource<T: ManagedResource>(
        &self,
        caller: &Caller,
        desired: &DesiredResource,
        id: &ProviderId,
        before: Option<&Stored<T>>,
        after: &Stored<T>,
    ) -> Result<bool, ApiError> {
        let operation = if before.is_some() { "update" } else { "create" };
        let old = before.map_or(Ok(Value::Null), |before| serde_json::to_value(&before.value)).unwrap_or_default();
        let action = format!("{}.{operation}", T::KIND.as_str());
        let entry = entry(after.updated_at, caller, action, id.as_str(), differences(&old, &after.value));
        let expected = before.map_or(ExpectedVersion::Nothing, |before| ExpectedVersion::This(before.revision()));
        let prerequisite = if before.is_none() { after.value.prerequisite() } else { None };
        let needs = usize::from(prerequisite.is_some());
        let mut writes: Vec<Write> = prerequisite.into_iter().collect();
        writes.push(T::put(after.clone(), expected));
        writes.push(Write::SaveIdempotencyRecord(desired.idempotency_key.to_record(caller, id, after.updated_at)));
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => {}
            Err(CommitError::Conflict { step }) if step < needs => return Err(ApiError::provider_not_found(id)),
            Err(CommitError::Conflict { .. }) => return Ok(false),
            Err(CommitError::Failed(error)) => return Err(error.into()),
        }
        let old_secret = before.and_then(|before| before.value.secret());
        if let Some(secret) = old_secret.filter(|secret| after.value.secret() != Some(*secret)) {
            self.delete_secret(secret).await;
        }
        Ok(true)
    }

    async fn delete_managed<T: ManagedResource>(&self, caller: &Caller, deletion: &Deletion) -> Result<(), ApiError> {
        let Deletion { owner, id, created_at_ms, .. } = deletion;
        for _ in 0..TRIES_MAX {
            let Some(stored) = T::read(self.ports.as_ref(), id).await? else { return Ok(()) };
            let is_same_generation = created_at_ms.is_none_or(|at| at == stored.created_at.as_millisecond());
            if !stored.is_managed_by(owner) || !is_same_generation {
                return Ok(());
            }
            // The findings are being archived; deleting the integration now would silently cancel that.
            stored.value.ensure_modifiable()?;
            match T::delete(self, caller, id, &IfMatch::exactly(stored.revision())).await {
                Err(ApiError::NotFound { .. }) => return Ok(()),
                Err(ApiError::PreconditionFailed { .. }) => {}
                deleted => return deleted,
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }

    /// The idempotency record that an earlier delivery of this request wrote.
    async fn idempotency_record_of(
        &self,
        caller: &Caller,
        idempotency_key: &IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, ApiError> {
        Ok(self.ports.idempotency_record(&idempotency_key.record_key(caller), self.ports.now()).await?)
    }

    /// Records a request that changed nothing.
    async fn record_request(
        &self,
        caller: &Caller,
        action: &str,
        id: &ProviderId,
        idempotency_key: &IdempotencyKey,
    ) -> Result<(), ApiError> {
        let now = self.ports.now();
        let entry = entry(now, caller, action.to_owned(), id.as_str(), [].into());
        match self
            .ports
            .commit(&[Write::SaveIdempotencyRecord(idempotency_key.to_record(caller, id, now))], &entry)
            .await
        {
            // A concurrent delivery of the same request recorded it.
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

fn provider(stored: Stored<Provider>, owner: &ManagedBy) -> CurrentState {
    let (properties, created_at) = (properties_of(&stored, owner), stored.created_at);
    CurrentState {
        id: stored.value.id.clone(),
        resource: Resource::Provider(Box::new(stored.value)),
        created_at,
        properties,
    }
}

fn integration(stored: Stored<Integration>, view: IntegrationView, owner: &ManagedBy) -> CurrentState {
    let (properties, created_at) = (properties_of(&stored, owner), stored.created_at);
    CurrentState { id: stored.value.provider, resource: Resource::Integration(Box::new(view)), created_at, properties }
}

fn properties_of<T: StoredResource>(stored: &Stored<T>, owner: &ManagedBy) -> Option<Value> {
    let owned = stored.last_applied.as_ref().filter(|last_applied| last_applied.managed_by == *owner);
    owned.map(|last_applied| last_applied.properties.clone())
}

/// The difference of two sets of properties as a merge patch.
fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let names = [before, after].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
    let changed = names.filter(|name| before.get(name) != after.get(name));
    changed.map(|name| (name.clone(), after.get(name).cloned().unwrap_or_default())).collect()
}

fn without_id<T: ManagedResource>(mut changes: Map<String, Value>) -> Map<String, Value> {
    changes.remove(T::ID);
    changes
}

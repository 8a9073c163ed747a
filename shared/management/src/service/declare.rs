//! What a stack's template declares: made, changed where the template changed, and removed by the resource that made it.
//!
//! Promises: each of these is one transaction, checked in full before; it keeps who made a thing and what the template asked
//! for. Only that difference is ever changed, so that what operators changed stays, and undoing what never happened does
//! nothing. What others made is neither taken over nor removed.

use exporter::integration::Integration;
use exporter::provider::{Provider, ProviderId};
use exporter::registry::{CommitError, DesiredState, ExpectedVersion, IdempotencyRecord, ManagedBy, Stored, Write};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::declarable::ManagedResource;
use super::resource::{StoredResource, differences, entry};
use super::{IdempotencyKey, IfMatch, Service, TRIES_MAX};
use crate::check;
use crate::ports::{Caller, Ports};
use crate::problem::{ApiError, ResourceKind};
use crate::wire::IntegrationView;

/// What a resource of a template asks for.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The resource.
    pub owner: ManagedBy,
    /// What it asks for now, as the body that would create it.
    pub asked: Value,
    /// What it asked for before, as the stack has it.
    pub before: Value,
    /// Under which id the stack knows it.
    pub known: Option<ProviderId>,
    /// The request, which may come twice.
    pub once: IdempotencyKey,
}

/// What a resource stands for.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A provider.
    Provider(Provider),
    /// An integration.
    Integration(Box<IntegrationView>),
}

/// A resource's thing, as it stands.
#[derive(Clone, Debug)]
pub struct CurrentState {
    /// It.
    pub thing: Resource,
    /// Its id.
    pub id: ProviderId,
    /// When it was created. What was deleted and made again has another time.
    pub created_at: Timestamp,
    /// What its template asked for when it was last obeyed. None: the resource did not make it.
    pub asked: Option<Value>,
}

/// What a resource lets go.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The resource.
    pub owner: ManagedBy,
    /// Under which id it may have made something.
    pub id: ProviderId,
    /// When that was created, in milliseconds. None: whenever, since the stack was never told.
    pub created_at_ms: Option<i64>,
    /// The request, which may come twice.
    pub once: IdempotencyKey,
}

impl<P: Ports> Service<P> {
    /// Makes what a resource asks for, or changes it where the resource asks for something else than before. A new
    /// integration is tested, and one with other credentials, or that is enabled by this.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that others made one.
    pub async fn declare(
        &self,
        caller: &Caller,
        noun: ResourceKind,
        declaration: &Declaration,
    ) -> Result<CurrentState, ApiError> {
        match noun {
            ResourceKind::Provider => {
                let (stored, _) = self.declared::<Provider>(caller, declaration).await?;
                Ok(provider(stored, &declaration.owner))
            }
            ResourceKind::Integration => {
                let (stored, connects) = self.declared::<Integration>(caller, declaration).await?;
                let view = if connects { self.tested(&stored).await? } else { self.view(&stored).await? };
                Ok(integration(stored, view, &declaration.owner))
            }
        }
    }

    /// What stands under an id, if the resource made it.
    ///
    /// # Errors
    ///
    /// When the registry does not answer.
    pub async fn standing(
        &self,
        noun: ResourceKind,
        owner: &ManagedBy,
        id: &ProviderId,
    ) -> Result<Option<CurrentState>, ApiError> {
        match noun {
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

    /// Removes what a resource made. What it did not make stays, and what is gone is removed.
    ///
    /// # Errors
    ///
    /// When a provider has an integration, or the registry does not answer.
    pub async fn retract(&self, caller: &Caller, noun: ResourceKind, retraction: &Deletion) -> Result<(), ApiError> {
        // Without its time a thing that the same resource makes later looks the same, so a request runs once.
        let is_vague = retraction.created_at_ms.is_none();
        if is_vague && self.carried_out(caller, &retraction.once).await?.is_some() {
            return Ok(());
        }
        match noun {
            ResourceKind::Provider => self.retracted::<Provider>(caller, retraction).await?,
            ResourceKind::Integration => self.retracted::<Integration>(caller, retraction).await?,
        }
        if !is_vague {
            return Ok(());
        }
        self.carry(caller, &format!("{}.retract", noun.word()), &retraction.id, &retraction.once).await
    }

    async fn declared<T: ManagedResource>(
        &self,
        caller: &Caller,
        declaration: &Declaration,
    ) -> Result<(Stored<T>, bool), ApiError> {
        T::readable(&declaration.asked)?;
        let id = check::provider_id(T::ID, declaration.asked[T::ID].as_str().unwrap_or_default())?;
        for _ in 0..TRIES_MAX {
            if let Some(earlier) = self.carried_out(caller, &declaration.once).await? {
                return Ok((self.found(&earlier.made).await?, false));
            }
            let before = T::read(self.ports.as_ref(), &id).await?;
            let after = self.next(caller, declaration, &id, before.as_ref())?;
            let is_same = before.as_ref().is_some_and(|before| before.revision() == after.revision());
            if is_same {
                // It comes twice perhaps, and must not take back what a later request changed.
                self.carry(caller, &format!("{}.update", T::NOUN.word()), &id, &declaration.once).await?;
            } else if !self.write(caller, declaration, &id, before.as_ref(), &after).await? {
                continue;
            }
            let connects = T::connects(before.as_ref().map(|stored| &stored.value), &after.value);
            return Ok((after, connects));
        }
        Err(ApiError::Conflict(id))
    }

    /// What is to stand under the id: what stands there, where nothing changes.
    fn next<T: ManagedResource>(
        &self,
        caller: &Caller,
        declaration: &Declaration,
        id: &ProviderId,
        before: Option<&Stored<T>>,
    ) -> Result<Stored<T>, ApiError> {
        let Declaration { owner, asked, .. } = declaration;
        let deployment = &self.settings;
        let declared = Some(DesiredState { by: owner.clone(), asked: asked.clone() });
        let now = self.ports.now();
        let Some(before) = before else {
            let value = T::new(id.clone()).changed(&T::whole(asked), deployment)?.put_at(None, now);
            return Ok(Stored { declared, ..Stored::new(value, now, &caller.0) });
        };
        let (value, declared) = match &before.declared {
            Some(last) if last.by == *owner => {
                (before.value.changed(&without_id::<T>(changes(&last.asked, asked)), deployment)?, declared)
            }
            // What stands here now was made by others, after ours was deleted by hand. We know what the template changed,
            // and change what still is as the template had it.
            others if declaration.known.as_ref() == Some(id) => {
                let mut changes = without_id::<T>(changes(&declaration.before, asked));
                changes.retain(|name, _| {
                    let was = declaration.before.get(name).cloned().unwrap_or_default();
                    let as_it_was = before.value.changed(&[(name.clone(), was)].into_iter().collect(), deployment);
                    as_it_was.is_ok_and(|value| value.put_at(Some(&before.value), now) == before.value)
                });
                let value = before.value.changed(&changes, deployment)?.put_at(Some(&before.value), now);
                if others.is_some() && value != before.value {
                    return Err(ApiError::AlreadyExists { noun: T::NOUN, id: id.clone() });
                }
                (value, others.clone())
            }
            _ => return Err(ApiError::AlreadyExists { noun: T::NOUN, id: id.clone() }),
        };
        let value = value.put_at(Some(&before.value), now);
        if value == before.value && declared == before.declared {
            return Ok(before.clone());
        }
        if value != before.value {
            before.value.takes_changes()?;
        }
        Ok(Stored { declared, ..before.changed(value, now, &caller.0) })
    }

    /// Writes it with its entry in the audit log. False where another was faster.
    async fn write<T: ManagedResource>(
        &self,
        caller: &Caller,
        declaration: &Declaration,
        id: &ProviderId,
        before: Option<&Stored<T>>,
        after: &Stored<T>,
    ) -> Result<bool, ApiError> {
        let verb = if before.is_some() { "update" } else { "create" };
        let old = before.map_or(Ok(Value::Null), |before| serde_json::to_value(&before.value)).unwrap_or_default();
        let action = format!("{}.{verb}", T::NOUN.word());
        let entry = entry(after.updated_at, caller, action, id.as_str(), differences(&old, &after.value));
        let seen = before.map_or(ExpectedVersion::Nothing, |before| ExpectedVersion::This(before.revision()));
        let needed = if before.is_none() { after.value.needs() } else { None };
        let needs = usize::from(needed.is_some());
        let mut writes: Vec<Write> = needed.into_iter().collect();
        writes.push(T::put(after.clone(), seen));
        writes.push(Write::SaveIdempotencyRecord(declaration.once.remember(caller, id, after.updated_at)));
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => {}
            Err(CommitError::Conflict { step }) if step < needs => return Err(ApiError::provider_not_found(id)),
            Err(CommitError::Conflict { .. }) => return Ok(false),
            Err(CommitError::Failed(error)) => return Err(error.into()),
        }
        let idle = before.and_then(|before| before.value.secret());
        if let Some(secret) = idle.filter(|secret| after.value.secret() != Some(*secret)) {
            self.forget_secret(secret).await;
        }
        Ok(true)
    }

    async fn retracted<T: ManagedResource>(&self, caller: &Caller, retraction: &Deletion) -> Result<(), ApiError> {
        let Deletion { owner, id, created_at_ms, .. } = retraction;
        for _ in 0..TRIES_MAX {
            let Some(stored) = T::read(self.ports.as_ref(), id).await? else { return Ok(()) };
            let is_this = created_at_ms.is_none_or(|at| at == stored.created_at.as_millisecond());
            if !stored.is_managed_by(owner) || !is_this {
                return Ok(());
            }
            // Something else was asked for, which this would cancel in silence.
            stored.value.takes_changes()?;
            match T::delete(self, caller, id, &IfMatch::exactly(stored.revision())).await {
                Err(ApiError::NotFound { .. }) => return Ok(()),
                Err(ApiError::PreconditionFailed { .. }) => {}
                deleted => return deleted,
            }
        }
        Err(ApiError::Conflict(id.clone()))
    }

    /// What this very request made before, if it was run.
    async fn carried_out(&self, caller: &Caller, once: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, ApiError> {
        Ok(self.ports.idempotency_record(&once.scoped(caller), self.ports.now()).await?)
    }

    /// Remembers that a request was run that wrote nothing by itself.
    async fn carry(
        &self,
        caller: &Caller,
        action: &str,
        id: &ProviderId,
        once: &IdempotencyKey,
    ) -> Result<(), ApiError> {
        let now = self.ports.now();
        let entry = entry(now, caller, action.to_owned(), id.as_str(), [].into());
        match self.ports.commit(&[Write::SaveIdempotencyRecord(once.remember(caller, id, now))], &entry).await {
            // The same request came twice at once.
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

fn provider(stored: Stored<Provider>, owner: &ManagedBy) -> CurrentState {
    let (asked, created_at) = (asked(&stored, owner), stored.created_at);
    CurrentState { id: stored.value.id.clone(), thing: Resource::Provider(stored.value), created_at, asked }
}

fn integration(stored: Stored<Integration>, view: IntegrationView, owner: &ManagedBy) -> CurrentState {
    let (asked, created_at) = (asked(&stored, owner), stored.created_at);
    CurrentState { id: stored.value.provider, thing: Resource::Integration(Box::new(view)), created_at, asked }
}

fn asked<T: StoredResource>(stored: &Stored<T>, owner: &ManagedBy) -> Option<Value> {
    let ours = stored.declared.as_ref().filter(|declared| declared.by == *owner);
    ours.map(|declared| declared.asked.clone())
}

/// What is asked for now and was not before, as a merge patch.
fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let names = [before, after].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
    let changed = names.filter(|name| before.get(name) != after.get(name));
    changed.map(|name| (name.clone(), after.get(name).cloned().unwrap_or_default())).collect()
}

fn without_id<T: ManagedResource>(mut changes: Map<String, Value>) -> Map<String, Value> {
    changes.remove(T::ID);
    changes
}

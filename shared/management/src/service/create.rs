//! Creates resources idempotently, with the access key of the request.

use exporter::ports::settings_store::{CommitError, ExpectedVersion, Stored, Write};
use serde_json::Value;

use super::resource::{StoredResource, differences, entry};
use super::{Created, IdempotencyKey, Service};
use crate::check::Key;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;

impl<P: Ports> Service<P> {
    /// Creates a resource whose ID is not in use. Stores the access key first, and sets the name of its secret in the resource.
    pub(super) async fn create<T: StoredResource>(
        &self,
        caller: &Caller,
        value: T,
        key: Key,
        idempotency_key: Option<&IdempotencyKey>,
    ) -> Result<Created<Stored<T>>, ApiError> {
        let id = value.id().clone();
        if T::read(self.ports.as_ref(), &id).await?.is_some() {
            return Err(ApiError::AlreadyExists { kind: T::KIND, id });
        }
        let secret = self.store_access_key::<T>(&id, key).await?;
        let now = self.ports.now();
        let stored = Stored::new(value.with_secret(secret.as_deref()).put_at(None, now), now, &caller.0);
        let (created, replayed) = match self.insert_new(caller, &stored, idempotency_key).await {
            Ok(Created { view, replayed }) => (Ok(view), replayed),
            Err(api_error) => (Err(api_error), false),
        };
        Ok(Created { view: self.complete_change(&id, None, secret, created).await?, replayed })
    }

    async fn insert_new<T: StoredResource>(
        &self,
        caller: &Caller,
        stored: &Stored<T>,
        idempotency_key: Option<&IdempotencyKey>,
    ) -> Result<Created<Stored<T>>, ApiError> {
        let (id, now) = (stored.value.id(), stored.created_at);
        let changes = differences(&Value::Null, &stored.value);
        let entry = entry(now, caller, format!("{}.create", T::KIND.as_str()), id.as_str(), changes);
        let mut writes: Vec<Write> = stored.value.prerequisite().into_iter().collect();
        let needs = writes.len();
        writes.push(T::put(stored.clone(), ExpectedVersion::Nothing));
        writes.extend(
            idempotency_key
                .map(|idempotency_key| Write::SaveIdempotencyRecord(idempotency_key.to_record(caller, id, now))),
        );
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => Ok(Created { view: stored.clone(), replayed: false }),
            Err(CommitError::Conflict { step }) if step < needs => Err(ApiError::provider_not_found(id)),
            // A concurrent delivery of the same request, or another request, created the resource.
            Err(CommitError::Conflict { .. }) => match self.find_earlier(idempotency_key, caller).await? {
                Some(view) => Ok(Created { view, replayed: true }),
                None => Err(ApiError::AlreadyExists { kind: T::KIND, id: id.clone() }),
            },
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

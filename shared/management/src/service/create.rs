//! Creating something, once however often the request comes, with the access key that came with it.

use exporter::registry::{CommitError, ExpectedVersion, Stored, Write};
use serde_json::Value;

use super::resource::{StoredResource, differences, entry};
use super::{Created, IdempotencyKey, Service};
use crate::check::Key;
use crate::ports::{Caller, Ports};
use crate::problem::ApiError;

impl<P: Ports> Service<P> {
    /// Creates it, if there is none of its id. The key is kept first; what it was kept under is filled in.
    pub(super) async fn create<T: StoredResource>(
        &self,
        caller: &Caller,
        value: T,
        key: Key,
        once: Option<&IdempotencyKey>,
    ) -> Result<Created<Stored<T>>, ApiError> {
        let id = value.id().clone();
        if T::read(self.ports.as_ref(), &id).await?.is_some() {
            return Err(ApiError::AlreadyExists { noun: T::NOUN, id });
        }
        let kept = self.keep::<T>(&id, key).await?;
        let now = self.ports.now();
        let stored = Stored::new(value.with_secret(kept.as_deref()).put_at(None, now), now, &caller.0);
        let (made, replayed) = match self.put_new(caller, &stored, once).await {
            Ok(Created { view, replayed }) => (Ok(view), replayed),
            Err(refusal) => (Err(refusal), false),
        };
        Ok(Created { view: self.settle(&id, None, kept, made).await?, replayed })
    }

    async fn put_new<T: StoredResource>(
        &self,
        caller: &Caller,
        stored: &Stored<T>,
        once: Option<&IdempotencyKey>,
    ) -> Result<Created<Stored<T>>, ApiError> {
        let (id, now) = (stored.value.id(), stored.created_at);
        let changes = differences(&Value::Null, &stored.value);
        let entry = entry(now, caller, format!("{}.create", T::NOUN.word()), id.as_str(), changes);
        let mut writes: Vec<Write> = stored.value.needs().into_iter().collect();
        let needs = writes.len();
        writes.push(T::put(stored.clone(), ExpectedVersion::Nothing));
        writes.extend(once.map(|once| Write::SaveIdempotencyRecord(once.remember(caller, id, now))));
        match self.ports.commit(&writes, &entry).await {
            Ok(()) => Ok(Created { view: stored.clone(), replayed: false }),
            Err(CommitError::Conflict { step }) if step < needs => Err(ApiError::provider_not_found(id)),
            // The same request came twice at once, or another one was faster.
            Err(CommitError::Conflict { .. }) => match self.earlier(once, caller).await? {
                Some(view) => Ok(Created { view, replayed: true }),
                None => Err(ApiError::AlreadyExists { noun: T::NOUN, id: id.clone() }),
            },
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}

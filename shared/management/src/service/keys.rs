//! Access keys: one is kept under a name of its own before anything names it, and one that nothing names any more is removed.
//!
//! Promise: a key that something names, or that something may come to name, is never removed. A change whose answer was lost
//! may have been made; then what is there now says which key is idle, and where that is not sure, none is removed.

use exporter::provider::ProviderId;
use exporter::registry::{Revision, Stored};

use super::Service;
use super::resource::StoredResource;
use crate::check::Key;
use crate::ports::Ports;
use crate::problem::ApiError;

impl<P: Ports> Service<P> {
    /// Keeps an access key that came with the request; the name of its secret.
    pub(super) async fn keep<T: StoredResource>(&self, id: &ProviderId, key: Key) -> Result<Option<String>, ApiError> {
        let Key::New(key) = key else { return Ok(None) };
        Ok(Some(self.ports.store_key(&format!("{}-{id}", T::NOUN.word()), &key).await?))
    }

    /// What a change came to, for which the key `new` was kept. Removes the key that nothing names now: the one before, or
    /// the new one where nothing was changed. A change that was made although its answer was lost is no failure.
    pub(super) async fn settle<T: StoredResource>(
        &self,
        id: &ProviderId,
        before: Option<&Stored<T>>,
        new: Option<String>,
        changed: Result<Stored<T>, ApiError>,
    ) -> Result<Stored<T>, ApiError> {
        let old = before.and_then(|stored| stored.value.secret());
        let lost = match changed {
            Err(ApiError::Port(error)) if old.is_some() || new.is_some() => error,
            Ok(stored) => {
                self.forget_idle(old, &stored).await;
                self.forget_idle(new.as_deref(), &stored).await;
                return Ok(stored);
            }
            Err(refusal) => {
                if let Some(new) = new {
                    self.forget_secret(&new).await;
                }
                return Err(refusal);
            }
        };
        let there: Option<Stored<T>> = match T::read(self.ports.as_ref(), id).await {
            Ok(there) => there,
            Err(_) => {
                self.tell_doubt::<T>(id, old, new.as_deref());
                return Err(lost.into());
            }
        };
        let seen = before.map(Stored::revision);
        match there {
            // No other change knows the name of this secret.
            Some(stored) if new.is_some() && stored.value.secret() == new.as_deref() => {
                self.forget_idle(old, &stored).await;
                return Ok(stored);
            }
            // A later version of the same: ours was made and is over, or can't be made any more.
            Some(stored) if seen.is_some_and(|seen| is_later(stored.revision(), seen)) => {
                self.forget_idle(old, &stored).await;
                self.forget_idle(new.as_deref(), &stored).await;
            }
            // As it was before: the change may still be on its way.
            Some(stored) if seen == Some(stored.revision()) => self.tell_doubt::<T>(id, None, new.as_deref()),
            // Gone, or not there yet: it may have moved to another id, and its key with it.
            _ => self.tell_doubt::<T>(id, old, new.as_deref()),
        }
        Err(lost.into())
    }

    /// Removes a secret that something does not name.
    async fn forget_idle<T: StoredResource>(&self, secret: Option<&str>, stored: &Stored<T>) {
        if let Some(secret) = secret.filter(|secret| stored.value.secret() != Some(*secret)) {
            self.forget_secret(secret).await;
        }
    }

    /// Removes the secret of something that was deleted.
    pub(super) async fn forget_key_of(&self, deleted: &impl StoredResource) {
        if let Some(secret) = deleted.secret() {
            self.forget_secret(secret).await;
        }
    }

    /// Removes a secret that nothing names any more. That it fails is told and changes nothing: it can't be read through us.
    pub(super) async fn forget_secret(&self, secret: &str) {
        if let Err(error) = self.ports.delete_key(secret).await {
            tracing::error!(secret.name = secret, %error, "failed to delete a secret: delete it manually");
        }
    }

    /// Says which secrets may be idle, since only a user can find out.
    pub(super) fn tell_doubt<T: StoredResource>(&self, id: &ProviderId, old: Option<&str>, new: Option<&str>) {
        let noun = T::NOUN.word();
        for secret in [old, new].into_iter().flatten() {
            tracing::error!(
                provider.id = %id,
                secret.name = secret,
                "could not determine whether the change was applied; the access key was retained: if hubctl {noun} show {id} does not \
                 name it a minute from now, remove it: aws secretsmanager delete-secret --secret-id {secret} \
                 --force-delete-without-recovery"
            );
        }
    }
}

/// Whether one version comes after another of the same thing.
fn is_later(this: Revision, seen: Revision) -> bool {
    this.created_at == seen.created_at && this.version > seen.version
}

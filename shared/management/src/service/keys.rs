//! Access keys. A new key is stored in its own secret before a resource
//! references it. A secret that no resource references is deleted.
//!
//! Guarantee: a secret that a resource references, or may reference later, is never deleted. If the response to a change was lost,
//! the change may have been made: the current version of the resource then shows which secret is unused. If that is uncertain,
//! both secrets are retained.

use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::{Revision, Stored};

use super::Service;
use super::resource::StoredResource;
use crate::check::Key;
use crate::ports::Ports;
use crate::problem::ApiError;

impl<P: Ports> Service<P> {
    /// Stores the access key of a request. Returns the name of its secret.
    pub(super) async fn store_access_key<T: StoredResource>(
        &self,
        id: &ProviderId,
        key: Key,
    ) -> Result<Option<String>, ApiError> {
        let Key::New(key) = key else { return Ok(None) };
        Ok(Some(self.ports.store_key(&format!("{}-{id}", T::KIND.as_str()), &key).await?))
    }

    /// Completes a change for which the secret `new` was created. Deletes the secret that is no longer referenced: the old one,
    /// or the new one if nothing was changed. Returns success if the change was made, even if its response was lost.
    pub(super) async fn complete_change<T: StoredResource>(
        &self,
        id: &ProviderId,
        before: Option<&Stored<T>>,
        new: Option<String>,
        changed: Result<Stored<T>, ApiError>,
    ) -> Result<Stored<T>, ApiError> {
        let old = before.and_then(|stored| stored.value.secret());
        let port_error = match changed {
            Err(ApiError::Port(error)) if old.is_some() || new.is_some() => error,
            Ok(stored) => {
                self.delete_unused_key(old, &stored).await;
                self.delete_unused_key(new.as_deref(), &stored).await;
                return Ok(stored);
            }
            Err(api_error) => {
                if let Some(new) = new {
                    self.delete_secret(&new).await;
                }
                return Err(api_error);
            }
        };
        let current: Option<Stored<T>> = match T::read(self.ports.as_ref(), id).await {
            Ok(current) => current,
            Err(_) => {
                self.log_uncertain_keys::<T>(id, old, new.as_deref());
                return Err(port_error.into());
            }
        };
        let before_revision = before.map(Stored::revision);
        match current {
            // Only this change can reference the new secret.
            Some(stored) if new.is_some() && stored.value.secret() == new.as_deref() => {
                self.delete_unused_key(old, &stored).await;
                return Ok(stored);
            }
            // A later version exists: this change was made and superseded, or can't be made any more.
            Some(stored) if before_revision.is_some_and(|before| is_later(stored.revision(), before)) => {
                self.delete_unused_key(old, &stored).await;
                self.delete_unused_key(new.as_deref(), &stored).await;
            }
            // The resource is unchanged. The change may still be in flight, so that the new secret is retained.
            Some(stored) if before_revision == Some(stored.revision()) => {
                self.log_uncertain_keys::<T>(id, None, new.as_deref());
            }
            // Not found: the resource may have been moved to another ID, together with its key.
            _ => self.log_uncertain_keys::<T>(id, old, new.as_deref()),
        }
        Err(port_error.into())
    }

    /// Deletes a secret unless the stored resource references it.
    async fn delete_unused_key<T: StoredResource>(&self, secret: Option<&str>, stored: &Stored<T>) {
        if let Some(secret) = secret.filter(|secret| stored.value.secret() != Some(*secret)) {
            self.delete_secret(secret).await;
        }
    }

    /// Deletes the secret of a deleted resource.
    pub(super) async fn delete_key_of(&self, deleted: &impl StoredResource) {
        if let Some(secret) = deleted.secret() {
            self.delete_secret(secret).await;
        }
    }

    /// Deletes a secret that no resource references. A failure is only logged, because the secret can't be read through the API.
    pub(super) async fn delete_secret(&self, secret: &str) {
        if let Err(error) = self.ports.delete_key(secret).await {
            tracing::error!(secret.name = secret, %error, "failed to delete a secret: delete it manually");
        }
    }

    /// Logs the secrets that may be unused, because only an operator can determine whether they are.
    pub(super) fn log_uncertain_keys<T: StoredResource>(&self, id: &ProviderId, old: Option<&str>, new: Option<&str>) {
        let kind = T::KIND.as_str();
        for secret in [old, new].into_iter().flatten() {
            tracing::error!(
                provider.id = %id,
                secret.name = secret,
                "could not determine whether the change was applied; the access key was retained: if hubctl {kind} show {id} does not \
                 name it a minute from now, remove it: aws secretsmanager delete-secret --secret-id {secret} \
                 --force-delete-without-recovery"
            );
        }
    }
}

/// Whether a revision is later than another one of the same generation of a resource.
fn is_later(this: Revision, than: Revision) -> bool {
    this.created_at == than.created_at && this.version > than.version
}

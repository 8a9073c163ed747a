//! Credentials: an access key is kept under a name of its own before anything names it, and the one before is removed when
//! nothing names it any more. So a change that is refused harms nobody, and neither does one that breaks off.

use exporter::integration::{Credentials, Integration};
use exporter::provider::{Provider, ProviderId};
use exporter::registry::Stored;

use super::kept::{Change, Kept};
use super::{IfMatch, Service, TRIES_MAX};
use crate::check::{self, Checked, Key};
use crate::ports::{Caller, Ports};
use crate::problem::Refusal;
use crate::wire::{CredentialsBody, IntegrationView};

impl<P: Ports> Service<P> {
    /// Gives a provider other credentials. Its integration is tested with them, if it uses them.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that the provider is another version.
    pub async fn set_provider_credentials(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<Stored<Provider>, Refusal> {
        for _ in 0..TRIES_MAX {
            match self.give_provider(caller, id, if_match, body).await {
                // Another was faster. What was worked out from the version before would undo that.
                Err(Refusal::Changed { .. }) if *if_match == IfMatch::Any => {}
                given => return given,
            }
        }
        Err(Refusal::Busy(id.clone()))
    }

    async fn give_provider(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<Stored<Provider>, Refusal> {
        let before = self.found::<Provider>(id).await?;
        if_match.check(id, before.revision())?;
        let (credentials, key) =
            check::of_provider(id, body, Some(&before.value.credentials), &self.settings.secret_prefix)?;
        let (credentials, kept) = self.keep("provider", id, credentials, key).await?;
        let if_match = &IfMatch::exactly(before.revision());
        let what = Change { id, caller, verb: "credentials", if_match };
        let changed = self
            .change(what, |stored: &Stored<Provider>| {
                Ok(Provider { credentials: credentials.clone(), ..stored.value.clone() })
            })
            .await;
        self.settle(changed, before.value.credentials.secret(), kept, credentials.secret()).await
    }

    /// Gives an integration credentials of its own, or the provider's, and tests it.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that the integration is another version.
    pub async fn set_credentials(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<IntegrationView, Refusal> {
        for _ in 0..TRIES_MAX {
            match self.give_integration(caller, id, if_match, body).await {
                Err(Refusal::Changed { .. }) if *if_match == IfMatch::Any => {}
                given => return self.tested(&given?).await,
            }
        }
        Err(Refusal::Busy(id.clone()))
    }

    async fn give_integration(
        &self,
        caller: &Caller,
        id: &ProviderId,
        if_match: &IfMatch,
        body: &CredentialsBody,
    ) -> Result<Stored<Integration>, Refusal> {
        let before = self.found::<Integration>(id).await?;
        if_match.check(id, before.revision())?;
        let own = before.value.credentials.as_ref();
        let (credentials, kept) = match check::of_integration(id, body, own, &self.settings.secret_prefix)? {
            Checked::AsProvider => (None, None),
            Checked::Own(credentials, key) => {
                let (credentials, kept) = self.keep("integration", id, credentials, key).await?;
                (Some(credentials), kept)
            }
        };
        let if_match = &IfMatch::exactly(before.revision());
        let what = Change { id, caller, verb: "credentials", if_match };
        let changed = self
            .change(what, |stored: &Stored<Integration>| {
                stays(&stored.value)?;
                Ok(Integration { credentials: credentials.clone(), ..stored.value.clone() })
            })
            .await;
        let named = credentials.as_ref().and_then(Credentials::secret);
        self.settle(changed, own.and_then(Credentials::secret), kept, named).await
    }

    /// Keeps an access key that came with the request; the credentials with its place, and the secret that is new.
    pub(super) async fn keep(
        &self,
        kind: &str,
        id: &ProviderId,
        credentials: Credentials,
        key: Key,
    ) -> Result<(Credentials, Option<String>), Refusal> {
        let Key::New(key) = key else { return Ok((credentials, None)) };
        let name = self.ports.keep_key(&format!("{kind}-{id}"), &key).await?;
        let Credentials::Static { role, .. } = credentials else { return Ok((credentials, Some(name))) };
        Ok((Credentials::Static { secret: name.clone(), role }, Some(name)))
    }

    /// Removes the secret that nothing names now: the one before, or the new one where nothing was changed.
    async fn settle<T: Kept>(
        &self,
        changed: Result<Stored<T>, Refusal>,
        before: Option<&str>,
        kept: Option<String>,
        named: Option<&str>,
    ) -> Result<Stored<T>, Refusal> {
        let idle = match &changed {
            Ok(_) => before.filter(|secret| Some(*secret) != named).map(str::to_owned),
            Err(_) => kept,
        };
        if let Some(secret) = idle {
            self.forget_secret(&secret).await;
        }
        changed
    }
}

/// An integration that is being removed takes no more changes.
pub(super) fn stays(integration: &Integration) -> Result<(), Refusal> {
    match integration.removing_since {
        Some(_) => Err(Refusal::BeingRemoved(integration.provider.clone())),
        None => Ok(()),
    }
}

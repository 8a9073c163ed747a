//! Settings with their versions, the audit log, and access keys. Like a DynamoDB transaction, a change is written completely
//! or not at all.

use jiff::Timestamp;
use serde_json::json;

use super::contents::Contents;
use super::faults::Operation;
use super::memory::InMemory;
use super::pages::{ascending, newest_first};
use crate::model::integration::Integration;
use crate::model::provider::{Provider, ProviderId};
use crate::ports::PortError;
use crate::ports::settings_store::{
    AccessKey, Audit, AuditEntry, CommitError, ExpectedVersion, IdempotencyRecord, ListPage, Page, Secrets,
    SettingsStore, Stored, Write,
};

impl<H: Sync> SettingsStore for InMemory<H> {
    async fn provider(&self, id: &ProviderId) -> Result<Option<Stored<Provider>>, PortError> {
        self.call(Operation::ReadProvider, id.as_str(), |contents| Ok(contents.providers.get(id.as_str()).cloned()))
            .await
    }

    async fn providers(&self, page: &Page) -> Result<ListPage<Stored<Provider>>, PortError> {
        self.call(Operation::ListProviders, "", |contents| {
            Ok(ascending(contents.providers.iter().map(|(id, stored)| (id.clone(), stored)), page))
        })
        .await
    }

    async fn stored_integration(&self, id: &ProviderId) -> Result<Option<Stored<Integration>>, PortError> {
        self.call(Operation::ReadIntegration, id.as_str(), |contents| {
            Ok(contents.integrations.get(id.as_str()).cloned())
        })
        .await
    }

    async fn integrations(&self, page: &Page) -> Result<ListPage<Stored<Integration>>, PortError> {
        self.call(Operation::ListIntegrations, "", |contents| {
            Ok(ascending(contents.integrations.iter().map(|(id, stored)| (id.clone(), stored)), page))
        })
        .await
    }

    async fn commit(&self, writes: &[Write], entry: &AuditEntry) -> Result<(), CommitError> {
        self.call(Operation::Commit, &entry.target, |contents| {
            if let Some(step) = writes.iter().position(|write| !contents.allows(write)) {
                return Err(CommitError::Conflict { step });
            }
            writes.iter().for_each(|write| contents.write(write));
            contents.audit_log.push(entry.clone());
            Ok(())
        })
        .await
    }

    async fn idempotency_record(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, PortError> {
        self.call(Operation::ReadIdempotencyRecord, key, |contents| {
            let found = contents.idempotency_records.get(key).cloned();
            Ok(found.filter(|record| record.until > now))
        })
        .await
    }
}

fn is_expected<T>(stored: Option<&Stored<T>>, expected: &ExpectedVersion) -> bool {
    match expected {
        ExpectedVersion::Nothing => stored.is_none(),
        ExpectedVersion::This(revision) => stored.is_some_and(|stored| stored.revision() == *revision),
    }
}

impl Contents {
    /// Whether the condition of a step is met.
    fn allows(&self, write: &Write) -> bool {
        let provider = |id: &ProviderId| self.providers.get(id.as_str());
        let integration = |id: &ProviderId| self.integrations.get(id.as_str());
        match write {
            Write::PutProvider(stored, expected) => is_expected(provider(&stored.value.id), expected),
            Write::DeleteProvider(id, revision) => is_expected(provider(id), &ExpectedVersion::This(*revision)),
            Write::PutIntegration(stored, expected) => is_expected(integration(&stored.value.provider), expected),
            Write::DeleteIntegration(id, revision) => is_expected(integration(id), &ExpectedVersion::This(*revision)),
            Write::RequireProvider(id) => provider(id).is_some(),
            Write::RequireNoIntegration(id) => integration(id).is_none(),
            Write::DeleteConnection(_) => true,
            Write::SaveIdempotencyRecord(record) => !self.idempotency_records.contains_key(&record.key),
        }
    }

    fn write(&mut self, write: &Write) {
        match write.clone() {
            Write::PutProvider(stored, _) => drop(self.providers.insert(stored.value.id.to_string(), stored)),
            Write::DeleteProvider(id, _) => drop(self.providers.remove(id.as_str())),
            Write::PutIntegration(stored, _) => {
                drop(self.integrations.insert(stored.value.provider.to_string(), stored));
            }
            Write::DeleteIntegration(id, _) => drop(self.integrations.remove(id.as_str())),
            Write::RequireProvider(_) | Write::RequireNoIntegration(_) => {}
            Write::DeleteConnection(account) => drop(self.connections.remove(&account)),
            Write::SaveIdempotencyRecord(record) => {
                drop(self.idempotency_records.insert(record.key.clone(), record));
            }
        }
    }
}

impl<H: Sync> Audit for InMemory<H> {
    async fn append(&self, entry: &AuditEntry) -> Result<(), PortError> {
        self.call(Operation::WriteAuditLog, &entry.target, |contents| {
            contents.audit_log.push(entry.clone());
            Ok(())
        })
        .await
    }

    async fn audit_log(&self, page: &Page) -> Result<ListPage<AuditEntry>, PortError> {
        self.call(Operation::ReadAuditLog, "", |contents| {
            Ok(newest_first(contents.audit_log.iter().rev().map(|entry| (entry.id.clone(), entry)), page))
        })
        .await
    }
}

impl<H: Sync> Secrets for InMemory<H> {
    async fn store_key(&self, of: &str, key: &AccessKey) -> Result<String, PortError> {
        self.call(Operation::StoreKey, of, |contents| {
            contents.secrets_created += 1;
            let name = format!("securityhub-exporter/managed/{of}/{}", contents.secrets_created);
            let AccessKey { access_key_id, secret_access_key, session_token } = key;
            let value = json!({
                "access_key_id": access_key_id,
                "secret_access_key": secret_access_key,
                "session_token": session_token,
            });
            contents.secrets.insert(name.clone(), value.to_string());
            Ok(name)
        })
        .await
    }

    async fn delete_key(&self, secret: &str) -> Result<(), PortError> {
        self.call(Operation::DeleteKey, secret, |contents| {
            contents.secrets.remove(secret);
            Ok(())
        })
        .await
    }
}

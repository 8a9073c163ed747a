//! The integration of an account: its own, or its organization's.

use std::sync::Arc;

use asff::AccountId;
use exporter::model::integration::{Credentials, Integration};
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::SettingsStore as _;
use exporter::ports::{Integrations, PortError};
use jiff::Timestamp;
use management::{ApiError, Caller, Service, Settings};

use crate::Cloud;
use crate::dynamodb::item::{get_text, text};
use crate::dynamodb::settings_store::items::INTEGRATIONS;
use crate::errors::{failure, port_error};

/// Partition of the accounts with a known organization.
const MEMBERS: &str = "member";
/// Prefix of organization IDs.
const ORGANIZATION_START: &str = "o-";
impl Integrations for Cloud {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        if let Some(own) = self.stored_integration(&ProviderId::Account(*account)).await? {
            return Ok(Some(own.value));
        }
        let action = || format!("find the organization of account {account}");
        let member = self.item(MEMBERS, account.as_str(), action).await?;
        let named = member.as_ref().and_then(|item| get_text(item, "organization")).and_then(|id| id.parse().ok());
        let organization = match named {
            Some(organization) => Some(organization),
            None => self.only_organization().await?,
        };
        let Some(organization) = organization else { return Ok(None) };
        Ok(self.stored_integration(&organization).await?.map(|stored| stored.value))
    }

    async fn delete_after_archive(
        &self,
        provider: &ProviderId,
        deletion_requested_at: Timestamp,
    ) -> Result<bool, PortError> {
        let settings = Settings { secret_prefix: self.management.secret_prefix.clone(), ..Settings::default() };
        let service = Service::new(Arc::new(self.clone()), settings);
        let exporter = Caller("export-findings".to_owned());
        match service.delete_after_archive(&exporter, provider, deletion_requested_at).await {
            Ok(is_deleted) => Ok(is_deleted),
            Err(ApiError::Port(error)) => Err(error),
            Err(error) => Err(failure(format!("delete the integration of {provider}"), error)),
        }
    }
}

impl Cloud {
    /// The only organization with an integration, if exactly one exists. Accounts with an unknown organization count as its
    /// members.
    async fn only_organization(&self) -> Result<Option<ProviderId>, PortError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :organization)")
            .expression_attribute_values(":pk", text(INTEGRATIONS))
            .expression_attribute_values(":organization", text(ORGANIZATION_START))
            .limit(2);
        let response = query.send().await.map_err(|error| port_error("find an organization's integration", &error))?;
        match response.items() {
            [one] => Ok(get_text(one, "sk").and_then(|id| id.parse().ok())),
            _ => Ok(None),
        }
    }

    /// Credentials for a provider's accounts. Default: the deployment's own identity.
    pub(crate) async fn provider_credentials(&self, id: &ProviderId) -> Result<Credentials, PortError> {
        Ok(self.provider(id).await?.map(|stored| stored.value.credentials).unwrap_or_default())
    }
}

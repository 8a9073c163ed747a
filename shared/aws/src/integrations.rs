//! Integrations in the table: one item for each account, read by every export and written by operators.

use std::sync::Arc;

use asff::AccountId;
use aws_sdk_dynamodb::types::AttributeValue;
use exporter::integration::{Credentials, Integration};
use exporter::ports::{Integrations, PortError};
use exporter::provider::ProviderId;
use exporter::roster::Roster as _;
use jiff::Timestamp;
use management::{Caller, Refusal, Service, Settings};

use crate::Cloud;
use crate::errors::port_error;
use crate::item::{Item, ItemError, from_attribute, get_number, get_text, number, text, to_attribute};

/// The partition of all integrations.
const PARTITION: &str = "integration";
/// The partition of the accounts whose organisation is known.
const MEMBERS: &str = "member";
/// How the ids of organisations begin.
const ORGANIZATION_START: &str = "o-";
/// Pages that a list reads at most: of 1 MB each, so some 100,000 integrations.
const PAGES_MAX: usize = 100;

/// An integration as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredIntegration {
    /// Its settings.
    pub integration: Integration,
    /// Counts its changes; 1 when it is new.
    pub version: u64,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

/// Why an integration was not created.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CreateError {
    /// The provider has one; it is left as it is.
    #[error("{provider} has an integration already")]
    Exists {
        /// The provider.
        provider: ProviderId,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] PortError),
}

impl Integrations for Cloud {
    async fn integration(&self, account: &AccountId) -> Result<Option<Integration>, PortError> {
        if let Some(own) = self.get_integration(&ProviderId::Account(*account)).await? {
            return Ok(Some(own.integration));
        }
        let action = || format!("find the organisation of account {account}");
        let member = self.item(MEMBERS, account.as_str(), action).await?;
        let named = member.as_ref().and_then(|item| get_text(item, "organization")).and_then(|id| id.parse().ok());
        let organization = match named {
            Some(organization) => Some(organization),
            None => self.only_organization().await?,
        };
        let Some(organization) = organization else { return Ok(None) };
        Ok(self.get_integration(&organization).await?.map(|stored| stored.integration))
    }

    async fn delete_withdrawn(&self, provider: &ProviderId) -> Result<bool, PortError> {
        let settings = Settings { secret_prefix: self.managing.secret_prefix.clone() };
        let service = Service::new(Arc::new(self.clone()), settings);
        let exporter = Caller("export-findings".to_owned());
        match service.withdrawn(&exporter, provider).await {
            Ok(()) => Ok(true),
            Err(Refusal::Port(error)) => Err(error),
            Err(error) => {
                let action = format!("delete the integration of {provider}");
                Err(PortError { action, message: error.to_string() })
            }
        }
    }
}

impl Cloud {
    /// The only organisation that has an integration, where there is just one. An account of which nobody knows its
    /// organisation is taken for one of it: whoever scans accounts of another has to say so.
    async fn only_organization(&self) -> Result<Option<ProviderId>, PortError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :organization)")
            .expression_attribute_values(":pk", text(PARTITION))
            .expression_attribute_values(":organization", text(ORGANIZATION_START))
            .limit(2);
        let answer = query.send().await.map_err(|error| port_error("find an organisation's integration", &error))?;
        match answer.items() {
            [one] => Ok(get_text(one, "sk").and_then(|id| id.parse().ok())),
            _ => Ok(None),
        }
    }

    /// As whom a provider's accounts are called. One that nobody described is called as the deployment itself.
    pub(crate) async fn provider_credentials(&self, id: &ProviderId) -> Result<Credentials, PortError> {
        Ok(self.provider(id).await?.map(|provider| provider.credentials).unwrap_or_default())
    }

    /// Reads one integration, consistently.
    ///
    /// # Errors
    ///
    /// When the table does not answer, or the item was changed into something that is no integration.
    pub async fn get_integration(&self, id: &ProviderId) -> Result<Option<StoredIntegration>, PortError> {
        let action = || format!("read the integration of {id}");
        let request = self.dynamodb.get_item().table_name(&self.names.table).consistent_read(true);
        let answer = request.key("pk", text(PARTITION)).key("sk", text(id.as_str())).send().await;
        let answer = answer.map_err(|error| port_error(action(), &error))?;
        answer.item.map(|item| stored(&item).map_err(|error| unreadable(action(), &error))).transpose()
    }

    /// Creates an integration where the account has none.
    ///
    /// # Errors
    ///
    /// [`CreateError::Exists`] if it has one, whatever its settings.
    pub async fn create_integration(&self, integration: &Integration) -> Result<StoredIntegration, CreateError> {
        let id = &integration.provider;
        let action = || format!("create the integration of {id}");
        let now = Timestamp::now();
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.names.table)
            .item("pk", text(PARTITION))
            .item("sk", text(id.as_str()))
            .item("settings", settings(integration, action)?)
            .item("version", number(1))
            .item("created_at", text(now.to_string()))
            .item("updated_at", text(now.to_string()))
            .condition_expression("attribute_not_exists(pk)");
        match request.send().await {
            Ok(_) => Ok(StoredIntegration {
                integration: integration.clone(),
                version: 1,
                created_at: Some(now),
                updated_at: Some(now),
            }),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(CreateError::Exists { provider: id.clone() })
            }
            Err(error) => Err(port_error(action(), &error).into()),
        }
    }

    /// Writes an integration's settings, whether the account has one or not.
    ///
    /// # Errors
    ///
    /// When the table does not take it.
    pub async fn put_integration(&self, integration: &Integration) -> Result<StoredIntegration, PortError> {
        let action = || format!("write the integration of {}", integration.provider);
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.names.table)
            .key("pk", text(PARTITION))
            .key("sk", text(integration.provider.as_str()))
            .update_expression(
                "SET #settings = :settings, #version = if_not_exists(#version, :zero) + :one, \
                 #created_at = if_not_exists(#created_at, :now), #updated_at = :now",
            )
            .expression_attribute_names("#settings", "settings")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#created_at", "created_at")
            .expression_attribute_names("#updated_at", "updated_at")
            .expression_attribute_values(":settings", settings(integration, action)?)
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", text(Timestamp::now().to_string()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| port_error(action(), &error))?;
        stored(&answer.attributes.unwrap_or_default()).map_err(|error| unreadable(action(), &error))
    }

    /// All integrations, by account.
    ///
    /// # Errors
    ///
    /// When the table does not answer, or one item is no integration.
    pub async fn list_integrations(&self) -> Result<Vec<StoredIntegration>, PortError> {
        const ACTION: &str = "list the integrations";
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(PARTITION));
        let mut pages = query.into_paginator().send();
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            for item in page.map_err(|error| port_error(ACTION, &error))?.items() {
                all.push(stored(item).map_err(|error| unreadable(ACTION.to_owned(), &error))?);
            }
        }
        Ok(all)
    }
}

fn settings(integration: &Integration, action: impl Fn() -> String) -> Result<AttributeValue, PortError> {
    to_attribute(integration).map_err(|error| unreadable(action(), &error))
}

fn stored(item: &Item) -> Result<StoredIntegration, ItemError> {
    let time = |name| get_text(item, name).and_then(|time| time.parse().ok());
    Ok(StoredIntegration {
        integration: from_attribute(item.get("settings").ok_or(ItemError::Missing("settings"))?)?,
        version: get_number(item, "version").and_then(|version| u64::try_from(version).ok()).unwrap_or_default(),
        created_at: time("created_at"),
        updated_at: time("updated_at"),
    })
}

fn unreadable(action: String, error: &ItemError) -> PortError {
    PortError { action, message: error.to_string() }
}

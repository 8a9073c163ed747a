//! Check targets: integrations and providers from the table, accounts of organizations from AWS Organizations, and the queue
//! that fans out the check of many accounts.

use std::collections::BTreeSet;

use asff::{AccountId, Regions};
use aws_config::SdkConfig;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use exporter::connection::targets::{CheckTargets, StoredConnection};
use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::PortError;
use exporter::ports::settings_store::SettingsStore;

use crate::Cloud;
use crate::dynamodb::item::{Item, get_text};
use crate::dynamodb::settings_store::items::{INTEGRATIONS, stored};
use crate::errors::{failure, port_error};
use crate::organization::Member;

/// Partition of the accounts with exported scans.
const ACCOUNTS: &str = "account";
/// Maximum number of messages per call (SQS API, `SendMessageBatch`).
const MESSAGES_MAX: usize = 10;

impl CheckTargets for Cloud {
    async fn integrations(&self) -> Result<Vec<Integration>, PortError> {
        let all = self.query_all(INTEGRATIONS, "list the integrations", stored::<Integration>).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    async fn provider(&self, id: &ProviderId) -> Result<Option<Provider>, PortError> {
        Ok(SettingsStore::provider(self, id).await?.map(|stored| stored.value))
    }

    async fn organization_accounts(&self, organization: &ProviderId) -> Result<Vec<AccountId>, PortError> {
        let region = self.config.region().and_then(|region| region.as_ref().parse().ok());
        let partition = region.and_then(|region| Regions::known().partition_of(region));
        if let Some(partition) = partition
            && let Some(members) = self.organization_accounts(partition).await?
        {
            // The deployment's account may belong to another organization.
            let is_theirs =
                |member: &Member| member.organization.as_deref().is_none_or(|theirs| theirs == organization.as_str());
            let members: Vec<Member> = members.into_iter().filter(is_theirs).collect();
            if !members.is_empty() {
                self.store_members(organization, &members).await?;
                return Ok(members.into_iter().map(|member| member.account).collect());
            }
        }
        self.members(organization).await
    }

    async fn former_members(&self, organization: &ProviderId) -> Result<BTreeSet<AccountId>, PortError> {
        self.departed_members(organization).await
    }

    async fn stored_connections(&self) -> Result<Vec<StoredConnection>, PortError> {
        self.stored_connections_of(None).await
    }

    async fn delete_outdated(&self, stored_connections: &[StoredConnection]) -> Result<(), PortError> {
        self.delete_all(stored_connections).await
    }

    async fn exported_accounts(&self) -> Result<Vec<AccountId>, PortError> {
        let account = |item: &Item| Ok(get_text(item, "sk").and_then(|account| account.parse::<AccountId>().ok()));
        let all = self.query_all(ACCOUNTS, "list the accounts whose scans were exported", account).await?;
        Ok(all.into_iter().flatten().collect())
    }
}

/// The queue whose messages invoke the function that checks connections.
#[derive(Clone, Debug)]
pub struct CheckQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl CheckQueue {
    /// A client of the queue with this URL. Makes no call.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        Self { client: aws_sdk_sqs::Client::new(config), url: url.into() }
    }

    /// Sends messages to the queue.
    ///
    /// # Errors
    ///
    /// If SQS rejects a message. Earlier messages have been sent.
    pub async fn send(&self, messages: &[String]) -> Result<(), PortError> {
        const ACTION: &str = "send checks to the queue";
        for some in messages.chunks(MESSAGES_MAX) {
            let mut request = self.client.send_message_batch().queue_url(&self.url);
            for (index, message) in some.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(message).build();
                request = request.entries(entry.map_err(|error| failure(ACTION, error))?);
            }
            let response = request.send().await.map_err(|error| port_error(ACTION, &error))?;
            if let Some(refused) = response.failed().first() {
                return Err(failure(
                    ACTION,
                    format!("{}: {}", refused.code(), refused.message().unwrap_or("no error message")),
                ));
            }
        }
        Ok(())
    }
}

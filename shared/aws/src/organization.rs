//! Accounts of organizations: one operation of AWS Organizations, and the table's items with the organization of each account.

use std::collections::BTreeSet;

use asff::{AccountId, Partition};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use jiff::Timestamp;
use serde::Deserialize;

use crate::Cloud;
use crate::dynamodb::item::{Item, get_text, text};
use crate::errors::{failure, is_written, port_error};
use crate::raw_call::signed::{CodeAndMessage, Service, SignedCall, call};

/// Partition of all members.
const PARTITION: &str = "member";
/// Attribute with the ID of the organization that an account left. It replaces `organization`.
const LEFT: &str = "left";
/// Maximum number of pages of an organization to read: with twenty accounts per page, 40,000 accounts, four times the largest
/// quota.
const ORGANIZATION_PAGES_MAX: usize = 2_000;

const ORGANIZATIONS: Service =
    Service { id: "Organizations", name: "organizations", content_type: "application/x-amz-json-1.1", error };

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// Name of the account.
    pub name: Option<String>,
    /// ID of the organization, if the response has it.
    pub organization: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    accounts: Vec<Account>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    id: String,
    /// `arn:aws:organizations::MANAGEMENT:account/ORGANIZATION/ACCOUNT`.
    arn: Option<String>,
    name: Option<String>,
    /// Replacement of `Status` since September 2026.
    state: Option<String>,
    status: Option<String>,
}

impl Cloud {
    /// All active accounts of the organization of the deployment's account. `None` if the deployment has no permission to list
    /// them, its account is not in an organization, or the partition has no organizations; then the accounts with exported scans
    /// are checked.
    ///
    /// # Errors
    ///
    /// If the call fails for a transient reason.
    pub async fn organization_accounts(&self, partition: Partition) -> Result<Option<Vec<Member>>, PortError> {
        const ACTION: &str = "list the accounts of the organization";
        let Some(region) = organizations_region(partition) else { return Ok(None) };
        let mut members = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..ORGANIZATION_PAGES_MAX {
            let body = next.take().map_or(serde_json::json!({}), |token| serde_json::json!({ "NextToken": token }));
            let request = SignedCall {
                operation: "ListAccounts",
                region: region.to_owned(),
                partition,
                headers: vec![("x-amz-target", "AWSOrganizationsV20161128.ListAccounts".to_owned())],
                body: body.to_string(),
            };
            let response = match call(&self.config, ORGANIZATIONS, request).await {
                Ok(response) => response,
                Err(error) if is_not_permitted(error.code()) => return Ok(None),
                Err(error) => return Err(port_error(ACTION, &error)),
            };
            let page: Page = serde_json::from_slice(&response).map_err(|error| failure(ACTION, error))?;
            let active = page.accounts.into_iter().filter(|account| account.is_active());
            members.extend(active.filter_map(|account| {
                let organization = account.organization().map(str::to_owned);
                Some(Member { account: account.id.parse().ok()?, name: account.name, organization })
            }));
            match page.next_token {
                Some(token) if !token.is_empty() => next = Some(token),
                _ => break,
            }
        }
        Ok(Some(members))
    }

    /// Stores which accounts belong to an organization, and which left it.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn store_members(&self, organization: &ProviderId, members: &[Member]) -> Result<(), PortError> {
        let known = self.members(organization).await?;
        let is_member = |account: &AccountId| members.iter().any(|member| member.account == *account);
        for gone in known.iter().filter(|account| !is_member(account)) {
            // Replaces the item that recorded the account's membership.
            let request = self.dynamodb.put_item().table_name(&self.names.table);
            let request = request
                .item("pk", text(PARTITION))
                .item("sk", text(gone.as_str()))
                .item(LEFT, text(organization.as_str()))
                .item("left_at", text(Timestamp::now().to_string()));
            // The account may have joined another organization in the meantime.
            let request = request.condition_expression("organization = :organization");
            let request = request.expression_attribute_values(":organization", text(organization.as_str()));
            is_written(request.send().await, || format!("record that {gone} left {organization}"))?;
        }
        for member in members.iter().filter(|member| !known.contains(&member.account)) {
            let request = self.dynamodb.put_item().table_name(&self.names.table);
            let mut request = request
                .item("pk", text(PARTITION))
                .item("sk", text(member.account.as_str()))
                .item("organization", text(organization.as_str()))
                .item("found_at", text(Timestamp::now().to_string()));
            if let Some(name) = &member.name {
                request = request.item("name", AttributeValue::S(name.clone()));
            }
            request.send().await.map_err(|error| port_error(format!("store the member {}", member.account), &error))?;
        }
        Ok(())
    }

    /// Known accounts of an organization.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn members(&self, organization: &ProviderId) -> Result<Vec<AccountId>, PortError> {
        let action = format!("list the members of {}", organization.as_str());
        self.accounts_where("organization", organization, &action).await
    }

    /// Accounts that left an organization and are not known to be in another one.
    pub(crate) async fn departed_members(&self, organization: &ProviderId) -> Result<BTreeSet<AccountId>, PortError> {
        let action = format!("list the accounts that left {}", organization.as_str());
        Ok(self.accounts_where(LEFT, organization, &action).await?.into_iter().collect())
    }

    async fn accounts_where(
        &self,
        attribute: &str,
        organization: &ProviderId,
        action: &str,
    ) -> Result<Vec<AccountId>, PortError> {
        let matching = |item: &Item| {
            let is_theirs = get_text(item, attribute) == Some(organization.as_str());
            Ok(get_text(item, "sk").filter(|_| is_theirs).and_then(|account| account.parse::<AccountId>().ok()))
        };
        Ok(self.query_all(PARTITION, action, matching).await?.into_iter().flatten().collect())
    }
}

impl Account {
    fn organization(&self) -> Option<&str> {
        self.arn.as_deref()?.split(":account/").nth(1)?.split('/').next()
    }

    fn is_active(&self) -> bool {
        self.state.as_ref().or(self.status.as_ref()).is_none_or(|state| state == "ACTIVE")
    }
}

/// Region of a partition's AWS Organizations endpoint; the European Sovereign Cloud has none (endpoint data of botocore 1.44.5).
fn organizations_region(partition: Partition) -> Option<&'static str> {
    match partition {
        Partition::Aws => Some("us-east-1"),
        Partition::AwsCn => Some("cn-northwest-1"),
        Partition::AwsUsGov => Some("us-gov-west-1"),
        Partition::AwsEusc => None,
    }
}

fn is_not_permitted(code: Option<&str>) -> bool {
    let denied = ["AccessDeniedException", "AccessDenied", "AWSOrganizationsNotInUseException"];
    code.is_some_and(|code| denied.contains(&code))
}

fn error(response: &[u8]) -> CodeAndMessage {
    let response: serde_json::Value = serde_json::from_slice(response).unwrap_or_default();
    let text = |name: &str| response[name].as_str().map(str::to_owned);
    let code = text("__type").map(|kind| kind.rsplit('#').next().unwrap_or(&kind).to_owned());
    (code, text("Message").or_else(|| text("message")))
}

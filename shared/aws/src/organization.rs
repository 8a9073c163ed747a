//! The accounts of an organization: the one operation of AWS Organizations that we want, and the table's items that say
//! which organization an account belongs to.

use std::collections::BTreeSet;

use asff::{AccountId, Partition};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::ports::PortError;
use exporter::provider::ProviderId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::Cloud;
use crate::dynamodb::item::{Item, get_text, text};
use crate::errors::{failure, is_written, port_error};
use crate::raw_call::signed::{CodeAndWords, Service, SignedCall, call};

/// The partition of all members.
const PARTITION: &str = "member";
/// Names the organization that an account left. It stands in the place of `organization`.
const LEFT: &str = "left";
/// Pages of an organization that are read at most: of twenty accounts each, so 40,000, four times the largest quota.
const ORGANIZATION_PAGES_MAX: usize = 2_000;

const ORGANIZATIONS: Service =
    Service { id: "Organizations", name: "organizations", content_type: "application/x-amz-json-1.1", error };

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// The name that the organization gave it.
    pub name: Option<String>,
    /// The organization's id, if the service said it.
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
    /// What replaced `Status` in September 2026.
    state: Option<String>,
    status: Option<String>,
}

impl Cloud {
    /// The active accounts of the organization to which the deployment's own account belongs, all pages. None, where the
    /// deployment may not ask, its account is in no organization, or the partition has none: then the accounts are those of
    /// which findings came.
    ///
    /// # Errors
    ///
    /// When the service does not answer, for a reason that may pass.
    pub async fn organization_accounts(&self, partition: Partition) -> Result<Option<Vec<Member>>, PortError> {
        const ACTION: &str = "list the accounts of the organization";
        let Some(region) = home_region(partition) else { return Ok(None) };
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
            let answer = match call(&self.config, ORGANIZATIONS, request).await {
                Ok(answer) => answer,
                Err(error) if is_not_ours_to_ask(error.code()) => return Ok(None),
                Err(error) => return Err(port_error(ACTION, &error)),
            };
            let page: Page = serde_json::from_slice(&answer).map_err(|error| failure(ACTION, error))?;
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

    /// Remembers to which organization accounts belong, and which of them left it.
    ///
    /// # Errors
    ///
    /// When the table does not take it.
    pub async fn keep_members(&self, organization: &ProviderId, members: &[Member]) -> Result<(), PortError> {
        let known = self.members(organization).await?;
        let stays = |account: &AccountId| members.iter().any(|member| member.account == *account);
        for gone in known.iter().filter(|account| !stays(account)) {
            // In the place of the item that says that it belongs to it.
            let request = self.dynamodb.put_item().table_name(&self.names.table);
            let request = request
                .item("pk", text(PARTITION))
                .item("sk", text(gone.as_str()))
                .item(LEFT, text(organization.as_str()))
                .item("left_at", text(Timestamp::now().to_string()));
            // It may have joined another organization meanwhile.
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

    /// The accounts that are known to belong to an organization.
    ///
    /// # Errors
    ///
    /// When the table does not answer.
    pub async fn members(&self, organization: &ProviderId) -> Result<Vec<AccountId>, PortError> {
        let action = format!("list the members of {}", organization.as_str());
        self.accounts_where("organization", organization, &action).await
    }

    /// The accounts that belonged to an organization, and to none that we know since they left it.
    pub(crate) async fn left_members(&self, organization: &ProviderId) -> Result<BTreeSet<AccountId>, PortError> {
        let action = format!("list the accounts that left {}", organization.as_str());
        Ok(self.accounts_where(LEFT, organization, &action).await?.into_iter().collect())
    }

    async fn accounts_where(
        &self,
        attribute: &str,
        organization: &ProviderId,
        action: &str,
    ) -> Result<Vec<AccountId>, PortError> {
        let theirs = |item: &Item| {
            let is_theirs = get_text(item, attribute) == Some(organization.as_str());
            Ok(get_text(item, "sk").filter(|_| is_theirs).and_then(|account| account.parse::<AccountId>().ok()))
        };
        Ok(self.query_all(PARTITION, action, theirs).await?.into_iter().flatten().collect())
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

/// Where a partition's AWS Organizations answers; the European Sovereign Cloud has none (endpoint data of botocore 1.44.5).
fn home_region(partition: Partition) -> Option<&'static str> {
    match partition {
        Partition::Aws => Some("us-east-1"),
        Partition::AwsCn => Some("cn-northwest-1"),
        Partition::AwsUsGov => Some("us-gov-west-1"),
        Partition::AwsEusc => None,
    }
}

fn is_not_ours_to_ask(code: Option<&str>) -> bool {
    let denied = ["AccessDeniedException", "AccessDenied", "AWSOrganizationsNotInUseException"];
    code.is_some_and(|code| denied.contains(&code))
}

fn error(answer: &[u8]) -> CodeAndWords {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    let code = text("__type").map(|kind| kind.rsplit('#').next().unwrap_or(&kind).to_owned());
    (code, text("Message").or_else(|| text("message")))
}

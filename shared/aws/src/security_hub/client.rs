//! Security Hub of one account, in all its Regions.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use asff::{AccountId, Partition, RegionName};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::config::retry::RetryPartition;
use aws_sdk_securityhub::config::{self, Config};
use bytes::Bytes;
use exporter::connection::Probe;
use exporter::model::integration::Role;
use exporter::ports::{CallError, FailedFinding, Hub, HubState, ImportOutcome, Page};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::raw_call::raw_body::{GET_FINDINGS, IMPORT_FINDINGS, call};
use crate::security_hub::credentials::{AssumedRole, fresh};
use crate::security_hub::errors::call_error;

/// Timeout of one import. The service normally responds in less than a second.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// Findings per page, the maximum of the service.
const PAGE_FINDINGS: usize = 100;

/// A connection to one account. Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct SecurityHub {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) account: AccountId,
    pub(crate) caller: Caller,
    session: RwLock<Session>,
}

/// Identity of the credentials.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) partition: Partition,
    /// The assumed role, if it has an External ID, and its configuration without the External ID.
    pub(crate) role_with_external_id: Option<(Role, AssumedRole)>,
}

/// Clients that share one credentials cache.
#[derive(Debug)]
struct Session {
    /// Number of the session. If many calls have the same expired session, only the first one renews it.
    number: u64,
    config: SdkConfig,
    clients: HashMap<RegionName, Client>,
}

impl SecurityHub {
    pub(crate) fn new(config: SdkConfig, account: AccountId, caller: Caller) -> Self {
        let session = RwLock::new(Session { number: 0, config, clients: HashMap::new() });
        Self { shared: Arc::new(Shared { account, caller, session }) }
    }

    /// Configuration and number of the session.
    pub(crate) fn session(&self) -> (SdkConfig, u64) {
        let session = self.shared.session.read().unwrap_or_else(PoisonError::into_inner);
        (session.config.clone(), session.number)
    }

    /// Client of a Region, and the number of its session.
    pub(crate) fn client(&self, region: RegionName) -> (Client, u64) {
        let session = self.shared.session.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = session.clients.get(&region) {
            return (client.clone(), session.number);
        }
        drop(session);
        let mut session = self.shared.session.write().unwrap_or_else(PoisonError::into_inner);
        let config = config::Builder::from(&session.config)
            .region(Region::new(region.to_string()))
            // A throttled account must not use up the retry tokens of other accounts.
            .retry_partition(RetryPartition::new(format!("securityhub-{}", self.shared.account)));
        let client = session.clients.entry(region).or_insert_with(|| Client::from_conf(config.build())).clone();
        (client, session.number)
    }

    /// Partition of the account.
    pub fn partition(&self) -> Partition {
        self.shared.caller.partition
    }

    /// Ends an expired session; the next call obtains new credentials.
    fn renew(&self, expired: u64) {
        let mut session = self.shared.session.write().unwrap_or_else(PoisonError::into_inner);
        if session.number == expired {
            let config = fresh(&session.config);
            *session = Session { number: expired + 1, config, clients: HashMap::new() };
        }
    }

    /// Filters for the account's active findings of the Prowler product in this Region.
    pub(crate) fn filters(&self, region: RegionName) -> Value {
        let Shared { account, caller, .. } = self.shared.as_ref();
        json!({
            "ProductArn": equals(caller.partition.product_arn(region)),
            "AwsAccountId": equals(account),
            "Region": equals(region),
            "RecordState": equals("ACTIVE"),
        })
    }

    pub(crate) fn renew_if_expired(&self, error: CallError, session: u64) -> CallError {
        if matches!(error, CallError::ExpiredToken(_)) {
            self.renew(session);
        }
        error
    }
}

impl SecurityHub {
    /// One page of `GetFindings`.
    pub(crate) async fn page(
        &self,
        region: RegionName,
        filters: Value,
        findings_max: usize,
        next: Option<String>,
    ) -> Result<Page, CallError> {
        let (client, session) = self.client(region);
        let mut request = json!({ "Filters": filters, "MaxResults": findings_max });
        if let Some(next) = next {
            request["NextToken"] = next.into();
        }
        let response = call(&client, GET_FINDINGS, request.to_string().into(), None).await;
        let response = response.map_err(|error| self.renew_if_expired(call_error(&error), session))?;
        let RawPage { findings, next } = read(&response, "the findings")?;
        let findings = findings.into_iter().map(|finding| Bytes::from(Box::<str>::from(finding).into_string()));
        Ok(Page { findings: findings.collect(), next })
    }

    /// `BatchImportFindings` with a serialized body.
    pub(crate) async fn send(
        &self,
        region: RegionName,
        body: Bytes,
        overrides: Option<config::Builder>,
    ) -> Result<ImportOutcome, CallError> {
        let (client, session) = self.client(region);
        let response = call(&client, IMPORT_FINDINGS, body, overrides).await;
        let response = response.map_err(|error| self.renew_if_expired(call_error(&error), session))?;
        Ok(read::<RawOutcome>(&response, "the outcome of an import")?.into())
    }
}

impl Hub for SecurityHub {
    async fn import(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let timeouts = TimeoutConfig::builder().operation_timeout(IMPORT_TIMEOUT).build();
        // The exporter retries, finding by finding, so that the SDK must not.
        let without_retries = Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        self.send(*region, body, Some(without_retries)).await
    }

    async fn enabled_at(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        let (client, session) = self.client(*region);
        let hub =
            client.describe_hub().send().await.map_err(|error| self.renew_if_expired(call_error(&error), session))?;
        Ok(hub.subscribed_at)
    }

    async fn findings(&self, region: &RegionName, next: Option<String>) -> Result<Page, CallError> {
        self.page(*region, self.filters(*region), PAGE_FINDINGS, next).await
    }

    async fn finding(&self, region: &RegionName, id: &str) -> Result<Option<Bytes>, CallError> {
        let product = self.shared.caller.partition.product_arn(*region);
        let filters = json!({ "ProductArn": equals(product), "Id": equals(id) });
        Ok(self.page(*region, filters, PAGE_FINDINGS, None).await?.findings.into_iter().next())
    }

    async fn state(&self, region: &RegionName) -> Result<HubState, CallError> {
        let (client, session) = self.client(*region);
        client.describe_hub().send().await.map_err(|error| self.renew_if_expired(call_error(&error), session))?;
        Ok(HubState { product_accepted: self.product_accepted(region).await? })
    }
}

/// A page of raw findings.
#[derive(Deserialize)]
struct RawPage {
    #[serde(rename = "Findings")]
    findings: Vec<Box<RawValue>>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

/// Outcome of a batch; omitted fields count as zero.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawOutcome {
    success_count: Option<usize>,
    failed_count: Option<usize>,
    failed_findings: Option<Vec<RawFailure>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawFailure {
    id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

impl From<RawOutcome> for ImportOutcome {
    fn from(raw: RawOutcome) -> Self {
        let failed = raw.failed_findings.unwrap_or_default().into_iter().map(|failure| FailedFinding {
            id: failure.id.unwrap_or_default(),
            code: failure.error_code.unwrap_or_default(),
            message: failure.error_message.unwrap_or_default(),
        });
        Self {
            success_count: raw.success_count.unwrap_or_default(),
            failed_count: raw.failed_count.unwrap_or_default(),
            failed: failed.collect(),
        }
    }
}

/// Parses a response. A failure is transient.
fn read<'a, T: Deserialize<'a>>(response: &'a [u8], what: &str) -> Result<T, CallError> {
    serde_json::from_slice(response).map_err(|error| CallError::Transient(format!("failed to parse {what}: {error}")))
}

fn equals(value: impl Display) -> Value {
    json!([{ "Value": value.to_string(), "Comparison": "EQUALS" }])
}

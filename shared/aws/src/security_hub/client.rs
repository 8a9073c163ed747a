//! One account's Security Hub, in all its Regions.

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
use exporter::integration::Role;
use exporter::ports::{CallError, FailedFinding, Hub, HubState, ImportOutcome, Page};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::raw_call::carried::{GET_FINDINGS, IMPORT_FINDINGS, call};
use crate::security_hub::credentials::{AssumedRole, fresh};
use crate::security_hub::errors::call_error;

/// Time that one import may take. The service answers in well under a second; what lasts longer is lost.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// Findings on a page, the most that the service gives.
const PAGE_FINDINGS: usize = 100;

/// A connection to one account. Cheap to clone; clones share everything.
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

/// Whom the credentials are those of.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) partition: Partition,
    /// The role by which the account was reached, if it was given an External ID; and the same without it.
    pub(crate) role_with_external_id: Option<(Role, AssumedRole)>,
}

/// The clients that share one cache of credentials.
#[derive(Debug)]
struct Session {
    /// Counts the sessions, so that of many calls that see one expire, one begins the next.
    number: u64,
    config: SdkConfig,
    clients: HashMap<RegionName, Client>,
}

impl SecurityHub {
    pub(crate) fn new(config: SdkConfig, account: AccountId, caller: Caller) -> Self {
        let session = RwLock::new(Session { number: 0, config, clients: HashMap::new() });
        Self { shared: Arc::new(Shared { account, caller, session }) }
    }

    /// The configuration of the session, and its number.
    pub(crate) fn session(&self) -> (SdkConfig, u64) {
        let session = self.shared.session.read().unwrap_or_else(PoisonError::into_inner);
        (session.config.clone(), session.number)
    }

    /// A Region's client and the number of its session.
    pub(crate) fn client(&self, region: RegionName) -> (Client, u64) {
        let session = self.shared.session.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = session.clients.get(&region) {
            return (client.clone(), session.number);
        }
        drop(session);
        let mut session = self.shared.session.write().unwrap_or_else(PoisonError::into_inner);
        let config = config::Builder::from(&session.config)
            .region(Region::new(region.to_string()))
            // One account that is throttled must not use up the retries of another.
            .retry_partition(RetryPartition::new(format!("securityhub-{}", self.shared.account)));
        let client = session.clients.entry(region).or_insert_with(|| Client::from_conf(config.build())).clone();
        (client, session.number)
    }

    /// The partition that the account is in.
    pub fn partition(&self) -> Partition {
        self.shared.caller.partition
    }

    /// Ends the session that a call saw expire; the next call asks for fresh credentials.
    fn renew(&self, expired: u64) {
        let mut session = self.shared.session.write().unwrap_or_else(PoisonError::into_inner);
        if session.number == expired {
            let config = fresh(&session.config);
            *session = Session { number: expired + 1, config, clients: HashMap::new() };
        }
    }

    /// Active findings of our product about the account in this Region.
    pub(crate) fn filters(&self, region: RegionName) -> Value {
        let Shared { account, caller, .. } = self.shared.as_ref();
        json!({
            "ProductArn": equals(caller.partition.product_arn(region)),
            "AwsAccountId": equals(account),
            "Region": equals(region),
            "RecordState": equals("ACTIVE"),
        })
    }

    pub(crate) fn note(&self, error: CallError, session: u64) -> CallError {
        if matches!(error, CallError::ExpiredToken(_)) {
            self.renew(session);
        }
        error
    }
}

impl SecurityHub {
    /// One page of `GetFindings`, of at most so many findings.
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
        let answer = call(&client, GET_FINDINGS, request.to_string().into(), None).await;
        let answer = answer.map_err(|error| self.note(call_error(&error), session))?;
        let RawPage { findings, next } = read(&answer, "the findings")?;
        let findings = findings.into_iter().map(|finding| Bytes::from(Box::<str>::from(finding).into_string()));
        Ok(Page { findings: findings.collect(), next })
    }

    /// `BatchImportFindings` with a ready body.
    pub(crate) async fn send(
        &self,
        region: RegionName,
        body: Bytes,
        overrides: Option<config::Builder>,
    ) -> Result<ImportOutcome, CallError> {
        let (client, session) = self.client(region);
        let answer = call(&client, IMPORT_FINDINGS, body, overrides).await;
        let answer = answer.map_err(|error| self.note(call_error(&error), session))?;
        Ok(read::<RawOutcome>(&answer, "the outcome of an import")?.into())
    }
}

impl Hub for SecurityHub {
    async fn import(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let timeouts = TimeoutConfig::builder().operation_timeout(IMPORT_TIMEOUT).build();
        // The exporter retries, finding by finding.
        let once = Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        self.send(*region, body, Some(once)).await
    }

    async fn enabled_at(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        let (client, session) = self.client(*region);
        let hub = client.describe_hub().send().await.map_err(|error| self.note(call_error(&error), session))?;
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
        client.describe_hub().send().await.map_err(|error| self.note(call_error(&error), session))?;
        Ok(HubState { product_accepted: self.product_accepted(region).await? })
    }
}

/// A page of findings, each as it came.
#[derive(Deserialize)]
struct RawPage {
    #[serde(rename = "Findings")]
    findings: Vec<Box<RawValue>>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

/// What became of a batch; what is left out counts as nothing.
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

/// An answer that can't be read may be another one the next time.
fn read<'a, T: Deserialize<'a>>(answer: &'a [u8], what: &str) -> Result<T, CallError> {
    serde_json::from_slice(answer).map_err(|error| CallError::Transient(format!("{what} can't be read: {error}")))
}

fn equals(value: impl Display) -> Value {
    json!([{ "Value": value.to_string(), "Comparison": "EQUALS" }])
}

//! One account's Security Hub, in all its Regions.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use asff::{AccountId, Partition, RegionName};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::config::Config;
use aws_sdk_securityhub::config::retry::RetryPartition;
use aws_sdk_securityhub::operation::batch_import_findings::BatchImportFindingsOutput;
use aws_sdk_securityhub::types::{AwsSecurityFindingFilters, StringFilter, StringFilterComparison};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use exporter::connection::Probe;
use exporter::ports::{CallError, FailedFinding, Hub, HubState, ImportOutcome, Page};

use crate::credentials::{AssumedRole, fresh};
use crate::hub_errors::call_error;
use crate::raw::RawAnswer;

/// Time that one import may take. The service answers in well under a second; what lasts longer is lost.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// Findings on a page, the most that the service gives.
const PAGE_FINDINGS: i32 = 100;

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
    /// The role by which the account was reached, without the External ID that was given.
    pub(crate) without_external_id: Option<AssumedRole>,
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
        let config = aws_sdk_securityhub::config::Builder::from(&session.config)
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
    pub(crate) fn filters(&self, region: RegionName) -> AwsSecurityFindingFilters {
        let Shared { account, caller, .. } = self.shared.as_ref();
        AwsSecurityFindingFilters::builder()
            .product_arn(equals(caller.partition.product_arn(region)))
            .aws_account_id(equals(account.to_string()))
            .region(equals(region.to_string()))
            .record_state(equals("ACTIVE".to_owned()))
            .build()
    }

    pub(crate) fn note(&self, error: CallError, session: u64) -> CallError {
        if matches!(error, CallError::ExpiredToken(_)) {
            self.renew(session);
        }
        error
    }
}

impl SecurityHub {
    /// One page of `GetFindings`.
    async fn page(
        &self,
        region: RegionName,
        filters: AwsSecurityFindingFilters,
        next: Option<String>,
    ) -> Result<Page, CallError> {
        let (client, session) = self.client(region);
        let raw = RawAnswer::default();
        let request = client.get_findings().filters(filters).max_results(PAGE_FINDINGS).set_next_token(next);
        let answer = request.customize().interceptor(raw.clone()).send().await;
        let next = answer.map_err(|error| self.note(call_error(&error), session))?.next_token;
        let whole: RawPage = serde_json::from_slice(&raw.bytes())
            .map_err(|error| CallError::Transient(format!("the findings can't be read: {error}")))?;
        let findings = whole.findings.into_iter().map(|finding| Bytes::from(Box::<str>::from(finding).into_string()));
        Ok(Page { findings: findings.collect(), next })
    }
}

impl Hub for SecurityHub {
    async fn import(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let (client, session) = self.client(*region);
        let timeouts = TimeoutConfig::builder().operation_timeout(IMPORT_TIMEOUT).build();
        // The exporter retries, finding by finding.
        let once = Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        let answer = client
            .batch_import_findings()
            .customize()
            .config_override(once)
            .mutate_request(move |request| put_body(request, &body))
            .send()
            .await;
        answer.map(outcome).map_err(|error| self.note(call_error(&error), session))
    }

    async fn since(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        let (client, session) = self.client(*region);
        let hub = client.describe_hub().send().await.map_err(|error| self.note(call_error(&error), session))?;
        Ok(hub.subscribed_at)
    }

    async fn findings(&self, region: &RegionName, next: Option<String>) -> Result<Page, CallError> {
        self.page(*region, self.filters(*region), next).await
    }

    async fn finding(&self, region: &RegionName, id: &str) -> Result<Option<Bytes>, CallError> {
        let filters = AwsSecurityFindingFilters::builder()
            .product_arn(equals(self.shared.caller.partition.product_arn(*region)))
            .id(equals(id.to_owned()))
            .build();
        Ok(self.page(*region, filters, None).await?.findings.into_iter().next())
    }

    async fn state(&self, region: &RegionName) -> Result<HubState, CallError> {
        let (client, session) = self.client(*region);
        client.describe_hub().send().await.map_err(|error| self.note(call_error(&error), session))?;
        Ok(HubState { product_accepted: self.product_accepted(region).await? })
    }
}

/// A page of findings, each as it came.
#[derive(serde::Deserialize)]
struct RawPage {
    #[serde(rename = "Findings")]
    findings: Vec<Box<serde_json::value::RawValue>>,
}

fn equals(value: String) -> StringFilter {
    StringFilter::builder().value(value).comparison(StringFilterComparison::Equals).build()
}

/// Puts the ready body in the place of the one that the SDK wrote, before the request is signed: a finding is written as
/// JSON once and as we want it, not as the SDK's model would have it.
pub(crate) fn put_body(request: &mut HttpRequest, body: &Bytes) {
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body.clone());
}

pub(crate) fn outcome(output: BatchImportFindingsOutput) -> ImportOutcome {
    let count = |count: Option<i32>| count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    let text = |text: Option<String>| text.unwrap_or_default();
    let failed = output.failed_findings.unwrap_or_default().into_iter();
    ImportOutcome {
        success_count: count(output.success_count),
        failed_count: count(output.failed_count),
        failed: failed
            .map(|failed| FailedFinding {
                id: text(failed.id),
                code: text(failed.error_code),
                message: text(failed.error_message),
            })
            .collect(),
    }
}

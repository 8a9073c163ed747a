//! The exporter's hub port on the simulator, called in this process. Every import request is checked before the service gets it.

use std::time::Duration;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use exporter::connection::Probe;
use exporter::ports::{CallError, FailedFinding, Hub, HubState, ImportOutcome, Page};
use serde_json::{Value, json};
use simulator::{Caller, Input, Operation, Response};

use crate::fake_aws::SimulatedHubs;

/// Security Hub of one account.
#[derive(Clone)]
pub(crate) struct SimulatedHub {
    pub(crate) hubs: SimulatedHubs,
    pub(crate) account: AccountId,
}

/// Maximum number of attempts of a call, the same as the SDK's.
const ATTEMPTS_MAX: u64 = 3;
/// Duration of a round trip.
const LATENCY: Duration = Duration::from_millis(80);

impl SimulatedHub {
    /// Checks a request against the promises before the service gets it.
    fn watch(&self, region: &RegionName, body: &[u8]) {
        let request: Value = serde_json::from_slice(body).unwrap();
        let world = &self.hubs.world;
        for finding in request["Findings"].as_array().unwrap() {
            let id = finding["Id"].as_str().unwrap().to_owned();
            let updated_at: jiff::Timestamp = finding["UpdatedAt"].as_str().unwrap().parse().unwrap();
            if updated_at > world.now() {
                world.violation(format!("UpdatedAt is in the future: {id}"));
            }
            if finding["RecordState"] == "ARCHIVED" && self.hubs.alive.contains_key(&(region.to_string(), id.clone())) {
                world.violation(format!("an active finding is archived: {id}"));
            }
            if finding.get("Severity").is_some() || finding.get("Workflow").is_some() || finding.get("Note").is_some() {
                world.violation(format!("a field of the analysts is sent: {id}"));
            }
        }
    }

    async fn call(&self, region: &RegionName, operation: Operation, input: Input<'_>) -> Result<Value, CallError> {
        let is_dark = {
            let access = self.hubs.world.access();
            access.dark.contains(region) && access.dark_operation.is_none_or(|only| only == operation)
        };
        if is_dark {
            return Err(CallError::Unreachable("dns error: the name does not resolve".to_owned()));
        }
        tokio::time::sleep(LATENCY / 2).await;
        let caller = Caller::user(self.account.as_str());
        let lifetime = &self.hubs.lifetime;
        let response = lifetime
            .step(|| {
                self.hubs.world.now();
                self.hubs.world.simulator.call(&caller, region.as_str(), operation, input)
            })
            .await;
        tokio::time::sleep(LATENCY / 2 + response.delay).await;
        decode(&response)
    }

    /// A read, which is retried as by the SDK.
    async fn read(&self, region: &RegionName, operation: Operation, body: &[u8]) -> Result<Value, CallError> {
        self.ask(region, operation, Input { body, ..Input::default() }).await
    }

    /// A call, which is retried as by the SDK.
    pub(crate) async fn ask(
        &self,
        region: &RegionName,
        operation: Operation,
        input: Input<'_>,
    ) -> Result<Value, CallError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.call(region, operation, input).await {
                Err(CallError::Throttled(_) | CallError::Transient(_)) if attempt < ATTEMPTS_MAX => {
                    tokio::time::sleep(Duration::from_secs(attempt)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

impl Hub for SimulatedHub {
    async fn import(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        self.watch(region, &body);
        let input = Input { body: &body, ..Input::default() };
        Ok(outcome(&self.call(region, Operation::BatchImportFindings, input).await?))
    }

    async fn enabled_at(&self, region: &RegionName) -> Result<Option<String>, CallError> {
        let hub = self.read(region, Operation::DescribeHub, b"").await?;
        Ok(hub["SubscribedAt"].as_str().map(str::to_owned))
    }

    async fn findings(&self, region: &RegionName, next: Option<String>) -> Result<Page, CallError> {
        let equals = |value: &str| json!([{ "Value": value, "Comparison": "EQUALS" }]);
        let mut request = json!({
            "Filters": {
                "ProductArn": equals(&asff::Partition::Aws.product_arn(*region)),
                "AwsAccountId": equals(self.account.as_str()),
                "Region": equals(region.as_str()),
                "RecordState": equals("ACTIVE"),
            },
            "MaxResults": 100,
        });
        if let Some(next) = next {
            request["NextToken"] = next.into();
        }
        let body = serde_json::to_vec(&request).unwrap();
        let page = self.read(region, Operation::GetFindings, &body).await?;
        let findings = page["Findings"].as_array().unwrap().iter().map(|finding| finding.to_string().into()).collect();
        Ok(Page { findings, next: page["NextToken"].as_str().map(str::to_owned) })
    }

    async fn finding(&self, region: &RegionName, id: &str) -> Result<Option<Bytes>, CallError> {
        let equals = |value: &str| json!([{ "Value": value, "Comparison": "EQUALS" }]);
        let product = asff::Partition::Aws.product_arn(*region);
        let request = json!({ "Filters": { "ProductArn": equals(&product), "Id": equals(id) } });
        let page = self.read(region, Operation::GetFindings, &serde_json::to_vec(&request).unwrap()).await?;
        Ok(page["Findings"].as_array().unwrap().first().map(|finding| finding.to_string().into()))
    }

    async fn state(&self, region: &RegionName) -> Result<HubState, CallError> {
        self.read(region, Operation::DescribeHub, b"").await?;
        Ok(HubState { product_accepted: self.product_accepted(region).await? })
    }
}

/// The outcome of an import.
pub(crate) fn outcome(answer: &Value) -> ImportOutcome {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failed = answer["FailedFindings"].as_array().into_iter().flatten().map(|failed| FailedFinding {
        id: text(&failed["Id"]),
        code: text(&failed["ErrorCode"]),
        message: text(&failed["ErrorMessage"]),
    });
    let count = |name: &str| usize::try_from(answer[name].as_u64().unwrap()).unwrap();
    ImportOutcome { success_count: count("SuccessCount"), failed_count: count("FailedCount"), failed: failed.collect() }
}

fn decode(response: &Response) -> Result<Value, CallError> {
    let message = || response.message().unwrap_or_default();
    let code = response.error_type.clone().unwrap_or_default();
    if response.dropped {
        return Err(CallError::Transient("the connection was lost".to_owned()));
    }
    Err(match (response.status, code.as_str()) {
        (200, _) => return Ok(response.json()),
        (429, _) => CallError::Throttled(message()),
        (500.., _) => CallError::Transient(message()),
        (_, "ExpiredTokenException") => CallError::ExpiredToken(message()),
        (_, "UnrecognizedClientException") => CallError::UnrecognizedClient(message()),
        (_, "InvalidAccessException") => CallError::InvalidAccess(message()),
        (401 | 403, _) => CallError::AccessDenied(message()),
        _ => CallError::Rejected { code, message: message() },
    })
}

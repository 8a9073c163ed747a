//! Client of the simulated Security Hub: its findings, its calls, and faults.

use anyhow::{Context, Result, ensure};
use exporter::model::settings::BATCH_FINDINGS_MAX;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulator::{Fault, Operation};

/// The Regions of the sample scans, and of every account without deliberate faults.
pub const REGIONS: [&str; 4] = ["ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1"];

/// One account's Security Hub.
#[derive(Clone, Debug)]
pub struct AccountHub {
    endpoint: String,
    account: String,
}

/// Counts of the calls of an account's hub so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallSummary {
    /// `BatchImportFindings` calls, regardless of the response.
    pub imports: usize,
    /// Size of the body of the largest import, in bytes.
    pub largest_import_bytes: u64,
    /// Imports that were rejected because of the request.
    pub refused: usize,
    /// Imports that were throttled.
    pub throttled: usize,
    /// `GetFindings` calls.
    pub reads: usize,
    /// Number of billed ingestion events.
    pub billed: u64,
}

impl AccountHub {
    pub(crate) fn new(url: &str, account: &str) -> Self {
        Self { endpoint: url.to_owned(), account: account.to_owned() }
    }

    /// The findings of one Region, sorted by Id.
    ///
    /// # Errors
    ///
    /// If the simulator is unavailable.
    pub fn findings_in(&self, region: &str) -> Result<Vec<Value>> {
        let query = format!("findings?account={}&region={region}", self.account);
        let mut findings: Vec<Value> = self.get(&query)?;
        findings.sort_by(|left, right| left["Id"].as_str().cmp(&right["Id"].as_str()));
        Ok(findings)
    }

    /// The findings of all [`REGIONS`].
    ///
    /// # Errors
    ///
    /// If the simulator is unavailable.
    pub fn findings(&self) -> Result<Vec<Value>> {
        let regions: Result<Vec<_>> = REGIONS.iter().map(|region| self.findings_in(region)).collect();
        Ok(regions?.concat())
    }

    /// Calls of the hub so far.
    ///
    /// # Errors
    ///
    /// If the simulator is unavailable.
    pub fn calls(&self) -> Result<CallSummary> {
        let mut calls = CallSummary::default();
        for call in self.get::<Vec<Value>>("calls")?.iter().filter(|call| call["account"] == self.account.as_str()) {
            if call["operation"] == Operation::GetFindings.name() {
                calls.reads += 1;
            }
            if call["operation"] == Operation::BatchImportFindings.name() {
                calls.imports += 1;
                calls.largest_import_bytes = calls.largest_import_bytes.max(call["body_bytes"].as_u64().unwrap_or(0));
                calls.throttled += usize::from(call["status"] == 429);
                calls.refused += usize::from(call["status"] == 400 || call["status"] == 413);
            }
        }
        for region in self.get::<Vec<Value>>("summary")?.iter().filter(|all| all["account"] == self.account.as_str()) {
            calls.billed += region["billed_events"].as_u64().unwrap_or(0);
        }
        Ok(calls)
    }

    /// Imports findings as another sender of the Prowler product.
    ///
    /// # Errors
    ///
    /// If the hub rejects them.
    pub fn import(&self, region: &str, findings: &[Value]) -> Result<()> {
        for batch in findings.chunks(BATCH_FINDINGS_MAX) {
            let request = ureq::post(&format!("{}/findings/import", self.endpoint));
            let request = request.header("Authorization", self.signature(region));
            let answer: Value = request.send_json(json!({ "Findings": batch }))?.body_mut().read_json()?;
            ensure!(answer["FailedCount"] == 0, "{answer:#}");
        }
        Ok(())
    }

    /// Changes findings as an analyst does (`BatchUpdateFindings`).
    ///
    /// # Errors
    ///
    /// If the hub rejects the change.
    pub fn update(&self, region: &str, change: &Value) -> Result<()> {
        let request = ureq::patch(&format!("{}/findings/batchupdate", self.endpoint));
        let request = request.header("Authorization", self.signature(region));
        let answer: Value = request.send_json(change)?.body_mut().read_json()?;
        ensure!(answer["UnprocessedFindings"].as_array().is_some_and(Vec::is_empty), "{answer:#}");
        Ok(())
    }

    /// Enables Security Hub in a Region and accepts the Prowler product, as the account's administrator does.
    ///
    /// # Errors
    ///
    /// If the hub rejects a call.
    pub fn enable_hub(&self, region: &str) -> Result<()> {
        let product = format!("arn:aws:securityhub:{region}::product/prowler/prowler");
        let calls = [
            ("accounts", json!({ "EnableDefaultStandards": false })),
            ("productSubscriptions", json!({ "ProductArn": product })),
        ];
        for (path, body) in calls {
            let request = ureq::post(&format!("{}/{path}", self.endpoint));
            let request = request.header("Authorization", self.signature(region));
            match request.send_json(body) {
                // Security Hub was already enabled, or the product accepted.
                Err(ureq::Error::StatusCode(409)) => {}
                answer => drop(answer.with_context(|| format!("post to {path} in {region}"))?),
            }
        }
        Ok(())
    }

    /// Injects a fault for this account only.
    ///
    /// # Errors
    ///
    /// If the simulator rejects it.
    pub fn inject(&self, fault: Fault) -> Result<()> {
        let fault = Fault { account: Some(self.account.clone()), ..fault };
        let url = format!("{}/_simulator/faults", self.endpoint);
        ureq::post(&url).send_json(&fault).with_context(|| format!("post a fault to {url}"))?;
        Ok(())
    }

    /// The `Authorization` header. The simulator doesn't verify signatures; the key identifies the caller, and the scope the
    /// Region.
    fn signature(&self, region: &str) -> String {
        let scope = format!("{}/20250101/{region}/securityhub/aws4_request", self.account);
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("{}/_simulator/{path}", self.endpoint);
        let mut response = ureq::get(&url).call().with_context(|| format!("get {url}"))?;
        // A sample scan exceeds the client's default limit.
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX);
        body.read_json().with_context(|| format!("read {url}"))
    }
}

/// Maximum size of a response of the simulator in bytes.
const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

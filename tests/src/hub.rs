//! The simulated Security Hub from outside: what it holds, what it was asked, and what is to go wrong in it.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use simulator::{Fault, Operation};

/// The Regions of the genuine scans, and of every account that is not in trouble on purpose.
pub const REGIONS: [&str; 4] = ["ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1"];

/// One account's Security Hub.
#[derive(Clone, Debug)]
pub struct AccountHub {
    url: String,
    account: String,
}

/// What an account's hub was asked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `BatchImportFindings` calls, whatever the answer.
    pub imports: usize,
    /// The largest of them, in bytes of its body.
    pub largest_import_bytes: u64,
    /// Of these, the ones that were refused for a reason in the request.
    pub refused: usize,
    /// Of these, the ones that were throttled.
    pub throttled: usize,
    /// `GetFindings` calls.
    pub reads: usize,
    /// Ingestion events on the account's bill.
    pub billed: u64,
}

impl AccountHub {
    pub(crate) fn new(url: &str, account: &str) -> Self {
        Self { url: format!("{url}/_simulator"), account: account.to_owned() }
    }

    /// The findings of one Region, sorted by Id.
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
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
    /// When the simulator does not answer.
    pub fn findings(&self) -> Result<Vec<Value>> {
        let regions: Result<Vec<_>> = REGIONS.iter().map(|region| self.findings_in(region)).collect();
        Ok(regions?.concat())
    }

    /// What the hub was asked so far.
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
    pub fn asked(&self) -> Result<Asked> {
        let mut asked = Asked::default();
        for call in self.get::<Vec<Value>>("calls")?.iter().filter(|call| call["account"] == self.account.as_str()) {
            if call["operation"] == Operation::GetFindings.name() {
                asked.reads += 1;
            }
            if call["operation"] == Operation::BatchImportFindings.name() {
                asked.imports += 1;
                asked.largest_import_bytes = asked.largest_import_bytes.max(call["body_bytes"].as_u64().unwrap_or(0));
                asked.throttled += usize::from(call["status"] == 429);
                asked.refused += usize::from(call["status"] == 400 || call["status"] == 413);
            }
        }
        for region in self.get::<Vec<Value>>("summary")?.iter().filter(|all| all["account"] == self.account.as_str()) {
            asked.billed += region["billed_events"].as_u64().unwrap_or(0);
        }
        Ok(asked)
    }

    /// Makes something go wrong, for this account alone.
    ///
    /// # Errors
    ///
    /// When the simulator does not take the fault.
    pub fn inject(&self, fault: Fault) -> Result<()> {
        let fault = Fault { account: Some(self.account.clone()), ..fault };
        let url = format!("{}/faults", self.url);
        ureq::post(&url).send_json(&fault).with_context(|| format!("post a fault to {url}"))?;
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("{}/{path}", self.url);
        let mut response = ureq::get(&url).call().with_context(|| format!("get {url}"))?;
        // The whole of a genuine scan is longer than the client takes without being told.
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX);
        body.read_json().with_context(|| format!("read {url}"))
    }
}

/// Bytes of an answer of the simulator at most.
const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

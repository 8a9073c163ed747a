//! The rules of the service that the fake Security Hub implements. The numbers are sections of its contract,
//! securityhub-contract.md. The crate `simulator` implements the complete contract.
//!
//! Implemented: batches of 1 to 100 findings (1.1), required fields and the size of a finding (1.2, 1.1), the upsert by
//! `UpdatedAt` (1.5), the errors of a disabled hub and of a product that is not accepted (1.10), and pages of active
//! findings (3.1).
//! Not implemented: quotas, formats of fields, concurrent writers, retention, delayed visibility, and permissions.
//! `Workflow`, `Note`, and the other fields of analysts (1.6) are not preserved: an update replaces the finding.

use std::collections::BTreeSet;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::hub_contents::HubContents;
use crate::ports::{CallError, FailedFinding, ImportOutcome, Page};

/// Maximum number of findings in a call (contract 1.1).
const BATCH_FINDINGS_MAX: usize = 100;
/// Maximum size of a finding in bytes (contract 1.1).
const FINDING_BYTES_MAX: usize = 240 * 1024;
/// Maximum number of findings in a page (contract 3.1).
const PAGE_FINDINGS_MAX: usize = 100;
/// The required fields of a finding (contract 1.2).
const REQUIRED: [&str; 10] = [
    "SchemaVersion",
    "Id",
    "ProductArn",
    "GeneratorId",
    "AwsAccountId",
    "CreatedAt",
    "UpdatedAt",
    "Title",
    "Description",
    "Resources",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    findings: Vec<&'a RawValue>,
}

fn rejected(message: String) -> CallError {
    CallError::Rejected { code: "InvalidInputException".to_owned(), message }
}

fn findings(body: &[u8]) -> Result<Vec<&RawValue>, CallError> {
    let Request { findings } = serde_json::from_slice(body).map_err(|error| rejected(error.to_string()))?;
    if findings.is_empty() || findings.len() > BATCH_FINDINGS_MAX {
        return Err(rejected(format!("{} findings in one call", findings.len())));
    }
    Ok(findings)
}

fn text<'a>(finding: &'a Map<String, Value>, field: &str) -> &'a str {
    finding.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The IDs of the findings of an import, in their order.
///
/// # Panics
///
/// If an ID is duplicated. The service's behavior is then undefined (contract 1.5), so no caller may send it.
pub(super) fn ids(body: &[u8]) -> Result<Vec<String>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Identified {
        #[serde(default)]
        id: String,
    }
    let read = |finding: &RawValue| serde_json::from_str::<Identified>(finding.get()).map(|found| found.id);
    let ids = findings(body)?
        .into_iter()
        .map(read)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| rejected(error.to_string()))?;
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "a request has the same ID twice");
    Ok(ids)
}

/// The violation of the format. `None` if the finding is valid.
fn format_error(finding: &Map<String, Value>, bytes: usize) -> Option<String> {
    if bytes > FINDING_BYTES_MAX {
        return Some(format!("the finding has {bytes} bytes"));
    }
    if let Some(missing) = REQUIRED.iter().find(|field| !finding.contains_key(**field)) {
        return Some(format!("data should have required property '{missing}'"));
    }
    let is_empty = finding["Resources"].as_array().is_none_or(Vec::is_empty);
    let is_time = |field: &str| text(finding, field).parse::<Timestamp>().is_ok();
    match () {
        () if text(finding, "SchemaVersion") != "2018-10-08" => Some("data.SchemaVersion is unknown".to_owned()),
        () if text(finding, "Id").is_empty() => Some("data.Id should NOT be shorter than 1 characters".to_owned()),
        () if is_empty => Some("data.Resources should NOT have fewer than 1 items".to_owned()),
        () if !is_time("CreatedAt") || !is_time("UpdatedAt") => Some("a time should match its format".to_owned()),
        () => None,
    }
}

impl HubContents {
    /// Fails if Security Hub is not enabled, as every read does (contract 1.10).
    pub(super) fn ensure_enabled(&self, account: AccountId, region: RegionName) -> Result<(), CallError> {
        if self.disabled.contains(&region) {
            let message = format!("Account {account} is not subscribed to AWS Security Hub");
            return Err(CallError::InvalidAccess(message));
        }
        Ok(())
    }

    /// Imports findings, each independently of the others.
    pub(super) fn import(
        &mut self,
        account: AccountId,
        region: RegionName,
        body: &[u8],
    ) -> Result<ImportOutcome, CallError> {
        if self.disabled.contains(&region) || self.product_not_accepted.contains(&region) {
            let action = "securityhub:BatchImportFindings";
            let product = format!("arn:aws:securityhub:{region}::product/prowler/prowler");
            let message = format!("User: {account} is not authorized to perform: {action} on resource: {product}");
            return Err(CallError::AccessDenied(message));
        }
        let mut outcome = ImportOutcome::default();
        for raw in findings(body)? {
            let finding: Map<String, Value> =
                serde_json::from_str(raw.get()).map_err(|error| rejected(error.to_string()))?;
            let id = text(&finding, "Id").to_owned();
            match format_error(&finding, raw.get().len()) {
                Some(error) => {
                    let message = format!("Finding does not adhere to Amazon Finding Format. {error}.");
                    outcome.failed.push(FailedFinding { id, code: "InvalidInput".to_owned(), message });
                }
                None if text(&finding, "AwsAccountId") != account.as_str() => {
                    return Err(CallError::AccessDenied(format!("the finding {id} is of another account")));
                }
                None => {
                    outcome.success_count += 1;
                    self.upsert((account, region, id), &finding, raw.get());
                }
            }
        }
        outcome.failed_count = outcome.failed.len();
        Ok(outcome)
    }

    /// Stores a finding if it is newer than the stored one (contract 1.5).
    fn upsert(&mut self, place: (AccountId, RegionName, String), finding: &Map<String, Value>, json: &str) {
        let updated_at = |finding: &Map<String, Value>| text(finding, "UpdatedAt").parse::<Timestamp>().ok();
        let stored = self.findings.get(&place).and_then(|stored| serde_json::from_slice(stored).ok());
        let is_newer = stored.is_none_or(|stored| updated_at(&stored) < updated_at(finding));
        if is_newer && !self.discards_findings {
            self.findings.insert(place, Bytes::copy_from_slice(json.as_bytes()));
        }
    }

    /// A page of the account's active findings in a Region. The token is the last ID of the previous page.
    pub(super) fn active_findings(
        &self,
        account: AccountId,
        region: RegionName,
        next: Option<&str>,
    ) -> Result<Page, CallError> {
        self.ensure_enabled(account, region)?;
        let is_active = |json: &Bytes| {
            let finding = serde_json::from_slice::<Map<String, Value>>(json).unwrap_or_default();
            text(&finding, "RecordState") != "ARCHIVED"
        };
        let of_region = self.findings.iter().filter(|((of, place, _), _)| (*of, *place) == (account, region));
        let rest = of_region.filter(|((_, _, id), json)| next.is_none_or(|last| id.as_str() > last) && is_active(json));
        let rest: Vec<_> = rest.take(PAGE_FINDINGS_MAX + 1).collect();
        let next = rest.get(PAGE_FINDINGS_MAX).and(rest.get(PAGE_FINDINGS_MAX - 1));
        let next = next.map(|((_, _, id), _)| id.clone());
        Ok(Page { findings: rest.into_iter().take(PAGE_FINDINGS_MAX).map(|(_, json)| json.clone()).collect(), next })
    }
}

//! Expected findings: Prowler's own ASFF file of a scan, with which Security Hub's findings are compared.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::scans::{SAMPLE_ACCOUNT, sample_scan};

/// Number of hexadecimal digits of the resource's hash at the end of an Id.
const HASH_DIGITS: usize = 9;

/// Maximum number of requirements and standards that Prowler writes into a finding. Security Hub accepts 32 requirements, which
/// the exporter sends.
const FRAMEWORKS_MAX: usize = 20;

/// Prowler's findings of a scan, as if `account` had been scanned. The hashes in the Ids, which are those of the resources, are
/// computed again.
///
/// # Errors
///
/// If the file can't be read, or the sample Ids have another format than this function expects.
pub fn prowlers_findings(name: &str, account: &str) -> Result<Vec<Value>> {
    for finding in &prowlers_asff_findings(name, SAMPLE_ACCOUNT)? {
        ensure!(id_in_account(finding)? == finding["Id"], "this Id is made otherwise: {}", finding["Id"]);
    }
    let mut findings = prowlers_asff_findings(name, account)?;
    for finding in &mut findings {
        finding["Id"] = id_in_account(finding)?.into();
    }
    Ok(findings)
}

/// The findings of Prowler's own file. The hashes in their Ids are still those of the sample account's resources.
///
/// # Errors
///
/// If the file can't be read.
pub fn prowlers_asff_findings(name: &str, account: &str) -> Result<Vec<Value>> {
    Ok(serde_json::from_str(&sample_scan(name, "asff.json", account)?)?)
}

/// The fields of a finding that Prowler and Security Hub must agree on, by Id: identifiers, severity, types, status, resource,
/// texts. Omitted are fields that the service changes, the times, the requirements above Prowler's maximum, and tags, which are
/// wrong in Prowler's own ASFF if their keys contain colons.
pub fn essence(findings: &[Value]) -> BTreeMap<String, Map<String, Value>> {
    let essence = findings.iter().map(|finding| {
        let ours = finding.get("FindingProviderFields").unwrap_or(finding);
        let (resource, compliance) = (&finding["Resources"][0], &finding["Compliance"]);
        let essence = json!({
            "ProductArn": finding["ProductArn"],
            "AwsAccountId": finding["AwsAccountId"],
            "GeneratorId": finding["GeneratorId"],
            "RecordState": finding["RecordState"],
            "Severity": ours["Severity"]["Label"],
            "Types": ours["Types"],
            "Title": finding["Title"],
            "Description": finding["Description"],
            "Status": compliance["Status"],
            "Requirements": cut(&compliance["RelatedRequirements"], FRAMEWORKS_MAX),
            "Standards": cut(&compliance["AssociatedStandards"], FRAMEWORKS_MAX),
            "Remediation": finding["Remediation"],
            "Resource": [resource["Id"], resource["Type"], resource["Region"], resource["Partition"]],
        });
        let fields = if let Value::Object(fields) = essence { fields } else { Map::new() };
        (id(finding).to_owned(), fields)
    });
    essence.collect()
}

/// A finding's Id.
pub fn id(finding: &Value) -> &str {
    finding["Id"].as_str().unwrap_or_default()
}

/// Fails with the first finding that is not in both lists, or differs.
///
/// # Errors
///
/// If the findings are not alike.
pub fn ensure_alike(expected: &[Value], actual: &[Value]) -> Result<()> {
    let (expected, actual) = (essence(expected), essence(actual));
    for (id, essence) in &expected {
        let found = actual.get(id).with_context(|| format!("Security Hub lacks {id}"))?;
        for (field, expected) in essence {
            let actual = &found[field];
            ensure!(
                actual == expected,
                "{field} of {id} differs; Prowler has\n{expected:#}\nSecurity Hub has\n{actual:#}"
            );
        }
    }
    let unexpected = actual.keys().find(|id| !expected.contains_key(*id));
    ensure!(unexpected.is_none(), "Security Hub has {unexpected:?}, which Prowler doesn't have");
    Ok(())
}

fn cut(list: &Value, max: usize) -> &[Value] {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    &list[..list.len().min(max)]
}

/// The hash of a resource at the end of the Ids of its findings.
pub fn hash_of(resource: &str) -> String {
    let mut hash: String = Sha512::digest(resource.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    hash.truncate(HASH_DIGITS);
    hash
}

/// The Id with the hash of the finding's resource.
fn id_in_account(finding: &Value) -> Result<String> {
    let (stem, _) = id(finding).rsplit_once('-').context("an Id without a hash")?;
    let resource = finding["Resources"][0]["Id"].as_str().context("a finding without a resource")?;
    Ok(format!("{stem}-{}", hash_of(resource)))
}

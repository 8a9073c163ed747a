//! Converts a finding of Security Hub to an entry of the state.

use asff::limits::{PRODUCT_FIELD_CHARS_MAX, RESOURCE_ARN_CHARS_MAX, RESOURCE_ID_CHARS_MAX};
use asff::{Partition, RegionName, Regions, Status};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::finding::{FindingKey, FindingMeta, ScanCode, Stored, fingerprint};
use super::tables::finding_home;

/// Fields that the service or analysts set. If the exporter sent them, they would be rejected, or an analyst's choice
/// would be overwritten.
const SERVICE_FIELDS: [&str; 16] = [
    "ProductName",
    "CompanyName",
    "Region",
    "ProcessedAt",
    "AwsAccountName",
    "Workflow",
    "WorkflowState",
    "Note",
    "UserDefinedFields",
    "VerificationState",
    "Severity",
    "Types",
    "Confidence",
    "Criticality",
    "RelatedFindings",
    "Sample",
];

/// The entry for a finding of the service. `None` if the finding does not belong in the state.
pub(crate) fn read_hub_finding(
    finding: &Bytes,
    region: RegionName,
    regions: &Regions,
    now_ms: i64,
) -> Option<(FindingMeta, Vec<u8>)> {
    let mut fields: Map<String, Value> = serde_json::from_slice(finding).ok()?;
    // `hubctl integration send-sample` sends these findings and archives them itself: no scan could resolve them.
    if fields.get("Sample").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let id = fields.get("Id")?.as_str()?.to_owned();
    let arn = fields.get("ProductArn")?.as_str()?;
    if !Partition::ALL.iter().any(|partition| partition.product_arn(region) == arn) {
        return None;
    }
    let time = |name: &str| fields.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
    let updated: jiff::Timestamp = time("UpdatedAt")?;
    let first_seen = time("FirstObservedAt").or_else(|| time("CreatedAt")).unwrap_or(updated);
    let check = fields.get("GeneratorId").and_then(Value::as_str).unwrap_or_default();
    let check = fingerprint(check.strip_prefix("prowler-").unwrap_or(check));
    let status = fields.get("Compliance").and_then(|compliance| compliance.get("Status")).and_then(Value::as_str);
    let status = Status::ALL.into_iter().find(|known| Some(known.as_str()) == status).unwrap_or(Status::Failed);
    let archived = fields.get("RecordState").and_then(Value::as_str) == Some("ARCHIVED");
    let mapped = asff::map_asff(finding, regions);
    let is_cut = is_resource_truncated(&fields);
    clear_service_fields(&mut fields);
    let meta = FindingMeta {
        key: FindingKey::from_id(&id),
        content: mapped.as_ref().map_or(0, |mapped| mapped.content_hash()),
        resource: mapped.as_ref().filter(|_| !is_cut).map_or(0, |mapped| mapped.resource_hash.fingerprint()),
        check,
        first_seen_ms: first_seen.as_millisecond(),
        updated_ms: updated.as_millisecond(),
        sent_ms: updated.as_millisecond().min(now_ms),
        stored: if archived { Stored::Archived(status) } else { Stored::Active(status) },
        seen: ScanCode::UNKNOWN,
        absent: 0,
        foreign: finding_home(finding).is_some_and(|home| home != region),
    };
    Some((meta, serde_json::to_vec(&fields).ok()?))
}

/// Whether the name of the finding's resource may be longer than the service stores: then it is unknown to which
/// resource the ID belongs.
fn is_resource_truncated(fields: &Map<String, Value>) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(|text| text.chars().count());
    let name = text(fields.get("ProductFields").and_then(|fields| fields.get("ProwlerResourceName")));
    let id = text(fields.get("Resources").and_then(|resources| resources.get(0)?.get("Id")));
    match (name, id) {
        (Some(name), Some(id)) if name >= id => name >= PRODUCT_FIELD_CHARS_MAX,
        (_, id) => id.is_none_or(|id| id == RESOURCE_ID_CHARS_MAX || id == RESOURCE_ARN_CHARS_MAX),
    }
}

/// Converts the service's view of a finding to what a provider may send: Severity and Types are the provider's own
/// fields.
fn clear_service_fields(fields: &mut Map<String, Value>) {
    let mut ours = fields.remove("FindingProviderFields").unwrap_or_else(|| Value::Object(Map::new()));
    if let Value::Object(ours) = &mut ours {
        for name in ["Severity", "Types"] {
            if !ours.contains_key(name)
                && let Some(value) = fields.get(name)
            {
                ours.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(Value::Object(severity)) = ours.get_mut("Severity") {
            severity.retain(|name, _| name == "Label" || name == "Original");
        }
    }
    fields.retain(|name, _| !SERVICE_FIELDS.contains(&name.as_str()));
    fields.insert("FindingProviderFields".to_owned(), ours);
    if let Some(Value::Object(product)) = fields.get_mut("ProductFields") {
        product.retain(|name, _| !name.starts_with("aws/"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finding that an aborted `hubctl integration send-sample` left is not a finding of a scan.
    #[test]
    fn a_sample_is_not_adopted() {
        let region: RegionName = "eu-west-1".parse().unwrap();
        let finding = |sample: bool| {
            let finding = serde_json::json!({
                "Id": "prowler-x-123456789012-eu-west-1-0", "ProductArn": Partition::Aws.product_arn(region),
                "UpdatedAt": "2026-11-23T10:00:00Z", "Sample": sample,
            });
            Bytes::from(finding.to_string())
        };
        let adopted = |sample| read_hub_finding(&finding(sample), region, &Regions::known(), 0).is_some();
        assert_eq!((adopted(false), adopted(true)), (true, false));
    }
}

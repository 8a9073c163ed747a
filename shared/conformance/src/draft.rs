//! A finding to import. It must neither raise an alarm nor affect an export: it is INFORMATIONAL, archived, suppressed, and
//! marked as a sample. The exporter never adopts, compares, or archives samples.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::target::{ID_PREFIX, Target};

/// `GeneratorId` of the imported findings.
const GENERATOR: &str = "securityhub-exporter-verify";

/// Number of pairs in the details of a resource, and length of their values. Both are within the limits of the format.
const PAIRS: usize = 40;
const VALUE_CHARS: usize = 1_000;

/// A finding to import.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    fields: Map<String, Value>,
    updated_at: Timestamp,
}

impl Draft {
    /// An archived finding. `name` is the suffix of its Id.
    pub(crate) fn new(target: &Target, run: &str, name: &str, at: Timestamp) -> Self {
        Self::with_id(target, &format!("{ID_PREFIX}{run}/{name}"), at)
    }

    /// An archived finding with this Id.
    pub(crate) fn with_id(target: &Target, id: &str, at: Timestamp) -> Self {
        let value = json!({
            "SchemaVersion": "2018-10-08",
            "Id": id,
            "ProductArn": target.partition.product_arn(target.region),
            "GeneratorId": GENERATOR,
            "AwsAccountId": target.account.as_str(),
            "CreatedAt": text(at),
            "FirstObservedAt": text(at),
            "Title": "Conformance check of securityhub-exporter",
            "Description": "Safe to ignore: hubctl verify imported this finding to check how Security Hub behaves, and archives it.",
            "FindingProviderFields": {
                "Severity": { "Label": "INFORMATIONAL", "Original": "informational" },
                "Types": ["Software and Configuration Checks"],
            },
            "Resources": [{
                "Type": "AwsAccount",
                "Id": format!("AWS::::Account:{}", target.account),
                "Region": target.region.as_str(),
            }],
            "RecordState": "ARCHIVED",
            "Workflow": { "Status": "SUPPRESSED" },
            "Sample": true,
        });
        let fields = if let Value::Object(fields) = value { fields } else { Map::new() };
        Self { fields, updated_at: at }.updated_at(at)
    }

    /// Sets a field.
    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a field.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.remove(name);
        self
    }

    /// Sets `UpdatedAt`.
    pub(crate) fn updated_at(mut self, at: Timestamp) -> Self {
        self.updated_at = at;
        self.set("UpdatedAt", text(at))
    }

    /// Makes the finding active.
    pub(crate) fn active(self) -> Self {
        self.set("RecordState", "ACTIVE")
    }

    /// Makes the finding archived.
    pub(crate) fn archived(self) -> Self {
        self.set("RecordState", "ARCHIVED")
    }

    /// Fills the finding to a size in bytes, as JSON, with resource details that are within all other limits of the format.
    pub(crate) fn filled(self, bytes: usize) -> Self {
        let resource = self.fields["Resources"][0].clone();
        let empty = with_details(&resource, Map::new());
        let resource_bytes = empty.to_string().len() + ",".len();
        let filled = self.set("Resources", vec![empty]);
        let mut missing = bytes.saturating_sub(filled.json().to_string().len());
        let (mut resources, mut pairs) = (Vec::new(), Map::new());
        loop {
            let comma = if pairs.is_empty() { "" } else { "," };
            let frame = comma.len() + r#""k00":"""#.len();
            let is_full = pairs.len() == PAIRS;
            if missing <= frame || (is_full && missing <= resource_bytes) {
                break;
            }
            if is_full {
                resources.push(with_details(&resource, std::mem::take(&mut pairs)));
                missing -= resource_bytes;
                continue;
            }
            let rest = missing - frame;
            // The remaining bytes must be enough for another pair, or 0.
            let chars = if rest > VALUE_CHARS { VALUE_CHARS.min(rest - frame - 1) } else { rest };
            pairs.insert(format!("k{:02}", pairs.len()), "x".repeat(chars).into());
            missing = rest - chars;
        }
        resources.push(with_details(&resource, pairs));
        // The remaining bytes are too few for a pair or a resource, so that they are added to the title.
        let title = filled.fields["Title"].as_str().unwrap_or_default().to_owned();
        filled.set("Resources", resources).set("Title", format!("{title}{}", "x".repeat(missing)))
    }

    /// Id of the finding.
    pub(crate) fn id(&self) -> &str {
        self.fields.get("Id").and_then(Value::as_str).unwrap_or_default()
    }

    /// `UpdatedAt` of the finding.
    pub(crate) fn at(&self) -> Timestamp {
        self.updated_at
    }

    /// Whether the finding is active.
    pub(crate) fn is_active(&self) -> bool {
        self.fields.get("RecordState").and_then(Value::as_str) != Some("ARCHIVED")
    }

    /// The finding as JSON.
    pub(crate) fn json(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

fn with_details(resource: &Value, pairs: Map<String, Value>) -> Value {
    let mut resource = resource.clone();
    resource["Details"] = Value::Object(Map::from_iter([("Other".to_owned(), Value::Object(pairs))]));
    resource
}

/// Formats a time as the exporter does: UTC with milliseconds.
pub(crate) fn text(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The body of an import call.
pub(crate) fn body(findings: &[Value]) -> bytes::Bytes {
    json!({ "Findings": findings }).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let target = Target {
            account: "123456789012".parse().unwrap(),
            partition: asff::Partition::Aws,
            region: "eu-west-1".parse().unwrap(),
        };
        Draft::new(&target, "run", "name", "2026-11-23T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_finding_raises_no_alarm() {
        let json = draft().json();
        assert_eq!((&json["RecordState"], &json["Workflow"]["Status"]), (&json!("ARCHIVED"), &json!("SUPPRESSED")));
        assert_eq!(json["FindingProviderFields"]["Severity"]["Label"], "INFORMATIONAL");
        assert_eq!((&json["Sample"], json.get("Severity")), (&json!(true), None));
        assert!(draft().id().starts_with(ID_PREFIX) && !draft().is_active() && draft().active().is_active());
    }

    #[test]
    fn a_finding_is_filled_to_the_byte() {
        for bytes in [2_000, 2_001, 2_002, 5_000, 41_500, 100_003, 239 * 1024, 240 * 1024, 241 * 1024] {
            assert_eq!(draft().filled(bytes).json().to_string().len(), bytes);
        }
    }
}

//! The attributes for filters and sort criteria, and their paths in a finding.
//!
//! These are the attributes of fields that a provider of configuration findings sets. The real service has about forty more, for
//! networks, processes, malware, and single resource types; the simulator rejects these instead of ignoring them.

use serde_json::Value;

/// The kind of filter that an attribute has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Date,
    Number,
    Pairs,
    Flag,
}

/// The attribute's kind and path. If a part of the path is a list, the path applies to each of its items.
pub(super) fn lookup(name: &str) -> Option<(Kind, &'static [&'static str])> {
    use Kind::{Date, Flag, Number, Pairs, Text};
    let found: (Kind, &'static [&'static str]) = match name {
        "ProductArn" => (Text, &["ProductArn"]),
        "ProductName" => (Text, &["ProductName"]),
        "CompanyName" => (Text, &["CompanyName"]),
        "AwsAccountId" => (Text, &["AwsAccountId"]),
        "AwsAccountName" => (Text, &["AwsAccountName"]),
        "Id" => (Text, &["Id"]),
        "GeneratorId" => (Text, &["GeneratorId"]),
        "Region" => (Text, &["Region"]),
        "Type" => (Text, &["Types"]),
        "Title" => (Text, &["Title"]),
        "Description" => (Text, &["Description"]),
        "RecommendationText" => (Text, &["Remediation", "Recommendation", "Text"]),
        "SourceUrl" => (Text, &["SourceUrl"]),
        "SeverityLabel" => (Text, &["Severity", "Label"]),
        "SeverityNormalized" => (Number, &["Severity", "Normalized"]),
        "Confidence" => (Number, &["Confidence"]),
        "Criticality" => (Number, &["Criticality"]),
        "FirstObservedAt" => (Date, &["FirstObservedAt"]),
        "LastObservedAt" => (Date, &["LastObservedAt"]),
        "CreatedAt" => (Date, &["CreatedAt"]),
        "UpdatedAt" => (Date, &["UpdatedAt"]),
        "ProductFields" => (Pairs, &["ProductFields"]),
        "UserDefinedFields" => (Pairs, &["UserDefinedFields"]),
        "ResourceType" => (Text, &["Resources", "Type"]),
        "ResourceId" => (Text, &["Resources", "Id"]),
        "ResourcePartition" => (Text, &["Resources", "Partition"]),
        "ResourceRegion" => (Text, &["Resources", "Region"]),
        "ResourceTags" => (Pairs, &["Resources", "Tags"]),
        "ResourceDetailsOther" => (Pairs, &["Resources", "Details", "Other"]),
        "ResourceApplicationArn" => (Text, &["Resources", "ApplicationArn"]),
        "ResourceApplicationName" => (Text, &["Resources", "ApplicationName"]),
        "ComplianceStatus" => (Text, &["Compliance", "Status"]),
        "ComplianceSecurityControlId" => (Text, &["Compliance", "SecurityControlId"]),
        "ComplianceAssociatedStandardsId" => (Text, &["Compliance", "AssociatedStandards", "StandardsId"]),
        "VerificationState" => (Text, &["VerificationState"]),
        "WorkflowState" => (Text, &["WorkflowState"]),
        "WorkflowStatus" => (Text, &["Workflow", "Status"]),
        "RecordState" => (Text, &["RecordState"]),
        "RelatedFindingsProductArn" => (Text, &["RelatedFindings", "ProductArn"]),
        "RelatedFindingsId" => (Text, &["RelatedFindings", "Id"]),
        "NoteText" => (Text, &["Note", "Text"]),
        "NoteUpdatedAt" => (Date, &["Note", "UpdatedAt"]),
        "NoteUpdatedBy" => (Text, &["Note", "UpdatedBy"]),
        "FindingProviderFieldsConfidence" => (Number, &["FindingProviderFields", "Confidence"]),
        "FindingProviderFieldsCriticality" => (Number, &["FindingProviderFields", "Criticality"]),
        "FindingProviderFieldsSeverityLabel" => (Text, &["FindingProviderFields", "Severity", "Label"]),
        "FindingProviderFieldsSeverityOriginal" => (Text, &["FindingProviderFields", "Severity", "Original"]),
        "FindingProviderFieldsTypes" => (Text, &["FindingProviderFields", "Types"]),
        "Sample" => (Flag, &["Sample"]),
        _ => return None,
    };
    Some(found)
}

/// The values at a path; lists in the path are expanded.
pub(super) fn values<'v>(value: &'v Value, path: &[&str]) -> Vec<&'v Value> {
    let mut found = Vec::new();
    collect(value, path, &mut found);
    found
}

fn collect<'v>(value: &'v Value, path: &[&str], found: &mut Vec<&'v Value>) {
    match (value, path) {
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Null, _) => {}
        (value, []) => found.push(value),
        (value, [name, rest @ ..]) => {
            if let Some(value) = value.get(name) {
                collect(value, rest, found);
            }
        }
    }
}

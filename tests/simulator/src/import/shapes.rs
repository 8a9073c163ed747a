//! The AWS Security Finding Format as the service validates it: contract 1.2 and 1.3, line by line.

mod forms;

use super::facts::{Part, Slot};
use super::instant;
use super::schema::{Form, Int, List, Map, Node, Object, Text};
use Node::Any;
use forms::{ANY_CHARS, PRODUCT_FIELD_CHARS, TAG_CHARS, USER_FIELD_CHARS, arn_free, twelve_digits};
pub(crate) use forms::{TYPE_PATTERN, has_known_namespace, is_type_path, is_uri};

/// No specific maximum: the limit for all strings applies (contract 1.1).
const UNBOUNDED: usize = usize::MAX;

const fn text(max: usize) -> Node {
    Node::Text(Text::up_to(max))
}

const fn one_of(allowed: &'static [&'static str]) -> Text {
    Text::up_to(UNBOUNDED).form(Form::OneOf(allowed))
}

const fn instant(slot: Option<Slot>) -> Node {
    let form = Form::Pattern(instant::PATTERN, |text| instant::parse(text).is_some());
    Node::Text(Text { slot, ..Text::up_to(UNBOUNDED).form(form) })
}

const fn map_value(max: usize, form: Form) -> Node {
    Node::Text(Text::or_empty(max, form))
}

const fn ratio() -> Node {
    Node::Int(Int { min: 0, max: 100, slot: None })
}

const fn object(
    properties: &'static [(&'static str, Node)],
    required: &'static [&'static str],
    any_of: &'static [&'static str],
) -> Object {
    Object { properties, required, any_of, open: false, part: None }
}

const LABELS: &[&str] = &["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
const URI: Node = Node::Text(Text::up_to(UNBOUNDED).form(Form::Uri));

const TYPES: Node =
    Node::List(List { item: &Node::Text(Text::up_to(UNBOUNDED).form(Form::TypePath)), min: 0, max: 50, unique: true });

const RELATED_FINDINGS: Node = Node::List(List {
    item: &Node::Object(&object(&[("ProductArn", text(2048)), ("Id", text(512))], &["ProductArn", "Id"], &[])),
    min: 1,
    max: 10,
    unique: false,
});

const SEVERITY: Object = object(
    &[
        ("Label", Node::Text(one_of(LABELS).slot(Slot::SeverityLabel))),
        ("Normalized", Node::Int(Int { min: 0, max: 100, slot: Some(Slot::SeverityNormalized) })),
        ("Original", text(64)),
        ("Product", Any),
    ],
    &[],
    &["Label", "Normalized"],
);

const PROVIDER_FIELDS: Object = Object {
    properties: &[
        ("Confidence", ratio()),
        ("Criticality", ratio()),
        ("RelatedFindings", RELATED_FINDINGS),
        ("Severity", Node::Object(&PROVIDER_SEVERITY)),
        ("Types", TYPES),
    ],
    required: &[],
    any_of: &[],
    open: false,
    part: Some(Part::ProviderFields),
};

const PROVIDER_SEVERITY: Object = object(
    &[("Label", Node::Text(one_of(LABELS).slot(Slot::ProviderSeverityLabel))), ("Original", text(64))],
    &["Label"],
    &[],
);

const RECOMMENDATION: Object = object(&[("Text", text(512)), ("Url", URI)], &[], &["Text", "Url"]);

const PRODUCT_FIELDS: Node =
    Node::Map(Map { pairs_max: 50, key_chars_max: 128, key: PRODUCT_FIELD_CHARS, value: &map_value(2048, Form::Free) });

const USER_DEFINED_FIELDS: Node =
    Node::Map(Map { pairs_max: 50, key_chars_max: 128, key: USER_FIELD_CHARS, value: &map_value(1024, Form::Free) });

const TAGS: Node =
    Node::Map(Map { pairs_max: 50, key_chars_max: 128, key: TAG_CHARS, value: &map_value(256, Form::Of(TAG_CHARS)) });

const DETAILS: Object = Object {
    properties: &[(
        "Other",
        Node::Map(Map { pairs_max: 50, key_chars_max: 127, key: ANY_CHARS, value: &map_value(1024, Form::Free) }),
    )],
    required: &[],
    any_of: &[],
    open: true,
    part: None,
};

const PARTITIONS: &[&str] = &["aws", "aws-cn", "aws-us-gov", "aws-us-iso", "aws-us-iso-b", "AzureCloud"];

const RESOURCE: Object = object(
    &[
        ("Type", text(256)),
        ("Id", Node::Text(Text::up_to(512).or_arn(2048))),
        ("Partition", Node::Text(one_of(PARTITIONS))),
        ("Region", text(16)),
        ("Tags", TAGS),
        ("Details", Node::Object(&DETAILS)),
        ("ResourceRole", Any),
        ("DataClassification", Any),
        ("ApplicationName", Any),
        ("ApplicationArn", Any),
        ("Provider", Node::Text(one_of(&["AWS", "Azure", "GCP"]))),
        ("Owner", Any),
    ],
    &["Type", "Id"],
    &[],
);

const STANDARD: Object = object(&[("StandardsId", text(UNBOUNDED))], &["StandardsId"], &[]);
const STATUS_REASON: Object =
    object(&[("ReasonCode", text(UNBOUNDED)), ("Description", text(UNBOUNDED))], &["ReasonCode"], &[]);

const COMPLIANCE: Object = object(
    &[
        ("Status", Node::Text(one_of(&["PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"]).slot(Slot::ComplianceStatus))),
        ("RelatedRequirements", Node::List(List { item: &text(64), min: 0, max: 32, unique: false })),
        ("AssociatedStandards", Node::List(List { item: &Node::Object(&STANDARD), min: 0, max: 20, unique: false })),
        (
            "StatusReasons",
            Node::List(List { item: &Node::Object(&STATUS_REASON), min: 0, max: UNBOUNDED, unique: false }),
        ),
        ("SecurityControlId", text(UNBOUNDED)),
        ("SecurityControlParameters", Any),
    ],
    &[],
    &[],
);

const WORKFLOW: Object = object(
    &[("Status", Node::Text(one_of(&["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]).slot(Slot::WorkflowStatus)))],
    &[],
    &[],
);

const NOTE: Object = object(
    &[("Text", text(512)), ("UpdatedBy", text(512)), ("UpdatedAt", instant(None))],
    &["Text", "UpdatedBy", "UpdatedAt"],
    &[],
);

/// The finding itself (contract 1.2: required properties).
pub(crate) static FINDING: Object = Object {
    properties: &[
        ("SchemaVersion", Node::Text(one_of(&["2018-10-08"]))),
        ("Id", Node::Text(Text::up_to(512).or_arn(2048).form(Form::Pattern("^(?!arn:)", arn_free)).slot(Slot::Id))),
        ("ProductArn", Node::Text(Text { min: 12, ..Text::up_to(2048).slot(Slot::ProductArn) })),
        ("GeneratorId", text(512)),
        (
            "AwsAccountId",
            Node::Text(Text::up_to(12).form(Form::Pattern("^[0-9]{12}$", twelve_digits)).slot(Slot::AwsAccountId)),
        ),
        ("Types", TYPES),
        ("FirstObservedAt", instant(None)),
        ("LastObservedAt", instant(None)),
        ("CreatedAt", instant(Some(Slot::CreatedAt))),
        ("UpdatedAt", instant(Some(Slot::UpdatedAt))),
        ("Severity", Node::Object(&SEVERITY)),
        ("Confidence", ratio()),
        ("Criticality", ratio()),
        ("Title", text(256)),
        ("Description", text(1024)),
        ("Remediation", Node::Object(&object(&[("Recommendation", Node::Object(&RECOMMENDATION))], &[], &[]))),
        ("SourceUrl", URI),
        ("ProductFields", PRODUCT_FIELDS),
        ("UserDefinedFields", USER_DEFINED_FIELDS),
        ("Resources", Node::List(List { item: &Node::Object(&RESOURCE), min: 1, max: 32, unique: false })),
        ("Compliance", Node::Object(&COMPLIANCE)),
        ("VerificationState", Node::Text(one_of(&["UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"]))),
        ("Workflow", Node::Object(&WORKFLOW)),
        ("RecordState", Node::Text(one_of(&["ACTIVE", "ARCHIVED"]).slot(Slot::RecordState))),
        ("RelatedFindings", RELATED_FINDINGS),
        ("Note", Node::Object(&NOTE)),
        ("FindingProviderFields", Node::Object(&PROVIDER_FIELDS)),
        ("Sample", Node::Bool),
        // The service sets these itself and ignores the sent values.
        ("ProductName", Any),
        ("CompanyName", Any),
        ("Region", Any),
        ("ProcessedAt", Any),
        ("AwsAccountName", Any),
        ("WorkflowState", Any),
        // Parts of the format that Prowler's scans don't use.
        ("Action", Any),
        ("Detection", Any),
        ("GeneratorDetails", Any),
        ("Malware", Any),
        ("Network", Any),
        ("NetworkPath", Any),
        ("PatchSummary", Any),
        ("Process", Any),
        ("ThreatIntelIndicators", Any),
        ("Threats", Any),
        ("Vulnerabilities", Any),
    ],
    required: &[
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
    ],
    any_of: &[],
    open: false,
    part: Some(Part::Finding),
};

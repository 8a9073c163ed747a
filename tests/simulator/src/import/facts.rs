//! The fields of a finding that the import requires, read while its format is checked; strings are borrowed from the request.

use std::borrow::Cow;

use jiff::Timestamp;

/// The target of a field that the format check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Id,
    ProductArn,
    AwsAccountId,
    UpdatedAt,
    CreatedAt,
    RecordState,
    ComplianceStatus,
    WorkflowStatus,
    SeverityLabel,
    SeverityNormalized,
    ProviderSeverityLabel,
}

/// Objects of which the import must know which properties they have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Finding,
    ProviderFields,
}

/// The fields that were read from one finding.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) product_arn: Option<Cow<'a, str>>,
    pub(crate) account: Option<Cow<'a, str>>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) created_at: Option<Cow<'a, str>>,
    pub(crate) record_state: Option<Cow<'a, str>>,
    pub(crate) compliance: Option<Cow<'a, str>>,
    pub(crate) workflow: Option<Cow<'a, str>>,
    pub(crate) severity_label: Option<Cow<'a, str>>,
    pub(crate) severity_normalized: Option<i64>,
    pub(crate) provider_severity_label: Option<Cow<'a, str>>,
    /// Whether the finding has Note, `UserDefinedFields`, or `VerificationState`, which have an effect only when it is created.
    pub(crate) has_customer_fields: bool,
    pub(crate) has_provider_fields: bool,
    pub(crate) has_severity: bool,
    pub(crate) has_types: bool,
}

impl<'a> Facts<'a> {
    /// The Id; empty if the finding has none.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// Stores a string for the import.
    pub(super) fn keep_text(&mut self, slot: Slot, text: Cow<'a, str>) {
        match slot {
            Slot::Id => self.id = Some(text),
            Slot::ProductArn => self.product_arn = Some(text),
            Slot::AwsAccountId => self.account = Some(text),
            Slot::UpdatedAt => self.updated_at = super::instant::parse(&text),
            Slot::CreatedAt => self.created_at = Some(text),
            Slot::RecordState => self.record_state = Some(text),
            Slot::ComplianceStatus => self.compliance = Some(text),
            Slot::WorkflowStatus => self.workflow = Some(text),
            Slot::SeverityLabel => self.severity_label = Some(text),
            Slot::ProviderSeverityLabel => self.provider_severity_label = Some(text),
            Slot::SeverityNormalized => {}
        }
    }

    /// Stores which properties the finding or its FindingProviderFields have.
    pub(super) fn keep_presence(&mut self, part: Part, has: impl Fn(&str) -> bool) {
        self.has_severity |= has("Severity");
        self.has_types |= has("Types");
        if matches!(part, Part::Finding) {
            self.has_provider_fields = has("FindingProviderFields");
            self.has_customer_fields = ["Note", "UserDefinedFields", "VerificationState"].into_iter().any(has);
        }
    }

    /// Stores a number for the import.
    pub(super) fn keep_number(&mut self, slot: Slot, number: i64) {
        if slot == Slot::SeverityNormalized {
            self.severity_normalized = Some(number);
        }
    }
}

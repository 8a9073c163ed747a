//! Rules that a world breaks on purpose, to test what is meant to notice it.

use serde::{Deserialize, Serialize};

/// A rule of the contract that this world breaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deviation {
    /// `GetFindings` does not return archived findings.
    ArchivedHidden,
    /// Reads show an import after ten minutes.
    SlowReads,
    /// `GetFindings` does not return `FindingProviderFields`.
    ProviderFieldsDropped,
    /// `GetFindings` does not return `Sample`.
    SampleDropped,
    /// Findings that break the format are stored.
    FormatUnchecked,
    /// `DescribeHub` does not return `SubscribedAt`.
    EnabledAtMissing,
    /// The ARNs of product subscriptions have a version at the end.
    SubscriptionFormat,
    /// `UpdatedAt` is compared in whole seconds.
    UpdatedAtBySecond,
    /// An update with the same `UpdatedAt` is applied.
    EqualUpdateApplied,
    /// An update with an older `UpdatedAt` is applied.
    OlderUpdateApplied,
    /// An update that is ignored is in `FailedFindings`.
    IgnoredUpdateFails,
    /// An `UpdatedAt` that is more than an hour in the future is rejected.
    FutureRejected,
    /// An `UpdatedAt` that is more than 90 days in the past is rejected.
    PastRejected,
    /// An update replaces `CreatedAt`.
    CreatedAtReplaced,
    /// An update does not replace `FirstObservedAt`.
    FirstObservedAtKept,
    /// Fields that an update omits are kept.
    UpdateMerges,
    /// An update replaces the workflow status.
    WorkflowReplaced,
    /// A finding that fails again keeps its workflow status.
    WorkflowNotReset,
    /// A suppressed finding that becomes active again is NEW.
    SuppressedReset,
    /// The filter by record state has no effect.
    RecordStateFilterIgnored,
    /// An archived finding stays archived.
    ReactivationIgnored,
    /// An active finding stays active.
    ArchiveIgnored,
    /// An invalid finding fails its whole call.
    PartialBatchRejected,
    /// `FailedCount` is 0 even if findings failed.
    CountsWrong,
    /// The second of two findings with the same Id in a call fails.
    DuplicatesRejected,
    /// The first of two findings with the same Id in a call is stored.
    FirstDuplicateStored,
    /// A call without findings succeeds.
    EmptyBatchAccepted,
    /// A call may carry 99 findings.
    BatchOf100Rejected,
    /// A call may carry any number of findings.
    BatchOf101Accepted,
    /// A finding may have 230 KB.
    FindingLimitLower,
    /// A finding may have any size.
    FindingSizeUnlimited,
    /// A body may have 5 MB.
    BodyLimitLower,
    /// A body may have any size.
    BodySizeUnlimited,
    /// A resource's Id may have 256 characters.
    ResourceIdShort,
    /// A title may have any length.
    TitleUnlimited,
    /// Filters by account have no effect.
    AccountFilterIgnored,
    /// Filters by Region have no effect.
    RegionFilterIgnored,
    /// Filters by product have no effect.
    ProductFilterIgnored,
    /// A title may have 200 characters.
    TitleShort,
    /// A page begins with the last finding of the page before.
    PageRepeatsFinding,
    /// `MaxResults` has no effect.
    PageSizeIgnored,
    /// There is one page only.
    NextTokenMissing,
    /// A `NextToken` is valid for any request.
    NextTokenUnbound,
    /// Each read returns another order.
    OrderChanges,
    /// `MaxResults` may be more than 100.
    MaxResultsUnlimited,
    /// An import while Security Hub is disabled is answered as invalid input.
    HubDisabledAsInvalid,
    /// Findings of a product that is not accepted are accepted.
    ProductUnchecked,
    /// Findings of other accounts are accepted.
    ForeignAccountAccepted,
    /// Findings with the product ARN of another Region are accepted.
    ForeignRegionAccepted,
}

impl Deviation {
    /// All of them.
    pub const ALL: [Self; 49] = [
        Self::ArchivedHidden,
        Self::SlowReads,
        Self::ProviderFieldsDropped,
        Self::SampleDropped,
        Self::FormatUnchecked,
        Self::EnabledAtMissing,
        Self::SubscriptionFormat,
        Self::UpdatedAtBySecond,
        Self::EqualUpdateApplied,
        Self::OlderUpdateApplied,
        Self::IgnoredUpdateFails,
        Self::FutureRejected,
        Self::PastRejected,
        Self::CreatedAtReplaced,
        Self::FirstObservedAtKept,
        Self::UpdateMerges,
        Self::WorkflowReplaced,
        Self::WorkflowNotReset,
        Self::SuppressedReset,
        Self::RecordStateFilterIgnored,
        Self::ReactivationIgnored,
        Self::ArchiveIgnored,
        Self::PartialBatchRejected,
        Self::CountsWrong,
        Self::DuplicatesRejected,
        Self::FirstDuplicateStored,
        Self::EmptyBatchAccepted,
        Self::BatchOf100Rejected,
        Self::BatchOf101Accepted,
        Self::FindingLimitLower,
        Self::FindingSizeUnlimited,
        Self::BodyLimitLower,
        Self::BodySizeUnlimited,
        Self::ResourceIdShort,
        Self::TitleUnlimited,
        Self::AccountFilterIgnored,
        Self::RegionFilterIgnored,
        Self::ProductFilterIgnored,
        Self::TitleShort,
        Self::PageRepeatsFinding,
        Self::PageSizeIgnored,
        Self::NextTokenMissing,
        Self::NextTokenUnbound,
        Self::OrderChanges,
        Self::MaxResultsUnlimited,
        Self::HubDisabledAsInvalid,
        Self::ProductUnchecked,
        Self::ForeignAccountAccepted,
        Self::ForeignRegionAccepted,
    ];
}

//! Rules that a world breaks intentionally, to test the checks that must detect it.

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
    /// Fields that an update omits are preserved.
    UpdateMerges,
    /// An update replaces the workflow status.
    WorkflowReplaced,
    /// The workflow status of a finding that fails again is unchanged.
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
    /// A call can have at most 99 findings.
    BatchOf100Rejected,
    /// A call can have any number of findings.
    BatchOf101Accepted,
    /// A finding can have at most 230 KB.
    FindingLimitLower,
    /// A finding can have any size.
    FindingSizeUnlimited,
    /// A body can have at most 5 MB.
    BodyLimitLower,
    /// A body can have any size.
    BodySizeUnlimited,
    /// A resource's Id can have at most 256 characters.
    ResourceIdShort,
    /// A title can have any length.
    TitleUnlimited,
    /// Filters by account have no effect.
    AccountFilterIgnored,
    /// Filters by Region have no effect.
    RegionFilterIgnored,
    /// Filters by product have no effect.
    ProductFilterIgnored,
    /// A title can have at most 200 characters.
    TitleShort,
    /// A page begins with the last finding of the previous page.
    PageRepeatsFinding,
    /// `MaxResults` has no effect.
    PageSizeIgnored,
    /// Only one page is returned.
    NextTokenMissing,
    /// A `NextToken` is valid for any request.
    NextTokenUnbound,
    /// Each read returns another order.
    OrderChanges,
    /// `MaxResults` can be more than 100.
    MaxResultsUnlimited,
    /// An import while Security Hub is disabled gets an invalid input error.
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

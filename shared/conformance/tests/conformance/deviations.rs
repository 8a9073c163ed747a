//! Each deviation of the simulator is detected by the checks of the rule that it breaks, and by no other check.

use std::collections::BTreeSet;

use conformance::{Reason, Report, Verdict};
use simulator::Deviation;

use crate::stage::Stage;

/// The checks that detect a deviation.
fn expected(deviation: Deviation) -> &'static [&'static str] {
    match deviation {
        Deviation::ArchivedHidden => &["archived-visible"],
        Deviation::SlowReads => &["visibility"],
        Deviation::ProviderFieldsDropped | Deviation::SampleDropped => &["content-returned"],
        // Every finding is stored, even an invalid one.
        Deviation::FormatUnchecked => &["write-probe", "partial-batch", "format-enforced"],
        Deviation::EnabledAtMissing => &["hub-enabled-at"],
        Deviation::SubscriptionFormat => &["product-subscription"],
        Deviation::UpdatedAtBySecond => &["updated-at-newer"],
        Deviation::EqualUpdateApplied => &["updated-at-equal"],
        Deviation::OlderUpdateApplied => &["updated-at-older"],
        Deviation::IgnoredUpdateFails => &["ignored-update-counted"],
        Deviation::FutureRejected => &["updated-at-future"],
        Deviation::PastRejected => &["updated-at-past"],
        Deviation::CreatedAtReplaced => &["created-at-kept"],
        Deviation::FirstObservedAtKept => &["first-observed-at-replaced"],
        Deviation::UpdateMerges => &["update-replaces"],
        Deviation::WorkflowReplaced => &["workflow-kept"],
        Deviation::WorkflowNotReset => &["workflow-reset"],
        Deviation::SuppressedReset | Deviation::ReactivationIgnored => &["reactivation"],
        Deviation::RecordStateFilterIgnored => &["record-state-filter"],
        Deviation::ArchiveIgnored => &["archiving"],
        Deviation::CountsWrong => &["partial-batch"],
        Deviation::PartialBatchRejected => &["partial-batch", "format-enforced"],
        Deviation::DuplicatesRejected | Deviation::FirstDuplicateStored => &["duplicate-ids"],
        Deviation::EmptyBatchAccepted => &["empty-batch"],
        Deviation::BatchOf100Rejected => &["batch-of-100"],
        Deviation::BatchOf101Accepted => &["batch-of-101"],
        Deviation::FindingLimitLower | Deviation::FindingSizeUnlimited => &["finding-size"],
        Deviation::BodyLimitLower | Deviation::BodySizeUnlimited => &["body-size"],
        Deviation::ResourceIdShort => &["resource-id"],
        Deviation::AccountFilterIgnored | Deviation::RegionFilterIgnored | Deviation::ProductFilterIgnored => {
            &["filters"]
        }
        Deviation::TitleUnlimited => &["format-enforced"],
        Deviation::TitleShort => &["field-limits"],
        Deviation::PageRepeatsFinding => &["pages"],
        // Without a second page, the response has no token.
        Deviation::PageSizeIgnored | Deviation::NextTokenMissing => &["pages", "next-token-bound"],
        Deviation::NextTokenUnbound => &["next-token-bound"],
        Deviation::OrderChanges => &["default-order"],
        Deviation::MaxResultsUnlimited => &["max-results"],
        Deviation::HubDisabledAsInvalid => &["hub-disabled"],
        Deviation::ProductUnchecked => &["product-not-accepted"],
        Deviation::ForeignAccountAccepted => &["foreign-account"],
        Deviation::ForeignRegionAccepted => &["foreign-region"],
    }
}

fn deviating(report: &Report) -> Vec<&'static str> {
    let deviating = report.checks.iter().filter(|check| check.verdict == Verdict::Deviates);
    deviating.map(|check| check.id).collect()
}

#[tokio::test(start_paused = true)]
async fn all_assumptions_hold_for_the_documented_service() {
    let stage = Stage::new(&[]);
    let report = stage.run().await.unwrap();
    assert_eq!(deviating(&report), Vec::<&str>::new(), "{report:#?}");
    let not_checked = report.checks.iter().filter(|check| check.verdict == Verdict::NotChecked);
    assert!(not_checked.clone().all(|check| check.reason == Some(Reason::NotObservable)), "{report:#?}");
    assert_eq!(report.counts.holds, 39);
    assert!(report.clean_up.is_complete() && report.clean_up.archived == 2, "{:?}", report.clean_up);
    assert_eq!((stage.stored("ACTIVE").len(), stage.simulator.events().len()), (0, 177));
    assert!(conformance::events_max() >= 177);
}

#[tokio::test(start_paused = true)]
async fn each_deviation_is_detected() {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = Vec::new();
    for deviation in Deviation::ALL {
        let stage = Stage::new(&[deviation]);
        let report = stage.run().await.unwrap();
        let deviating = deviating(&report);
        if deviating != expected(deviation) {
            wrong.push(format!("{deviation:?}: {deviating:?}"));
        }
        found.extend(deviating);
        let billed = stage.simulator.events().len() as u64;
        assert!(
            billed <= conformance::events_max() || deviation == Deviation::ArchivedHidden,
            "{deviation:?}: {billed}"
        );
        let is_clean = stage.stored("ACTIVE").is_empty() && report.clean_up.is_complete();
        // If archiving is ignored, findings stay active, and the report states that.
        assert!(is_clean || deviation == Deviation::ArchiveIgnored, "{deviation:?}: {:?}", report.clean_up);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let report = Stage::new(&[]).run().await.unwrap();
    let checks = report.checks.iter().filter(|check| check.verdict == Verdict::Holds).map(|check| check.id);
    let undetected: Vec<&str> = checks.filter(|check| !found.contains(check)).collect();
    assert!(undetected.is_empty(), "no deviation makes these checks fail: {undetected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_states_each_assumption_and_observation() {
    let report = Stage::new(&[Deviation::BatchOf101Accepted]).run().await.unwrap().redacted();
    let text = report.markdown();
    let line = text.lines().find(|line| line.starts_with("| batch-of-101 |")).unwrap();
    assert_eq!(
        line,
        "| batch-of-101 | a call with 101 findings is rejected as a whole | HTTP 200, SuccessCount 101, FailedCount 0 | **deviates** |"
    );
    assert!(text.contains("* Account: ACCOUNT\n") && !text.contains(crate::stage::ACCOUNT), "{text}");
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains(crate::stage::ACCOUNT) && json.contains(r#""verdict":"deviates""#), "{json}");
}

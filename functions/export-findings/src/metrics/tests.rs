use std::time::UNIX_EPOCH;

use exporter::model::upload::UploadInfo;
use exporter::report::{ArchiveSkipped, Fate, PartialScan, RegionReport, Uncovered};
use serde_json::{Value, json};

use super::*;

const FIRST: &str = "111111111111";
const SECOND: &str = "222222222222";

fn run(status: RunStatus) -> RunReport {
    let upload = UploadInfo {
        source: "s3://b/k".to_owned(),
        etag: "e".to_owned(),
        bytes: 7,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new("r1".to_owned(), upload, "2026-11-23T08:00:00Z".parse().unwrap());
    run.finished_at = Some("2026-11-23T08:00:01.5Z".parse().unwrap());
    run.status = status;
    let counts = |read, sent| Counts { read, sent, ..Counts::default() };
    let mut first = AccountReport {
        counts: Counts { unchanged: 40, archived: 5, unproven: 3, malformed: 1, ..counts(90, 20) },
        archive: Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 }),
        ..AccountReport::default()
    };
    first.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
    first.counts.add(Fate::Undelivered(undelivered::THROTTLED.to_owned()), 7);
    first.counts.add(Fate::Undelivered(undelivered::DEADLINE_EXCEEDED.to_owned()), 10);
    first.counts.add(Fate::Filtered("muted".to_owned()), 4);
    first.counts.add(Fate::RegionUnavailable("eu-west-1".parse().unwrap(), "hub_not_enabled".to_owned()), 6);
    let region = |calls, throttled| RegionReport { calls, throttled, ..RegionReport::default() };
    first.regions.insert("us-east-1".parse().unwrap(), region(5, 2));
    first.regions.insert("eu-west-1".parse().unwrap(), region(1, 1));
    let second =
        AccountReport { counts: Counts { archive_undelivered: 1, ..counts(10, 10) }, ..AccountReport::default() };
    for report in [&first, &second] {
        run.counts.merge(&report.counts);
    }
    run.accounts = [(FIRST.parse().unwrap(), first), (SECOND.parse().unwrap(), second)].into();
    run
}

fn line(sample: &Sample) -> Value {
    let [line] = sample.lines(UNIX_EPOCH).try_into().unwrap();
    line
}

#[test]
fn a_run_is_one_line_with_metrics_of_the_function_only() {
    let mut run = run(RunStatus::Failed);
    run.reasons = vec!["throttled".to_owned()];
    let line = line(&run_metrics("export", &run));
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["FunctionName"]]));
    for (field, value) in [
        ("FunctionName", json!("export")),
        ("RunId", json!("r1")),
        ("RunKind", json!("export")),
        ("RunStatus", json!("failed")),
        ("RunReasons", json!("throttled")),
        ("UploadSource", json!("s3://b/k")),
        ("AccountIds", json!("111111111111 222222222222")),
        ("UploadsExported", json!(0.0)),
        ("RunsFailed", json!(1.0)),
        ("RunsPendingApproval", json!(1.0)),
        ("FindingsRead", json!(100.0)),
        ("FindingsSent", json!(30.0)),
        ("FindingsUnchanged", json!(40.0)),
        ("FindingsArchived", json!(5.0)),
        ("FindingsUnproven", json!(3.0)),
        ("FindingsQuarantined", json!(3.0)),
        ("FindingsFiltered", json!(4.0)),
        ("FindingsRegionUnavailable", json!(6.0)),
        ("FindingsUndelivered", json!(8.0)),
        ("FindingsDeferred", json!(10.0)),
        ("FindingsPendingApproval", json!(80.0)),
        ("ApiCalls", json!(6.0)),
        ("ThrottledCalls", json!(3.0)),
        ("RunDuration", json!(1500.0)),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(line.get("ServicesUncovered"), None, "the run has no coverage check");
}

#[test]
fn deferred_findings_are_not_undelivered() {
    let mut run = run(RunStatus::Unfinished);
    run.counts.undelivered = [
        (undelivered::INTEGRATION_DISABLED.to_owned(), 4),
        (undelivered::NO_INTEGRATION.to_owned(), 3),
        (undelivered::ACCOUNT_LOCKED.to_owned(), 2),
    ]
    .into();
    let line = line(&run_metrics("export", &run));
    assert_eq!((&line["FindingsUndelivered"], &line["FindingsDeferred"]), (&json!(0.0), &json!(10.0)));
}

#[test]
fn a_partial_scan_needs_approval_and_coverage_is_counted() {
    let mut run = run(RunStatus::Degraded);
    let at = run.started_at;
    let lost = Uncovered {
        region: "eu-west-1".parse().unwrap(),
        service: "ec2".to_owned(),
        reason: "no_service_results".to_owned(),
        findings: 3,
        since: at,
    };
    let mut report = AccountReport { uncovered: Some(vec![lost.clone(), lost]), ..AccountReport::default() };
    run.accounts = [(FIRST.parse().unwrap(), report.clone())].into();
    let covered = line(&run_metrics("export", &run));
    assert_eq!(covered["RunsPendingApproval"], json!(0.0));
    assert_eq!((&covered["ServicesUncovered"], &covered["UploadsExported"]), (&json!(2.0), &json!(1.0)));
    report.partial_scan =
        Some(PartialScan { verdicts: 1, checks: 1, last_verdicts: 9, last_checks: 9, last_scanned_at: at });
    run.accounts = [(FIRST.parse().unwrap(), report)].into();
    assert_eq!(line(&run_metrics("export", &run))["RunsPendingApproval"], json!(1.0));
}

#[test]
fn an_integration_has_the_findings_of_its_accounts() {
    let run = run(RunStatus::Degraded);
    let organization: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
    let both = [FIRST, SECOND].map(|account| (account.parse().unwrap(), organization.clone())).into();
    let [sample] = integration_metrics("export", &run, &both).try_into().unwrap();
    let of_both = line(&sample);
    assert_eq!(of_both["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["FunctionName", "Integration"]]));
    assert_eq!((&of_both["Integration"], &of_both["FindingsSent"]), (&json!("o-a1b2c3d4e5"), &json!(30.0)));
    assert_eq!(of_both["FindingsPendingApproval"], json!(80.0));
    let own = [(SECOND.parse().unwrap(), SECOND.parse().unwrap())].into();
    let [sample] = integration_metrics("export", &run, &own).try_into().unwrap();
    assert_eq!(line(&sample)["FindingsSent"], json!(10.0));
}

//! Scans that look partial compared with the last whole scan, and coverage gaps.

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::report::{RunReport, RunStatus, unproven};

use crate::evidence::{INSTANCE, PUBLIC, active, base, begun, evidence, of, scans, unproven, without};
use crate::promises::scan;
use crate::scan::{Layout, Scanned};
use crate::{ACCOUNT, Run, export};

#[tokio::test(start_paused = true)]
async fn a_scan_with_fewer_than_half_of_the_verdicts_looks_partial() {
    let world = begun(|_| {}).await;
    // Each check, Region, and service has results, but only 18 verdicts of 45.
    let results = without(|one| !one.resource.ends_with("-0") && !one.resource.ends_with("-1"));
    let report = scans(&world, 1..9, &results).await;
    assert_eq!((evidence(&report), report.status), ((0, 0, 27), RunStatus::Degraded), "{:?}", report.reasons);
    assert_eq!(unproven(&report, "eu-west-1", "s3", unproven::PARTIAL_SCAN), 6);
    let partial = report.accounts[&ACCOUNT.parse().unwrap()].partial_scan.unwrap();
    assert_eq!((partial.verdicts, partial.checks, partial.last_verdicts, partial.last_checks), (18, 3, 45, 3));
    assert_eq!(partial.last_scanned_at, scan(0, Vec::new()).at, "later scans are not compared with this one");
    assert_eq!(active(&world), 45);
}

#[tokio::test(start_paused = true)]
async fn a_scan_with_exactly_half_of_the_verdicts_does_not_look_partial() {
    let world = begun(|integration| integration.archive_limit_percent = 100).await;
    // 23 of 45 verdicts, then 11 of 23, which is less than half.
    let results = base().into_iter().step_by(2).collect::<Vec<_>>();
    assert_eq!(results.len(), 23);
    let report = scans(&world, 1..2, &results).await;
    assert_eq!((evidence(&report), active(&world)), ((22, 0, 0), 23), "{:?}", report.reasons);
    let report = scans(&world, 2..3, &results[..11]).await;
    assert_eq!((report.counts.archived, report.counts.unproven), (0, 12), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_scan_with_fewer_than_half_of_the_distinct_checks_looks_partial() {
    let world = begun(|_| {}).await;
    let mut results: Vec<_> = base().into_iter().filter(|one| one.check == PUBLIC).skip(1).collect();
    // As many verdicts as before, but of one check.
    results.extend((100..140).map(|number| of(PUBLIC, "eu-west-1", number)));
    let report = scans(&world, 1..4, &results).await;
    assert_eq!(unproven(&report, "us-east-1", "s3", unproven::PARTIAL_SCAN), 6, "{:?}", report.reasons);
    assert_eq!((report.counts.archived, active(&world)), (0, 85));
}

#[tokio::test(start_paused = true)]
async fn passed_and_muted_findings_of_a_partial_looking_scan_are_archived() {
    let world = begun(|_| {}).await;
    let mut results = base()[..4].to_vec();
    results[0].failed = false;
    results[1].muted = true;
    let report = scans(&world, 1..2, &results).await;
    assert_eq!(evidence(&report), (2, 0, 41), "{:?}", report.reasons);
    assert_eq!(active(&world), 43);
}

#[tokio::test(start_paused = true)]
async fn no_scan_looks_partial_if_the_setting_is_0() {
    let world = begun(|integration| {
        (integration.partial_scan_percent, integration.archive_limit_percent) = (0, 100);
    })
    .await;
    let results = without(|one| !one.resource.ends_with("-0"));
    let report = scans(&world, 1..2, &results).await;
    assert_eq!((evidence(&report), active(&world)), ((36, 0, 0), 9), "{:?}", report.reasons);
    assert_eq!(report.accounts[&ACCOUNT.parse().unwrap()].partial_scan, None);
}

#[tokio::test(start_paused = true)]
async fn later_scans_are_compared_with_an_approved_partial_scan() {
    let world = begun(|_| {}).await;
    let results = without(|one| !one.resource.ends_with("-0"));
    let scanned = scan(1, results.clone());
    let report = export(&world, scanned.upload("1")).await;
    assert_eq!(evidence(&report), (0, 0, 36));
    let options =
        Options { reexport: true, approval: Approval { pending: false, unproven: true }, ..Options::default() };
    let report = Run { options, ..Run::new(&world) }.go(scanned.upload("1")).await.unwrap().unwrap();
    assert_eq!((report.counts.archived, active(&world)), (36, 9), "{:?}", report.reasons);
    world.sleep(3600).await;
    // The only finding of a check in a Region is absent, and not proven: the check has no other results there.
    let report = scans(&world, 2..3, &results[1..]).await;
    assert_eq!((report.status, evidence(&report)), (RunStatus::Succeeded, (0, 1, 0)), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn scans_are_not_compared_with_truncated_or_mixed_files() {
    let world = begun(|_| {}).await;
    let truncated = Scanned { cut: Some(3), ..scan(1, base()) };
    assert_eq!(export(&world, truncated.upload("1")).await.counts.archived, 0);
    world.sleep(3600).await;
    let mut few = base()[..4].to_vec();
    few[3].at = Some(scan(2, Vec::new()).at - jiff::SignedDuration::from_secs(5));
    assert_eq!(export(&world, scan(2, few).upload("2")).await.counts.archived, 0);
    world.sleep(3600).await;
    // A file of JSON lines does count: it was read to its end.
    let report = scans(&world, 3..4, &base()[..20]).await;
    let partial = report.accounts[&ACCOUNT.parse().unwrap()].partial_scan.unwrap();
    assert_eq!((partial.verdicts, partial.last_verdicts), (20, 45));
    let lines = Scanned { layout: Layout::Lines, ..scan(4, base()[..30].to_vec()) };
    assert_eq!(export(&world, lines.upload("4")).await.counts.archived, 0);
    world.sleep(3600).await;
    let report = scans(&world, 5..6, &base()[..14]).await;
    let partial = report.accounts[&ACCOUNT.parse().unwrap()].partial_scan.unwrap();
    assert_eq!((partial.verdicts, partial.last_verdicts), (14, 30));
}

#[tokio::test(start_paused = true)]
async fn coverage_is_reported_per_region_and_service_until_it_has_results_again() {
    let world = begun(|integration| integration.partial_scan_percent = 0).await;
    let uncovered = |report: &RunReport| {
        let pairs = report.accounts[&ACCOUNT.parse().unwrap()].uncovered.clone().unwrap();
        pairs
            .into_iter()
            .map(|pair| (pair.region.to_string(), pair.service, pair.findings, pair.since))
            .collect::<Vec<_>>()
    };
    assert_eq!(uncovered(&scans(&world, 1..2, &base()).await), []);
    let results = without(|one| one.check == INSTANCE || one.region == "sa-east-1");
    let since = scan(2, Vec::new()).at;
    let pair = |region: &str, service: &str, findings| (region.to_owned(), service.to_owned(), findings, since);
    let mut expected = vec![
        pair("eu-west-1", "ec2", 5),
        pair("sa-east-1", "ec2", 5),
        pair("sa-east-1", "s3", 10),
        pair("us-east-1", "ec2", 5),
    ];
    expected.sort();
    for hours in [2..3, 3..5] {
        let mut pairs = uncovered(&scans(&world, hours, &results).await);
        pairs.sort();
        assert_eq!(pairs, expected, "the time is that of the first scan without results");
    }
    assert_eq!(uncovered(&scans(&world, 5..6, &base()).await), []);
}

//! The archive limit is a share of the findings that Security Hub actually has. It can't be bypassed in small steps, or because
//! an account is small.

use asff::SeverityLabel;
use exporter::export::Options;
use exporter::jobs::{Job, JobError, run_job};
use exporter::model::approval::Approval;
use exporter::model::integration::ArchiveScope;
use exporter::model::settings::Settings;
use exporter::report::{ArchiveSkipped, PendingClass, RunReport, RunStatus};
use jiff::SignedDuration;
use serde_json::json;

use crate::evidence::{active, listed};
use crate::fake_aws::World;
use crate::promises::{failed, result, scan};
use crate::scan::{Scanned, open};
use crate::{ACCOUNT, Run, export, integrate, world};

fn asked(report: &RunReport) -> Option<(u64, u64)> {
    match report.accounts[&ACCOUNT.parse().unwrap()].archive {
        Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) => Some((pending, active)),
        _ => None,
    }
}

async fn approve(world: &World, scanned: &Scanned, key: &str) -> RunReport {
    let options =
        Options { reexport: true, approval: Approval { pending: true, unproven: false }, ..Options::default() };
    Run { options, ..Run::new(world) }.go(scanned.upload(key)).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn up_to_twenty_findings_are_archived_without_approval_and_not_one_more() {
    for (archived, asks) in [(20, None), (21, Some((21, 30)))] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
        export(&world, scan(0, failed(30)).upload("1")).await;
        world.sleep(3600).await;
        let report = export(&world, scan(1, failed(30 - archived)).upload("2")).await;
        assert_eq!(asked(&report), asks, "{:?}", report.reasons);
        let expected = if asks.is_some() { 30 } else { 10 };
        assert_eq!(active(&world), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_a_hundred_is_not_emptied_by_a_scan_of_one_passed_finding() {
    for limit in [50, 0] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = limit);
        export(&world, scan(0, failed(100)).upload("1")).await;
        world.sleep(3600).await;
        let mut one = result(1000, "us-east-1");
        one.failed = false;
        let report = export(&world, scan(1, vec![one]).upload("2")).await;
        assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0), "{:?}", report.reasons);
        assert_eq!(active(&world), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_0_always_requires_approval() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 0);
    export(&world, scan(0, failed(100)).upload("1")).await;
    world.sleep(3600).await;
    let second = scan(1, failed(99));
    let report = export(&world, second.upload("2")).await;
    assert_eq!((asked(&report), active(&world)), (Some((1, 100)), 100), "{:?}", report.reasons);
    let report = approve(&world, &second, "2").await;
    assert_eq!((report.status, report.counts.archived, active(&world)), (RunStatus::Succeeded, 1, 99));
}

#[tokio::test(start_paused = true)]
async fn expired_and_filtered_findings_do_not_count_as_active() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let of = |hours: i64, high: u32| {
        let low = scan(hours, (0..2_000).map(|number| result(number, "eu-west-1")).collect());
        let high = scan(hours, (10_000..10_000 + high).map(|number| result(number, "us-east-1")).collect());
        let entry = |one: &Scanned, severity: &str| -> Vec<_> {
            let values = one.results.iter().map(|result| result.ocsf(one.account, one.at));
            values
                .map(|mut value| {
                    value["severity"] = json!(severity);
                    value
                })
                .collect()
        };
        let all = [entry(&low, "Low"), entry(&high, "High")].concat();
        serde_json::to_vec(&all).unwrap()
    };
    export(&world, open("0", &of(0, 200))).await;
    assert_eq!(active(&world), 2_200);
    let set = || {
        integrate(&world, ACCOUNT, |integration| integration.severity_min = Some(SeverityLabel::High));
    };
    set();
    // While the findings are still in Security Hub: findings that a setting filters don't count.
    world.sleep(24 * 3600).await;
    let report = export(&world, open("1", &of(24, 90))).await;
    assert_eq!((asked(&report), report.counts.archived), (Some((110, 200)), 0), "{:?}", report.reasons);
    for day in 1..=10 {
        world.sleep(10 * 24 * 3600).await;
        export(&world, open(&format!("d{day}"), &of(24 + day * 240, 200))).await;
    }
    assert_eq!(active(&world), 200, "Security Hub dropped what was not refreshed");
    // Without the setting, nothing else counts either.
    integrate(&world, ACCOUNT, |_| {});
    world.sleep(24 * 3600).await;
    let high = scan(102 * 24, (10_000..10_090).map(|number| result(number, "us-east-1")).collect());
    integrate(&world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
    let report = export(&world, high.upload("last")).await;
    assert_eq!(asked(&report).map(|(_, active)| active), Some(200), "{:?}", report.reasons);
    assert_eq!((report.counts.archived, active(&world)), (0, 200));
}

#[tokio::test(start_paused = true)]
async fn findings_archived_in_the_last_7_days_count_toward_the_limit() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
    export(&world, scan(0, failed(1600)).upload("0")).await;
    world.sleep(3600).await;
    let report = export(&world, scan(1, failed(820)).upload("1")).await;
    assert_eq!((report.counts.archived, active(&world)), (780, 820));
    world.sleep(3600).await;
    // 20 more of 820 make 800 of 1600 in these days. One more is above the limit.
    let report = export(&world, scan(2, failed(800)).upload("2")).await;
    assert_eq!((report.counts.archived, active(&world)), (20, 800), "{:?}", report.reasons);
    world.sleep(3600).await;
    let third = scan(3, failed(799));
    let report = export(&world, third.upload("3")).await;
    assert_eq!((asked(&report), active(&world)), (Some((1, 800)), 800), "{:?}", report.reasons);
    // Approved findings don't count later.
    assert_eq!(approve(&world, &third, "3").await.counts.archived, 1);
    world.sleep(3600).await;
    let report = export(&world, scan(4, failed(798)).upload("4")).await;
    assert_eq!((asked(&report), active(&world)), (Some((1, 799)), 799), "{:?}", report.reasons);
    // After 7 days, findings that were archived without approval don't count either.
    world.sleep(7 * 24 * 3600).await;
    let report = export(&world, scan(5 + 7 * 24, failed(500)).upload("5")).await;
    assert_eq!((report.counts.archived, active(&world)), (299, 500), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_not_requested_again_at_the_next_scan() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(200)).upload("1")).await;
    world.sleep(3600).await;
    let second = scan(1, failed(90));
    let report = export(&world, second.upload("2")).await;
    assert_eq!(report.counts.archived, 0);
    // The scan looks partial as well, so that the absent findings are unproven.
    assert_eq!(report.counts.unproven, 110, "{:?}", report.reasons);
    let approval = Approval { pending: true, unproven: true };
    let options = Options { reexport: true, approval, ..Options::default() };
    let report = Run { options, ..Run::new(&world) }.go(second.upload("2")).await.unwrap().unwrap();
    assert_eq!((report.counts.archived, active(&world)), (110, 90));
    world.sleep(3600).await;
    let report = export(&world, scan(2, failed(88)).upload("3")).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Succeeded, 2), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_pending_findings_has_each_with_its_reason() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 0);
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3600).await;
    let mut results = failed(29);
    results[0].failed = false;
    results[1].muted = true;
    let report = export(&world, scan(1, results).upload("2")).await;
    let mut classes: Vec<_> = listed(&world, &report).iter().map(|one| (one.class, one.reason.clone())).collect();
    classes.sort();
    let limit = || "archive_limit".to_owned();
    let expected = [(PendingClass::Passed, limit()), (PendingClass::Muted, limit()), (PendingClass::Proven, limit())];
    assert_eq!(classes, expected, "{:?}", report.reasons);
    let reasons = report.reasons.join("\n");
    assert!(reasons.contains(&format!("hubctl run pending {}", report.run_id)), "{reasons}");
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_rejected_if_the_scan_is_no_longer_the_newest() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 0);
    crate::jobs::upload(&world, "1", &scan(0, failed(30))).await;
    world.sleep(3600).await;
    let run = crate::jobs::upload(&world, "2", &scan(1, failed(20))).await;
    world.sleep(3600).await;
    crate::jobs::upload(&world, "3", &scan(2, failed(30))).await;
    let fake_aws = world.ports();
    let job = Job::Approve { run_id: run.run_id, pending: true, unproven: false };
    let outcome = run_job(&fake_aws, &Settings::default(), &job, &exporter::jobs::Options::default()).await;
    assert!(matches!(outcome, Err(JobError::Rejected(_))), "{outcome:?}");
    assert_eq!(active(&world), 30);
}

#[tokio::test(start_paused = true)]
async fn a_finding_of_a_manual_check_counts_as_active() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
    export(&world, scan(0, failed(48)).upload("1")).await;
    world.sleep(3600).await;
    let mut results = failed(20);
    results[0].manual = true;
    let report = export(&world, scan(1, results).upload("2")).await;
    assert_eq!(asked(&report), Some((28, 48)), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn files_of_several_scanners_share_the_limit_in_any_order() {
    // The files have the same scan time, or the newest one arrives first.
    for seconds_between in [0, 1] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Observed);
        export(&world, scan(0, failed(100)).upload("0")).await;
        world.sleep(2 * 3600).await;
        let mut archived = 0;
        // Each file shows 20 findings as passed.
        for (part, seconds) in (0..5).zip(0_i64..) {
            let mut results = failed(100).split_off(part * 20);
            results.truncate(20);
            results.iter_mut().for_each(|one| one.failed = false);
            let mut file = scan(1, results);
            file.at -= SignedDuration::from_secs(seconds * seconds_between);
            archived += export(&world, file.upload(&format!("part-{part}"))).await.counts.archived;
        }
        assert_eq!((archived, active(&world)), (40, 60), "{seconds_between}: no more than half of the account");
    }
}

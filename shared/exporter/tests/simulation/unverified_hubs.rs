//! Hubs of which an export can't see whether they were disabled and enabled again: nothing is taken as evidence that they have the
//! findings of the state, until the service shows it.

use std::sync::Arc;

use exporter::connection::{CheckSettings, Checker, WriteProbe};
use exporter::export::Exporter;
use exporter::jobs;
use exporter::model::settings::Settings;
use exporter::report::RunStatus;
use jiff::SignedDuration;
use serde_json::json;
use simulator::{Caller, Fault, Input, Operation};

use crate::emptied_hub::{deny, emptied};
use crate::evidence::active;
use crate::fallback::enable;
use crate::promises::{failed, prowlers_own, scan};
use crate::scan::{Result, Scanned};
use crate::{ACCOUNT, export, integrate, runner, world};

/// A scan some minutes after the first one.
fn after(minutes: i64, results: Vec<Result>) -> Scanned {
    let first = scan(0, results);
    Scanned { at: first.at + SignedDuration::from_mins(minutes), ..first }
}

/// The state was written without the time of the hub. While it can't be verified that the hub is the same, its time must not be
/// recorded: the next run would trust the state.
#[tokio::test(start_paused = true)]
async fn the_time_of_an_unverified_hub_is_not_recorded() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    deny(&world, Operation::GetFindings);
    let report = export(&world, scan(2, failed(60)).upload("2")).await;
    assert_eq!((report.status, report.counts.unchanged), (RunStatus::Degraded, 60), "{:?}", report.reasons);
    // With all permissions, the findings are sent again.
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("3")).await;
    assert_eq!((report.counts.sent, active(&world)), (60, 60), "{} {:?}", report.status.as_str(), report.reasons);
}

/// The same without a missing permission: the hub was emptied within an hour after the scan.
#[tokio::test(start_paused = true)]
async fn the_time_of_a_hub_emptied_within_an_hour_is_not_recorded() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.simulator.clear_faults();
    world.sleep(600).await;
    let world = emptied(world);
    world.sleep(1200).await;
    let report = export(&world, after(30, failed(60)).upload("2")).await;
    assert_eq!((report.status, report.counts.unchanged), (RunStatus::Degraded, 60), "{:?}", report.reasons);
    world.sleep(2 * 3600).await;
    let report = export(&world, after(150, failed(60)).upload("3")).await;
    assert_eq!((report.counts.sent, active(&world)), (60, 60), "{} {:?}", report.status.as_str(), report.reasons);
}

/// The same with a fallback Region: the only copy is archived.
#[tokio::test(start_paused = true)]
async fn the_only_copy_stays_active_after_an_unverified_run() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |one| one.fallback_region = Some("us-east-1".parse().unwrap()));
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    let off = crate::world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    let world = world.with_hubs_of(off.simulator);
    deny(&world, Operation::DescribeHub);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(2, failed(60)).upload("2")).await;
    assert_eq!((report.counts.sent, report.counts.redirected, active(&world)), (60, 20, 60), "{:?}", report.reasons);
    world.simulator.clear_faults();
    enable(&world, "sa-east-1");
    deny(&world, Operation::GetFindings);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("3")).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0), "{:?}", report.reasons);
    assert_eq!(active(&world), 60, "each finding is active in one Region");
    // With all permissions, the findings are sent to their own Region, and no copy is left.
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(6, failed(60)).upload("4")).await;
    assert_eq!((report.counts.sent, report.counts.archived), (20, 20), "{:?} {:?}", report.status, report.reasons);
    assert_eq!((active(&world), world.simulator.findings(ACCOUNT, "sa-east-1").len()), (60, 20));
}

/// What an unverified run sent does not prove that the hub has what was sent before.
#[tokio::test(start_paused = true)]
async fn a_finding_sent_by_an_unverified_run_does_not_verify_the_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(600).await;
    let world = emptied(world);
    deny(&world, Operation::DescribeHub);
    world.sleep(1200).await;
    // Each Region has a new finding.
    let report = export(&world, after(30, failed(63)).upload("2")).await;
    assert_eq!((report.counts.sent, report.status), (3, RunStatus::Degraded), "{:?}", report.reasons);
    world.sleep(2 * 3600).await;
    let report = export(&world, after(150, failed(63)).upload("3")).await;
    assert_eq!(active(&world), 63, "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn findings_sent_without_permissions_do_not_verify_the_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    deny(&world, Operation::DescribeHub);
    deny(&world, Operation::GetFindings);
    let report = export(&world, scan(2, failed(63)).upload("2")).await;
    assert_eq!((report.counts.sent, report.status), (3, RunStatus::Degraded), "{:?}", report.reasons);
    world.simulator.clear_faults();
    deny(&world, Operation::DescribeHub);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(63)).upload("3")).await;
    assert_eq!(active(&world), 63, "{:?}", report.reasons);
}

/// An undo fills a hub that was emptied within an hour: the next scan must not take what it sent as evidence.
#[tokio::test(start_paused = true)]
async fn an_undone_archive_does_not_verify_the_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let archiving = export(&world, scan(1, failed(54)).upload("2")).await;
    assert_eq!(archiving.counts.archived, 6);
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    deny(&world, Operation::DescribeHub);
    deny(&world, Operation::GetFindings);
    runner(&world).undo_archive(&archiving.run_id, &jobs::Options::default()).await.unwrap();
    world.simulator.clear_faults();
    deny(&world, Operation::DescribeHub);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(5, failed(60)).upload("3")).await;
    assert_eq!(active(&world), 60, "{:?}", report.reasons);
}

/// A transient failure to verify the hub.
#[tokio::test(start_paused = true)]
async fn a_transient_failure_does_not_verify_the_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    deny(&world, Operation::DescribeHub);
    world.simulator.inject(Fault::error(503).on(Operation::GetFindings));
    export(&world, scan(2, failed(63)).upload("2")).await;
    world.simulator.clear_faults();
    deny(&world, Operation::DescribeHub);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(63)).upload("3")).await;
    assert_eq!(active(&world), 63, "{:?}", report.reasons);
}

/// The same if the account is suspended while its file is read.
#[tokio::test(start_paused = true)]
async fn a_suspended_account_does_not_verify_the_hub() {
    let mut world = world(|config| config);
    world.settings.open_workers_max = 0;
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    deny(&world, Operation::DescribeHub);
    deny(&world, Operation::GetFindings);
    export(&world, scan(2, failed(63)).upload("2")).await;
    world.simulator.clear_faults();
    deny(&world, Operation::DescribeHub);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(63)).upload("3")).await;
    assert_eq!(active(&world), 63, "{:?}", report.reasons);
}

/// Only BatchImportFindings may say that Security Hub is not enabled.
#[tokio::test(start_paused = true)]
async fn unchanged_findings_are_redirected_if_an_import_finds_no_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |one| one.fallback_region = Some("us-east-1".parse().unwrap()));
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let answer =
        world.simulator.call(&Caller::user(ACCOUNT), "sa-east-1", Operation::DisableSecurityHub, Input::default());
    assert!(answer.is_success());
    for operation in [Operation::DescribeHub, Operation::GetFindings] {
        deny(&world, operation);
    }
    // sa-east-1 has a new finding.
    let report = export(&world, scan(2, failed(63)).upload("2")).await;
    let region = &report.accounts[&ACCOUNT.parse().unwrap()].regions[&"sa-east-1".parse().unwrap()];
    assert_eq!(region.unavailable.as_ref().unwrap().reason, "hub_not_enabled");
    // Security Hub keeps the findings of sa-east-1, which nobody sees while it is disabled.
    let seen = world.simulator.findings(ACCOUNT, "us-east-1").len();
    assert_eq!(
        (report.counts.redirected, seen),
        (21, 42),
        "unchanged {} {:?}",
        report.counts.unchanged,
        report.reasons
    );
}

/// A newer entry of the file resolves a finding that was counted as unchanged: the older one is not redirected.
#[tokio::test(start_paused = true)]
async fn a_newer_entry_of_an_unchanged_finding_is_the_one_that_counts() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |one| one.fallback_region = Some("us-east-1".parse().unwrap()));
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let caller = Caller::user(ACCOUNT);
    let answer = world.simulator.call(&caller, "sa-east-1", Operation::DisableSecurityHub, Input::default());
    assert!(answer.is_success());
    for operation in [Operation::DescribeHub, Operation::GetFindings] {
        deny(&world, operation);
    }
    let mut results = failed(63);
    let one = results.iter().find(|one| one.region == "sa-east-1").unwrap().clone();
    let id = one.id(ACCOUNT.parse().unwrap());
    let at = Some(scan(2, Vec::new()).at + SignedDuration::from_mins(1));
    results.push(Result { failed: false, at, ..one });
    let report = export(&world, scan(2, results).upload("2")).await;
    let copies = world.simulator.findings(ACCOUNT, "us-east-1");
    let copy = copies.iter().find(|found| found["Id"] == id.as_str());
    assert!(copy.is_none_or(|copy| copy["Compliance"]["Status"] != "FAILED"), "{copy:?} {:?}", report.reasons);
}

/// Findings of another sender fill the first page of the hub's findings: the hub is the same.
#[tokio::test(start_paused = true)]
async fn a_first_page_of_another_sender_does_not_make_it_another_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let all = scan(2, failed(300));
    let here = all.results.iter().filter(|one| one.region == "eu-west-1").enumerate().map(|(number, one)| {
        let mut finding = prowlers_own(one, &all);
        finding["Id"] = format!("another-sender-{number:04}").into();
        finding
    });
    let body = json!({ "Findings": here.collect::<Vec<_>>() }).to_string();
    assert!(world.simulator.batch_import_findings(&Caller::user(ACCOUNT), "eu-west-1", body.as_bytes()).is_success());
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("2")).await;
    assert_eq!(
        (report.counts.unchanged, report.counts.sent),
        (60, 0),
        "{} {:?}",
        report.status.as_str(),
        report.reasons
    );
}

/// A denied DescribeHub does not show that a Region rejects findings, even if it did at the last check.
#[tokio::test(start_paused = true)]
async fn a_region_that_accepts_findings_again_gets_them() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let go = async |hours| {
        let fake_aws = world.ports();
        let checks = CheckSettings { write_probe: WriteProbe::WhereInDoubt, ..CheckSettings::default() };
        let checker = Arc::new(Checker::new(fake_aws.clone(), checks));
        let exporter = Exporter::new(fake_aws, Settings::default()).with_connection_cache(Arc::new(checker));
        let scan = scan(hours, failed(30)).upload(&hours.to_string());
        let report = exporter.export(scan, exporter::export::Options::default()).await.unwrap();
        world.sleep(3600).await;
        report
    };
    deny(&world, Operation::DescribeHub);
    world.simulator.inject(Fault::error(403).on(Operation::BatchImportFindings).in_region("sa-east-1"));
    let report = go(0).await;
    assert_eq!((report.counts.sent, report.counts.region_unavailable_total()), (20, 10), "{:?}", report.reasons);
    world.simulator.clear_faults();
    deny(&world, Operation::DescribeHub);
    for hours in 1..4 {
        go(hours).await;
    }
    assert_eq!(active(&world), 30);
}

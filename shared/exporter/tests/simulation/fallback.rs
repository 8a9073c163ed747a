//! Findings in a fallback Region are archived there once their own Region has them, and not before.

use exporter::export::Options;
use exporter::jobs;
use exporter::model::approval::Approval;
use exporter::model::integration::Integration;
use exporter::report::RunStatus;
use serde_json::json;
use simulator::{Caller, Effect, Fault, Input, Operation};

use crate::evidence::active;
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{failed, result, scan};
use crate::scan::{Layout, Result, Scanned};
use crate::{ACCOUNT, REGIONS, Run, export, integrate, runner, world};

fn falls_back(integration: &mut Integration) {
    integration.fallback_region = Some("us-east-1".parse().unwrap());
}

pub(crate) fn enable(world: &World, region: &str) {
    let answer = world.simulator.call(&Caller::user(ACCOUNT), region, Operation::EnableSecurityHub, Input::default());
    assert!(answer.is_success());
    let product = json!({ "ProductArn": format!("arn:aws:securityhub:{region}::product/prowler/prowler") }).to_string();
    let input = Input { body: product.as_bytes(), ..Input::default() };
    let _ = world.simulator.call(&Caller::user(ACCOUNT), region, Operation::EnableImportFindingsForProduct, input);
}

/// A world with sixty findings. Those of sa-east-1 are in us-east-1, since Security Hub was not enabled there; now it is enabled.
async fn back() -> World {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, falls_back);
    let report = export(&world, scan(0, failed(60)).upload("1")).await;
    assert_eq!((report.counts.redirected, active(&world)), (20, 60));
    world.sleep(3600).await;
    enable(&world, "sa-east-1");
    world
}

fn places(world: &World, id: &str) -> Vec<String> {
    let all = REGIONS.iter().flat_map(|region| world.simulator.findings(ACCOUNT, region));
    let mine = all.filter(|found| found["Id"] == id);
    mine.map(|found| {
        let region = found["ProductArn"].as_str().unwrap().split(':').nth(3).unwrap().to_owned();
        format!("{region} {}", found["RecordState"].as_str().unwrap())
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_archived_once_its_own_region_has_the_finding() {
    let world = back().await;
    let report = export(&world, scan(1, failed(60)).upload("2")).await;
    assert_eq!((report.counts.sent, report.counts.archived), (20, 20), "{:?}", report.reasons);
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 60);
    assert_eq!(world.simulator.findings(ACCOUNT, "sa-east-1").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_region_whose_worker_failed_archives_no_copies() {
    let world = back().await;
    world.fail_reads("sa-east-1.zst");
    let outcome = Run::new(&world).go(scan(1, failed(60)).upload("2")).await.unwrap();
    assert!(outcome.is_err() || outcome.is_ok_and(|report| report.status.should_retry()));
    assert_eq!((active(&world), held(&world, ACCOUNT.parse().unwrap(), "ARCHIVED").len()), (60, 0));
    world.restore_stores();
    world.sleep(5400).await;
    let report = export(&world, scan(1, failed(60)).upload("2")).await;
    assert_eq!((report.counts.archived, active(&world)), (20, 60), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_finding_that_its_region_rejects_stays_active_in_the_fallback() {
    let world = back().await;
    let bad = failed(60).into_iter().find(|one| one.region == "sa-east-1").unwrap().id(ACCOUNT.parse().unwrap());
    let refusal =
        Effect::FailFindings { id_contains: bad.clone(), code: "InvalidInput".to_owned(), message: "no".to_owned() };
    world.simulator.inject(Fault::new(refusal).in_region("sa-east-1"));
    let report = export(&world, scan(1, failed(60)).upload("2")).await;
    assert_eq!((report.counts.quarantined["InvalidInput"], report.counts.archived), (1, 19), "{:?}", report.reasons);
    assert_eq!(places(&world, &bad), ["us-east-1 ACTIVE"]);
    // Once its own Region accepts the finding, only one copy stays active.
    world.simulator.clear_faults();
    world.sleep(3600).await;
    let report = export(&world, scan(2, failed(60)).upload("3")).await;
    assert_eq!((report.counts.sent, report.counts.archived), (1, 1), "{:?}", report.reasons);
    assert_eq!(places(&world, &bad), ["us-east-1 ARCHIVED", "sa-east-1 ACTIVE"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_stays_active_if_its_own_region_does_not_respond() {
    let world = back().await;
    world.simulator.inject(Fault::error(503).in_region("sa-east-1").on(Operation::BatchImportFindings));
    let report = export(&world, scan(1, failed(60)).upload("2")).await;
    assert_eq!((report.status, report.counts.archived, active(&world)), (RunStatus::Failed, 0, 60));
}

/// Without the permissions to read it, an export can't know that its own Region was enabled again and is empty: the copy may be the
/// only one.
#[tokio::test(start_paused = true)]
async fn copies_stay_active_while_their_own_hub_cannot_be_verified() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, falls_back);
    world.simulator.inject(Fault::error(403).on(Operation::DescribeHub));
    export(&world, scan(0, failed(60)).upload("1")).await;
    let off = crate::world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    let world = world.with_hubs_of(off.simulator);
    world.simulator.inject(Fault::error(403).on(Operation::DescribeHub));
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(2, failed(60)).upload("2")).await;
    assert_eq!((report.counts.sent, report.counts.redirected, active(&world)), (60, 20, 60), "{:?}", report.reasons);
    world.simulator.clear_faults();
    enable(&world, "sa-east-1");
    for operation in [Operation::DescribeHub, Operation::GetFindings] {
        world.simulator.inject(Fault::error(403).on(operation));
    }
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("3")).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0), "{:?}", report.reasons);
    assert_eq!(active(&world), 60, "each finding is active in one Region");
    // With the permissions, the findings are sent to their own Region, and no copy is left.
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(6, failed(60)).upload("4")).await;
    assert_eq!((report.counts.sent, report.counts.archived), (20, 20), "{:?}", report.reasons);
    assert_eq!((active(&world), world.simulator.findings(ACCOUNT, "sa-east-1").len()), (60, 20));
}

#[tokio::test(start_paused = true)]
async fn copies_in_a_removed_fallback_are_archived_once_their_region_has_them() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| {
        integration.regions = Some(vec!["us-east-1".parse().unwrap()]);
        falls_back(integration);
    });
    export(&world, scan(0, failed(300)).upload("1")).await;
    assert_eq!(world.simulator.findings(ACCOUNT, "us-east-1").len(), 300);
    world.sleep(3600).await;
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 100);
    for (hours, left) in [(1, 297), (2, 294)] {
        let report = export(&world, scan(hours, failed(left)).upload(&format!("at-{hours}"))).await;
        assert_eq!(report.status, RunStatus::Succeeded, "{left}: {:?}", report.reasons);
        assert_eq!(active(&world), left as usize, "{left}: {:?}", report.counts);
        world.sleep(3600).await;
    }
    let home = world.simulator.findings(ACCOUNT, "us-east-1");
    assert_eq!(home.iter().filter(|found| found["RecordState"] == "ACTIVE").count(), 98);
}

#[tokio::test(start_paused = true)]
async fn a_removed_fallback_does_not_require_approval_at_every_scan() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| {
        integration.regions = Some(vec!["us-east-1".parse().unwrap()]);
        falls_back(integration);
    });
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    integrate(&world, ACCOUNT, |_| {});
    let second = scan(1, failed(297));
    let report = export(&world, second.upload("2")).await;
    if report.status == RunStatus::Degraded {
        let approval = Approval { pending: true, unproven: false };
        let options = Options { reexport: true, approval, ..Options::default() };
        let approved = Run { options, ..Run::new(&world) }.go(second.upload("2")).await.unwrap().unwrap();
        assert_eq!(approved.status, RunStatus::Succeeded, "{:?}", approved.reasons);
    }
    assert_eq!(active(&world), 297);
    world.sleep(3600).await;
    let report = export(&world, scan(2, failed(294)).upload("3")).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Succeeded, 3), "{:?}", report.reasons);
    assert_eq!(active(&world), 294);
}

#[tokio::test(start_paused = true)]
async fn findings_without_region_and_fallback_stay_and_block_nothing() {
    let world = world(|config| config);
    let only = Some(vec!["us-east-1".parse().unwrap()]);
    integrate(&world, ACCOUNT, |integration| {
        integration.regions = only.clone();
        falls_back(integration);
    });
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    integrate(&world, ACCOUNT, |integration| integration.regions = only.clone());
    for hours in 1..=3 {
        // Each scan has three findings less, one of each Region.
        let report =
            export(&world, scan(hours, failed(300 - 3 * u32::try_from(hours).unwrap())).upload(&format!("at-{hours}")))
                .await;
        assert_eq!(report.accounts[&ACCOUNT.parse().unwrap()].archive, None, "{:?}", report.reasons);
        assert!(report.counts.archived >= 1, "{hours}: {:?}", report.counts);
        world.sleep(3600).await;
    }
    let ids = failed(291).into_iter().map(|one| one.id(ACCOUNT.parse().unwrap()));
    for id in ids {
        assert_eq!(places(&world, &id), ["us-east-1 ACTIVE"], "the resource exists and fails");
    }
}

#[tokio::test(start_paused = true)]
async fn copies_in_a_former_fallback_are_archived_for_any_state_of_their_region() {
    let region = |name: &str| name.parse().unwrap();
    let all_in = |name: &str| (Some(vec![region(name)]), Some(region(name)));
    let histories = [
        // The fallback is their own Region.
        vec![all_in("us-east-1"), (None, Some(region("eu-west-1")))],
        // The findings are sent directly to another fallback.
        vec![all_in("us-east-1"), (Some(vec![region("us-east-1"), region("eu-west-1")]), Some(region("eu-west-1")))],
        // Two Regions have copies of each other's findings.
        vec![all_in("us-east-1"), all_in("eu-west-1"), (None, None)],
        vec![all_in("us-east-1"), all_in("eu-west-1"), (None, Some(region("sa-east-1")))],
    ];
    for (number, history) in histories.into_iter().enumerate() {
        let world = world(|config| config);
        let mut hour = 0;
        let last = history.len() - 1;
        for (step, (regions, fallback)) in history.into_iter().enumerate() {
            integrate(&world, ACCOUNT, |integration| {
                (integration.regions, integration.fallback_region) = (regions, fallback);
                integration.archive_limit_percent = 100;
            });
            // The copies are archived by the first scan, and resolved findings by each scan.
            for left in if step == last { vec![27, 24] } else { vec![30] } {
                let report = export(&world, scan(hour, failed(left)).upload(&format!("at-{hour}"))).await;
                assert!(step < last || active(&world) == left as usize, "{number}, {left}: {:?}", report.counts);
                for id in failed(left).iter().map(|one| one.id(ACCOUNT.parse().unwrap())) {
                    let there = places(&world, &id);
                    assert!(there.iter().any(|place| place.ends_with(" ACTIVE")), "{number}, {left}: {there:?}");
                }
                hour += 1;
                world.sleep(3600).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_does_not_count_as_an_absence_in_other_regions() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, falls_back);
    export(&world, scan(0, failed(60)).upload("0")).await;
    world.sleep(3600).await;
    // In a format whose end can't be detected, findings that are absent twice in a row are archived: here one of each Region.
    let lines = |hour| Scanned { layout: Layout::Lines, ..scan(hour, failed(57)) };
    world.simulator.inject(Fault::error(503).in_region("eu-west-1"));
    let report = export(&world, lines(1).upload("1")).await;
    assert!(report.status.should_retry());
    world.simulator.clear_faults();
    world.sleep(3600).await;
    for key in ["1", "a copy of it"] {
        let report = export(&world, lines(1).upload(key)).await;
        assert_eq!((report.counts.archived, active(&world)), (0, 60), "{:?}", report.reasons);
        world.sleep(3600).await;
    }
    let report = export(&world, lines(3).upload("2")).await;
    assert_eq!((report.counts.archived, active(&world)), (3, 57), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_archived_copy_of_two_scans_in_a_file_can_be_undone() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |integration| integration.fallback_region = "us-east-1".parse().ok());
    let all = |detail: u32, failed: bool| -> Vec<_> {
        (0..5).map(|number| Result { detail, failed, ..result(number, "sa-east-1") }).collect()
    };
    export(&world, scan(0, all(0, true)).upload("0")).await;
    world.sleep(3 * 3600).await;
    world.simulator.inject(Fault::new(Effect::Latency { ms: 500 }).on(Operation::BatchImportFindings));
    // The first scan of the file changes the findings, the second one resolves them.
    let older = scan(1, Vec::new()).at;
    let older = all(1, true).into_iter().map(|one| Result { at: Some(older), ..one });
    let report = export(&world, scan(2, older.chain(all(1, false)).collect()).upload("1")).await;
    assert_eq!((report.counts.archived, active(&world)), (5, 0), "{:?}", report.reasons);
    world.sleep(3600).await;
    let undone = runner(&world).undo_archive(&report.run_id, &jobs::Options::default()).await.unwrap();
    assert_eq!(active(&world), 5, "{:?} {:?}", undone.reasons, undone.counts);
}

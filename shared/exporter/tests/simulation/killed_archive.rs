//! Findings that a killed run archived are known as archived, the archive can be undone, and they keep their first-seen times.
//! Archives that failed are sent by the next attempt.

use exporter::export::{Exporter, Options};
use exporter::jobs;
use exporter::model::settings::Settings;
use exporter::report::{RunReport, RunStatus};
use serde_json::json;
use simulator::{Caller, Effect, Fault, Operation};

use crate::evidence::active;
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{failed, prowlers_own, result, scan};
use crate::scan::Expected;
use crate::scan::{Layout, Scanned};
use crate::{ACCOUNT, REGIONS, Run, START, export, integrate, runner, world};
use exporter::testing::Lifetime;

#[tokio::test(start_paused = true)]
async fn undo_archive_includes_what_a_killed_earlier_run_archived() {
    let account: asff::AccountId = ACCOUNT.parse().unwrap();
    let mut killed_while_archiving = 0;
    for killed_at in 14..60 {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        export(&world, scan(0, failed(330)).upload("1")).await;
        world.sleep(2 * 3600).await;
        let wrong = scan(1, failed(170));
        let fake_aws = world.run(Lifetime::until(Some(killed_at), killed_at % 3 != 0), Expected::new());
        let lifetime = fake_aws.lifetime().clone();
        let exporter = Exporter::new(fake_aws, Settings::default());
        let killed = tokio::select! {
            _ = exporter.export(wrong.upload("2"), Options::default()) => false,
            () = lifetime.ended() => true,
        };
        if !killed {
            continue;
        }
        let archived_by_killed = held(&world, account, "ARCHIVED").len();
        killed_while_archiving += u32::from(archived_by_killed > 0);
        world.sleep(2 * 3600).await;
        let report = export(&world, wrong.upload("2")).await;
        let context = format!("killed at {killed_at} after {archived_by_killed}");
        assert_eq!(active(&world), 170, "{context}: {:?}", report.reasons);
        world.sleep(3600).await;
        // If the killed run wrote its report, the run itself can be undone.
        let undoable = if report.counts.archived > 0 { report.run_id.clone() } else { archiving_run(&world) };
        let undone = runner(&world).undo_archive(&undoable, &jobs::Options::default()).await;
        assert_eq!(active(&world), 330, "{context}: {:?}", undone.map(|run| run.reasons));
        let first: jiff::Timestamp = START.parse().unwrap();
        let seen = held(&world, account, "ACTIVE");
        assert!(seen.values().all(|held| held.first_observed_at == first), "{context}: first-seen times are preserved");
    }
    assert!(killed_while_archiving > 5, "{killed_while_archiving} runs were killed while they archived");
}

/// The ID of the run whose report counts archived findings.
fn archiving_run(world: &World) -> String {
    let contents = world.contents();
    let reports = contents.objects.iter().filter(|(key, _)| key.ends_with("/report.json"));
    let mut reports = reports.map(|(_, (_, bytes))| serde_json::from_slice::<RunReport>(bytes).unwrap());
    reports.find(|report| report.counts.archived > 0).unwrap().run_id
}

#[tokio::test(start_paused = true)]
async fn a_reactivated_finding_keeps_its_first_seen_time_after_a_killed_run() {
    let account: asff::AccountId = ACCOUNT.parse().unwrap();
    for killed_at in 10..60 {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        export(&world, scan(0, failed(60)).upload("1")).await;
        world.sleep(2 * 3600).await;
        let fake_aws = world.run(Lifetime::until(Some(killed_at), true), Expected::new());
        let lifetime = fake_aws.lifetime().clone();
        let exporter = Exporter::new(fake_aws, Settings::default());
        tokio::select! {
            _ = exporter.export(scan(1, failed(40)).upload("2"), Options::default()) => {}
            () = lifetime.ended() => {}
        }
        world.sleep(2 * 3600).await;
        // The killed run isn't retried: the next scan has all findings.
        export(&world, scan(4, failed(60)).upload("3")).await;
        let first: jiff::Timestamp = START.parse().unwrap();
        let seen = held(&world, account, "ACTIVE");
        assert_eq!(seen.len(), 60, "killed at {killed_at}");
        assert!(seen.values().all(|held| held.first_observed_at == first), "killed at {killed_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_archive_without_a_response_is_sent_by_the_next_attempt() {
    // Proven by one whole scan; absent from two scans in a format without a detectable end; and shown as passed.
    for (layout, scans, passes) in [(Layout::Array, 1, false), (Layout::Lines, 2, false), (Layout::Array, 1, true)] {
        for commits in [false, true] {
            let world = world(|config| config);
            integrate(&world, ACCOUNT, |_| {});
            export(&world, scan(0, failed(60)).upload("0")).await;
            world.sleep(3600).await;
            let mut results = failed(60);
            results.iter_mut().skip(45).for_each(|one| one.failed = !passes);
            results.truncate(if passes { 60 } else { 45 });
            for hour in 1..scans {
                export(&world, Scanned { layout, ..scan(hour, results.clone()) }.upload("absent")).await;
                world.sleep(3600).await;
            }
            let last = Scanned { layout, ..scan(scans, results) };
            let failure = Effect::Error { status: 503, error_type: None, message: None, after_commit: commits };
            world.simulator.inject(Fault::new(failure).on(Operation::BatchImportFindings));
            let context = format!("{layout:?}, passed {passes}, committed {commits}");
            // It fails twice, and is complete at the third attempt.
            for _ in 0..2 {
                let report = export(&world, last.upload("last")).await;
                assert_eq!((report.status, report.counts.archive_undelivered), (RunStatus::Failed, 15), "{context}");
                world.sleep(3600).await;
            }
            world.simulator.clear_faults();
            let report = export(&world, last.upload("last")).await;
            assert_eq!((report.status, report.counts.archived), (RunStatus::Succeeded, 15), "{context}");
            assert_eq!(active(&world), 45, "{context}");
            world.sleep(3600).await;
            // A reactivated finding must be absent as often as any other before it is archived.
            runner(&world).undo_archive(&report.run_id, &jobs::Options::default()).await.unwrap();
            assert_eq!(active(&world), 60, "{context}");
            world.sleep(3600).await;
            let next = Scanned { layout: Layout::Lines, ..scan(20, failed(45)) };
            world.sleep(20 * 3600).await;
            let report = export(&world, next.upload("next")).await;
            assert_eq!((report.counts.archived, report.counts.absent), (0, 15), "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_does_not_forget_what_a_killed_run_archived() {
    let account: asff::AccountId = ACCOUNT.parse().unwrap();
    let mut saved = 0;
    for killed_at in 20..50 {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        export(&world, scan(0, failed(330)).upload("1")).await;
        world.sleep(2 * 3600).await;
        let wrong = scan(1, failed(170));
        let lifetime = Lifetime::until(Some(killed_at), killed_at % 3 != 0);
        let run = Run { lifetime, ..Run::new(&world) };
        if run.go(wrong.upload("2")).await.is_some() {
            continue;
        }
        let archived_by_killed = held(&world, account, "ARCHIVED").len();
        saved += u32::from(archived_by_killed == 160);
        world.sleep(2 * 3600).await;
        // Each Region has a finding of another sender, so that the reconciliation writes each state.
        for (number, region) in (1000..).zip(REGIONS) {
            let finding = prowlers_own(&result(number, region), &scan(2, Vec::new()));
            let body = serde_json::to_vec(&json!({ "Findings": [finding] })).unwrap();
            assert!(world.simulator.batch_import_findings(&Caller::user(ACCOUNT), region, &body).is_success());
        }
        let what = jobs::Reconcile::default();
        runner(&world).reconcile(account, &what, &jobs::Options::default()).await.unwrap();
        world.sleep(2 * 3600).await;
        let report = export(&world, wrong.upload("2")).await;
        let context = format!("killed at {killed_at} after {archived_by_killed}");
        assert_eq!(active(&world), 173, "{context}: {:?}", report.reasons);
        world.sleep(3600).await;
        let undoable = if report.counts.archived > 0 { report.run_id.clone() } else { archiving_run(&world) };
        let undone = runner(&world).undo_archive(&undoable, &jobs::Options::default()).await;
        assert_eq!(active(&world), 333, "{context}: {:?}", undone.map(|run| run.reasons));
    }
    assert!(saved > 3, "{saved} runs were killed after they archived everything");
}

//! Several entries of one finding in a scan: the worst status counts, and findings that Security Hub has are not sent.

use std::time::Duration;

use exporter::export::Options;
use exporter::report::RunStatus;
use simulator::{Effect, Fault, Operation};
use tokio::time::Instant;

use crate::evidence::active;
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{failed, scan};
use crate::scan::Result;
use crate::transient::billed;
use crate::{ACCOUNT, Run, export, integrate, world};

fn passed(results: &[Result]) -> Vec<Result> {
    results.iter().cloned().map(|one| Result { failed: false, ..one }).collect()
}

/// Each finding twice, first passed and then failed.
fn pairs(results: &[Result]) -> Vec<Result> {
    results.iter().flat_map(|one| [Result { failed: false, ..one.clone() }, one.clone()]).collect()
}

fn statuses(world: &World) -> Vec<String> {
    let held = held(world, ACCOUNT.parse().unwrap(), "ACTIVE");
    let mut statuses: Vec<String> = held.into_values().map(|held| held.status).collect();
    statuses.dedup();
    statuses
}

#[tokio::test(start_paused = true)]
async fn the_worst_status_is_sent_once_and_the_better_one_never() {
    for only_failed in [true, false] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |integration| integration.only_failed = only_failed);
        let results = pairs(&failed(150));
        let report = export(&world, scan(0, results.clone()).upload("1")).await;
        assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 150), "{:?}", report.counts);
        for hours in 1..4 {
            world.sleep(3600).await;
            let report = export(&world, scan(hours, results.clone()).upload(&format!("at-{hours}"))).await;
            assert_eq!((report.counts.sent, report.counts.unchanged), (0, 150), "{hours}: {:?}", report.counts);
        }
        assert_eq!((billed(&world), active(&world), statuses(&world)), (150, 150, vec!["FAILED".to_owned()]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_better_status_before_the_worst_is_sent_at_most_once() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.only_failed = false);
    // Three Regions, so that each has full batches before the worse entries are read.
    let results = [passed(&failed(900)), failed(900)].concat();
    export(&world, scan(0, results.clone()).upload("1")).await;
    let first = billed(&world);
    assert!(first <= 1800, "{first}");
    for hours in 1..4 {
        world.sleep(3600).await;
        let report = export(&world, scan(hours, results.clone()).upload(&format!("at-{hours}"))).await;
        assert_eq!((report.counts.sent, report.status), (0, RunStatus::Succeeded), "{hours}: {:?}", report.counts);
    }
    assert_eq!((billed(&world) - first, statuses(&world)), (0, vec!["FAILED".to_owned()]));
    // Once they pass in every entry, they are sent as passed, once.
    world.sleep(3600).await;
    let better = [passed(&failed(900)), passed(&failed(900))].concat();
    let report = export(&world, scan(5, better).upload("better")).await;
    assert_eq!((report.counts.sent, report.counts.filtered["duplicate"]), (900, 900), "{:?}", report.counts);
    assert_eq!(statuses(&world), ["PASSED"]);
}

#[tokio::test(start_paused = true)]
async fn too_many_repeated_findings_are_delivered_by_several_runs() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.only_failed = false);
    world.simulator.inject(Fault::new(Effect::Latency { ms: 4000 }).on(Operation::BatchImportFindings));
    let scanned = scan(0, pairs(&failed(3000)));
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs <= 12, "not completed: {} of 3000 are active", active(&world));
        let deadline = Some(Instant::now() + Duration::from_secs(20));
        let options = Options { deadline, ..Options::default() };
        let before = billed(&world);
        let report = Run { options, ..Run::new(&world) }.go(scanned.upload("1")).await.unwrap().unwrap();
        world.sleep(60).await;
        if !report.status.should_retry() {
            break;
        }
        assert!(billed(&world) > before, "the run made no progress");
    }
    assert_eq!((active(&world), statuses(&world)), (3000, vec!["FAILED".to_owned()]));
    assert!(billed(&world) <= 3200, "{} events for 3000 findings", billed(&world));
}

#[tokio::test(start_paused = true)]
async fn a_finding_that_fails_in_the_newest_scan_of_a_file_stays_active() {
    for open_workers_max in [0, 340] {
        let mut world = world(|config| config);
        world.settings.open_workers_max = open_workers_max;
        integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 100);
        export(&world, scan(0, failed(30)).upload("1")).await;
        world.sleep(5 * 3600).await;
        let (older, newer) = (scan(1, failed(30)), scan(2, failed(30)));
        let at =
            |results: Vec<Result>, at| results.into_iter().map(move |one| Result { at: Some(at), detail: 1, ..one });
        // Failed an hour ago, then passed, and failed again, in one scan.
        let mut results: Vec<Result> = at(older.results, older.at).collect();
        results.extend(at(passed(&newer.results), newer.at));
        results.extend(at(newer.results.clone(), newer.at));
        let report = export(&world, crate::scan::Scanned { results, ..newer }.upload("2")).await;
        assert_eq!((report.counts.archived, active(&world)), (0, 30), "{open_workers_max}: {:?}", report.counts);
        assert_eq!(statuses(&world), ["FAILED"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sent_version_is_followed_by_the_worst_even_if_it_is_unchanged() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.only_failed = false);
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    // Passed early in the file; then muted, immediately followed by failed, as before.
    let mut results = passed(&failed(300));
    for one in failed(300) {
        results.extend([Result { muted: true, ..one.clone() }, one]);
    }
    let report = export(&world, scan(1, results).upload("2")).await;
    assert_eq!(
        (report.status, active(&world), statuses(&world)),
        (RunStatus::Succeeded, 300, vec!["FAILED".to_owned()])
    );
}

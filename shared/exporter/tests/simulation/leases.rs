//! Runs without a deadline, as on a workstation: they keep their locks as long as they run, and no longer.

use std::time::Duration;

use exporter::export::ExportError;
use exporter::ports::Scan;
use exporter::report::{RunReport, RunStatus};
use exporter::testing::{Fault, Operation};
use futures::StreamExt;

use crate::fake_aws::World;
use crate::hub_assertions::{assert_equal, held};
use crate::promises::{failed, imports, scan};
use crate::scan::Scanned;
use crate::{ACCOUNT, Run, export, integrate, world};

/// An upload that is read slowly, with a pause before each piece.
fn slow(scanned: &Scanned, key: &str, pause: Duration) -> Scan {
    let Scan { info, body } = scanned.upload(key);
    let body = body.then(move |piece| async move {
        tokio::time::sleep(pause).await;
        piece
    });
    Scan { info, body: body.boxed() }
}

fn begin(world: &World, scanned: &Scanned) -> tokio::task::JoinHandle<Result<RunReport, ExportError>> {
    // About 400 KB in seven pieces, which take two hours and twenty minutes.
    let (run, scan) = (Run::new(world), slow(scanned, "slow", Duration::from_secs(20 * 60)));
    tokio::spawn(async move { run.go(scan).await.unwrap() })
}

/// The Region states, with their `ETag`s.
fn states(world: &World) -> Vec<(String, u64)> {
    let contents = world.contents();
    let states = contents.objects.iter().filter(|(key, _)| key.starts_with("state/"));
    states.map(|(key, (etag, _))| (key.clone(), *etag)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_hours_renews_its_locks() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let (first, next) = (scan(0, failed(300)), scan(1, failed(310)));
    let running = begin(&world, &first);
    for _ in 0..2 {
        world.sleep(3600).await;
        let report = export(&world, next.upload("next")).await;
        assert_eq!((report.status, report.counts.undelivered["account_locked"]), (RunStatus::Failed, 310));
        let again = Run::new(&world).go(first.upload("slow")).await.unwrap();
        assert!(matches!(again, Err(ExportError::InProgress { .. })), "another run exports the upload");
    }
    let report = running.await.unwrap().unwrap();
    assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 300), "{:?}", report.reasons);
    assert_eq!(export(&world, next.upload("next")).await.status, RunStatus::Succeeded);
    assert_equal(&world, next.account, &next.wanted(&integration), "at the end");
}

#[tokio::test(start_paused = true)]
async fn locks_of_a_killed_run_expire_within_15_minutes() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let running = begin(&world, &scan(0, failed(300)));
    world.sleep(3600).await;
    running.abort();
    world.sleep(16 * 60).await;
    assert_eq!(export(&world, scan(1, failed(310)).upload("next")).await.status, RunStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_lease_sends_and_saves_nothing_more() {
    for stolen in [true, false] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        let first = scan(0, failed(300));
        let running = begin(&world, &first);
        world.sleep(3600 + 60).await;
        let kept = states(&world);
        if stolen {
            world.steal(first.account, "another");
        } else {
            world.contents().faults.add(Fault::fail(Operation::RenewAccount));
        }
        world.sleep(30 * 60).await;
        let before = imports(&world);
        let error = running.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("the lock on account 123456789012 was lost"), "{error}");
        assert_eq!(imports(&world), before, "nothing more is sent");
        assert!(held(&world, first.account, "ACTIVE").len() < 300);
        assert_eq!(states(&world), kept, "the state of another run is not overwritten");
    }
}

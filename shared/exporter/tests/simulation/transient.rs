//! Transient failures are retried, and permanent ones are not: an endpoint without a response, a rejected finding, a failed write
//! of one Region's state.

use std::time::Duration;

use exporter::export::{ExportError, Options};
use exporter::model::integration::Integration;
use exporter::ports::AccountLocks as _;
use exporter::report::{RunReport, RunStatus};
use simulator::{Effect, Fault, Operation};
use tokio::time::Instant;

use crate::evidence::active;
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{failed, scan};
use crate::scan::Scanned;
use crate::{ACCOUNT, REGIONS, Run, export, integrate, runner, world};
use exporter::testing::Lifetime;

fn darken(world: &World, regions: &[&str]) {
    world.access().dark = regions.iter().map(|region| region.parse().unwrap()).collect();
}

fn falls_back(integration: &mut Integration) {
    integration.fallback_region = Some("us-east-1".parse().unwrap());
}

/// Number of imported findings: each is an ingestion event, which is billed.
pub(crate) fn billed(world: &World) -> usize {
    let calls = world.simulator.calls();
    calls.iter().map(|call| call.tally.created + call.tally.updated + call.tally.ignored).sum()
}

/// The time of the last complete export of an upload of the account.
async fn exported_at(world: &World) -> Option<jiff::Timestamp> {
    let status = world.ports().lock_status(ACCOUNT.parse().unwrap()).await.unwrap();
    status.and_then(|(newest, _)| newest.exported_at)
}

fn reads(world: &World) -> usize {
    world.simulator.calls().iter().filter(|call| call.operation == Operation::GetFindings).count()
}

async fn try_export(world: &World, scanned: &Scanned, name: &str) -> Result<RunReport, ExportError> {
    Run::new(world).go(scanned.upload(name)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn if_no_region_responds_the_run_fails_and_the_retry_delivers() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    darken(&world, &REGIONS);
    let scanned = scan(0, failed(300));
    let report = export(&world, scanned.upload("1")).await;
    assert_eq!(report.status, RunStatus::Failed, "{:?}", report.reasons);
    assert_eq!(report.counts.undelivered.get("unreachable"), Some(&300), "{:?}", report.counts);
    assert_eq!(exported_at(&world).await, None, "no upload was exported completely");
    darken(&world, &[]);
    world.sleep(5400).await;
    let report = export(&world, scanned.upload("1")).await;
    assert_eq!((report.status, report.counts.sent, active(&world)), (RunStatus::Succeeded, 300, 300));
    let exported = exported_at(&world).await;
    assert!(exported > Some(report.started_at) && exported <= report.finished_at, "{exported:?}");
    world.sleep(5400).await;
    darken(&world, &REGIONS);
    export(&world, scan(3, failed(301)).upload("2")).await;
    assert_eq!(exported_at(&world).await, exported, "an export that fails does not change it");
}

#[tokio::test(start_paused = true)]
async fn a_network_outage_of_one_minute_loses_no_finding() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, falls_back);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let before = billed(&world);
    darken(&world, &REGIONS);
    let back = tokio::spawn({
        let world = world.clone();
        async move {
            world.sleep(60).await;
            darken(&world, &[]);
        }
    });
    let second = scan(1, failed(61));
    let mut tries = 0;
    loop {
        tries += 1;
        let outcome = try_export(&world, &second, "2").await;
        if outcome.is_ok_and(|report| !report.status.should_retry()) {
            break;
        }
        assert!(tries < 5, "the message would be in the dead-letter queue");
        world.sleep(5400).await;
    }
    back.await.unwrap();
    assert_eq!(
        (active(&world), billed(&world) - before),
        (61, 1),
        "only the new finding is sent, and nothing to the fallback"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_known_region_is_undelivered_without_fallback() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, falls_back);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let before = billed(&world);
    darken(&world, &["sa-east-1"]);
    let second = scan(1, failed(63));
    let report = export(&world, second.upload("2")).await;
    assert_eq!(report.status, RunStatus::Failed, "{:?}", report.reasons);
    assert_eq!((report.counts.redirected, report.counts.undelivered["unreachable"]), (0, 21), "{:?}", report.counts);
    darken(&world, &[]);
    world.sleep(5400).await;
    let report = export(&world, second.upload("2")).await;
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 63), "{:?}", report.reasons);
    assert_eq!(billed(&world) - before, 3, "each new finding once");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_never_responded_is_unavailable_if_others_respond() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    darken(&world, &["sa-east-1"]);
    let report = export(&world, scan(0, failed(60)).upload("1")).await;
    assert_eq!((report.status, report.counts.sent), (RunStatus::Degraded, 40), "{:?}", report.reasons);
    assert_eq!(report.counts.region_unavailable["sa-east-1"]["unreachable"], 20);
}

/// Exports sixty findings. Returns the next scan, in which one of them is resolved, and the Id of that one.
async fn one_is_resolved() -> (World, Scanned, String) {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let mut findings = failed(60);
    let gone = findings.iter_mut().find(|one| one.region == "eu-west-1").unwrap();
    gone.failed = false;
    let id = gone.id(ACCOUNT.parse().unwrap());
    (world, scan(1, findings), id)
}

#[tokio::test(start_paused = true)]
async fn a_rejected_archive_degrades_the_run_and_fails_nothing() {
    let (world, second, id) = one_is_resolved().await;
    let refusal = Effect::FailFindings { id_contains: id, code: "InvalidInput".to_owned(), message: "no".to_owned() };
    world.simulator.inject(Fault::new(refusal).in_region("eu-west-1"));
    let before = billed(&world);
    for hours in 1..=10 {
        let next = Scanned { at: second.at + jiff::SignedDuration::from_hours(hours), ..second.clone() };
        let report = export(&world, next.upload(&format!("at-{hours}"))).await;
        assert_eq!(report.status, RunStatus::Degraded, "{hours}: {:?}", report.reasons);
        assert_eq!(report.counts.archive_rejected["InvalidInput"], 1, "{hours}: {:?}", report.counts);
        assert_eq!((report.counts.archive_undelivered, report.counts.archived), (0, 0));
        assert_eq!(report.in_quarantine()["InvalidInput"], 1);
        world.sleep(3600).await;
    }
    assert_eq!((active(&world), billed(&world) - before), (60, 0), "findings that Security Hub has are not sent");
    // When it is active again and unchanged, it is not sent.
    let report = export(&world, scan(12, failed(60)).upload("back")).await;
    assert_eq!((report.status, report.counts.unchanged), (RunStatus::Succeeded, 60), "{:?}", report.counts);
    world.simulator.clear_faults();
    world.sleep(3600).await;
    let last = Scanned { at: world.now(), ..second };
    let report = export(&world, last.upload("last")).await;
    assert_eq!((report.status, report.counts.archived, active(&world)), (RunStatus::Succeeded, 1, 59));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_archive_does_not_block_a_deletion() {
    let (world, second, id) = one_is_resolved().await;
    let refusal = Effect::FailFindings { id_contains: id, code: "InvalidInput".to_owned(), message: "no".to_owned() };
    world.simulator.inject(Fault::new(refusal).in_region("eu-west-1"));
    drop(second);
    let account = ACCOUNT.parse().unwrap();
    let provider = world.contents().integration_of(account).unwrap().provider.clone();
    let report = runner(&world).archive_all(account, &provider, None, &Default::default()).await.unwrap();
    assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 59), "{:?}", report.reasons);
    assert_eq!(active(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_denies_an_archive_is_unavailable_and_fails_nothing() {
    let (world, second, _) = one_is_resolved().await;
    let denied = Fault::error(403).in_region("eu-west-1").on(Operation::BatchImportFindings);
    world.simulator.inject(denied);
    for hours in 1..=3 {
        let next = Scanned { at: second.at + jiff::SignedDuration::from_hours(hours), ..second.clone() };
        let report = export(&world, next.upload(&format!("at-{hours}"))).await;
        assert_eq!(report.status, RunStatus::Degraded, "{hours}: {:?}", report.reasons);
        assert_eq!(
            (report.counts.archive_unavailable, report.counts.archive_undelivered),
            (1, 0),
            "{:?}",
            report.counts
        );
        let region = &report.accounts[&ACCOUNT.parse().unwrap()].regions[&"eu-west-1".parse().unwrap()];
        assert!(region.unavailable.is_some());
        world.sleep(3600).await;
    }
    world.simulator.clear_faults();
    let last = Scanned { at: world.now(), ..second };
    let report = export(&world, last.upload("last")).await;
    assert_eq!((report.status, report.counts.archived, active(&world)), (RunStatus::Succeeded, 1, 59));
}

#[tokio::test(start_paused = true)]
async fn a_failed_state_write_of_one_region_does_not_affect_others() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_previous_findings = false);
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    let before = billed(&world);
    world.fail_reads("eu-west-1.zst");
    let second = scan(1, failed(303));
    let outcome = try_export(&world, &second, "2").await;
    assert!(outcome.is_err() || outcome.is_ok_and(|report| report.status == RunStatus::Failed));
    world.restore_stores();
    world.sleep(5400).await;
    let before_reads = reads(&world);
    let report = export(&world, second.upload("2")).await;
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 303), "{:?}", report.reasons);
    assert_eq!(
        (billed(&world) - before, reads(&world) - before_reads),
        (3, 0),
        "nothing was sent to the Region, so nothing is in doubt"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_after_locking_releases_the_account_unchanged() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    let before = billed(&world);
    world.fail_reads(&format!("{ACCOUNT}/"));
    let second = scan(1, failed(303));
    assert!(try_export(&world, &second, "2").await.is_err(), "no state can be listed");
    world.restore_stores();
    // The next export can start immediately: the lock was released and need not expire.
    let report = export(&world, second.upload("2")).await;
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 303), "{:?}", report.reasons);
    assert_eq!(billed(&world) - before, 3, "nothing was sent, so nothing is in doubt");
}

#[tokio::test(start_paused = true)]
async fn an_unsaved_send_is_in_doubt_only_in_its_region() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    let before = billed(&world);
    world.fail_writes("eu-west-1.zst");
    let second = scan(1, failed(303));
    let outcome = try_export(&world, &second, "2").await;
    assert!(outcome.is_err() || outcome.is_ok_and(|report| report.status == RunStatus::Failed));
    world.restore_stores();
    world.sleep(5400).await;
    let report = export(&world, second.upload("2")).await;
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 303), "{:?}", report.reasons);
    assert_eq!(billed(&world) - before, 3 + 101, "only the findings of that Region are resent");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_read_is_canceled_before_the_deadline() {
    for operation in [Operation::DescribeHub, Operation::GetFindings] {
        let world = crate::world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        export(&world, scan(0, failed(60)).upload("1")).await;
        world.sleep(3600).await;
        // A run that is killed while it reads the hub, so that the account is in doubt.
        let mut run = Run::new(&world);
        run.lifetime = Lifetime::until(Some(12), true);
        drop(run.go(scan(1, failed(60)).upload("2")).await);
        world.sleep(5400).await;
        world.simulator.inject(Fault::new(Effect::Latency { ms: 1_000_000 }).on(operation));
        let begun = Instant::now();
        let deadline = begun + Duration::from_secs(300);
        let options = Options { deadline: Some(deadline), ..Options::default() };
        let report = Run { options, ..Run::new(&world) }.go(scan(1, failed(60)).upload("2")).await.unwrap().unwrap();
        assert!(Instant::now() < deadline, "{operation:?} took {:?}", begun.elapsed());
        assert_eq!(report.status, RunStatus::Unfinished, "{operation:?}: {:?}", report.reasons);
        assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 60);
    }
}

/// An upload has five attempts. The first one sends what is new and can't save the state; the others check that they can, first.
#[tokio::test(start_paused = true)]
async fn attempts_without_a_writable_state_send_nothing_again() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(7200).await;
    world.fail_writes("eu-west-1.zst");
    let next = scan(2, failed(90));
    let mut events = Vec::new();
    for _ in 0..5 {
        world.simulator.forget_calls();
        let outcome = try_export(&world, &next, "2").await;
        assert!(outcome.is_err() || outcome.is_ok_and(|report| report.status.should_retry()));
        events.push(billed(&world));
        world.sleep(5400).await;
    }
    assert_eq!(events, [30, 0, 0, 0, 0]);
    world.restore_stores();
    world.simulator.forget_calls();
    let report = export(&world, next.upload("2")).await;
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 90), "{:?}", report.reasons);
    assert_eq!(billed(&world), 30, "the Region in doubt is resent");
}

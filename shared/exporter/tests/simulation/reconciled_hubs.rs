//! A reconciliation that could not send what Security Hub lacks: the next scan sends it.

use exporter::jobs::{self, Reconcile};
use exporter::report::{RunReport, RunStatus};
use simulator::{Effect, Fault, Operation};

use crate::emptied_hub::emptied;
use crate::evidence::active;
use crate::fake_aws::World;
use crate::promises::{failed, scan};
use crate::{ACCOUNT, export, integrate, runner, world};

async fn reconcile(world: &World) -> RunReport {
    let options = jobs::Options::default();
    runner(world).reconcile(ACCOUNT.parse().unwrap(), &Reconcile::default(), &options).await.unwrap()
}

/// A reconciliation that sends only a part to a new hub must not record the new hub as the one that has everything.
#[tokio::test(start_paused = true)]
async fn a_reconciliation_that_fails_halfway_does_not_hide_an_emptied_hub() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(900)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    world.simulator.inject(Fault::error(403).on(Operation::BatchImportFindings).in_region("eu-west-1").after(1));
    // A call has a hundred findings: the first one is accepted.
    let report = reconcile(&world).await;
    assert_eq!(report.status, RunStatus::Degraded, "{:?}", report.reasons);
    assert!(active(&world) < 900);
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(900)).upload("2")).await;
    assert_eq!(active(&world), 900, "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_finding_that_a_reconciliation_quarantined_is_sent_by_a_scan() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let world = emptied(world);
    let bad = failed(60)[1].id(ACCOUNT.parse().unwrap());
    let refusal = Effect::FailFindings { id_contains: bad, code: "InvalidInput".to_owned(), message: "no".to_owned() };
    world.simulator.inject(Fault::new(refusal));
    reconcile(&world).await;
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("2")).await;
    assert_eq!(active(&world), 60, "{:?}", report.reasons);
}

/// The same for a hub that lost single findings.
#[tokio::test(start_paused = true)]
async fn a_finding_that_a_reconciliation_could_not_send_is_sent_by_a_scan() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    // The same hub, without findings.
    let world = world.with_hubs_of(crate::world(|config| config).simulator);
    world.simulator.inject(Fault::error(403).on(Operation::BatchImportFindings).in_region("eu-west-1"));
    reconcile(&world).await;
    world.simulator.clear_faults();
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("2")).await;
    assert_eq!(active(&world), 60, "{:?}", report.reasons);
}

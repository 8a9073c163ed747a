//! MANUAL findings, whose checks leave the verdict to a user, are never sent, and earlier findings of these checks are unchanged.

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::report::RunStatus;

use crate::hub_assertions::held;
use crate::promises::{failed, imports, scan};
use crate::{ACCOUNT, OTHER, Run, export, integrate, world};

#[tokio::test(start_paused = true)]
async fn no_active_finding_is_archived_when_its_check_becomes_manual() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3600).await;
    let mut results = failed(30);
    // One finding of each of the first three Regions becomes MANUAL, and one is really resolved.
    results.iter_mut().take(3).for_each(|result| result.manual = true);
    results.pop();
    let report = export(&world, scan(1, results.clone()).upload("2")).await;
    assert_eq!((report.counts.filtered["manual"], report.counts.archived), (3, 1), "{:?}", report.reasons);
    assert_eq!((report.counts.sent, report.counts.unchanged), (0, 26));
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 29);
    // With a verdict, they are findings like any others: one passes now and is archived, the other two are unchanged.
    world.sleep(3600).await;
    results.iter_mut().for_each(|result| result.manual = false);
    results[0].failed = false;
    let report = export(&world, scan(2, results).upload("3")).await;
    assert_eq!((report.counts.sent, report.counts.unchanged, report.counts.archived), (0, 28, 1));
}

#[tokio::test(start_paused = true)]
async fn a_redirected_finding_stays_active_when_its_check_becomes_manual() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |integration| integration.fallback_region = Some("us-east-1".parse().unwrap()));
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3600).await;
    let mut results = failed(30);
    results.iter_mut().filter(|result| result.region == "sa-east-1").for_each(|result| result.manual = true);
    let report = export(&world, scan(1, results).upload("2")).await;
    assert_eq!((report.counts.unchanged, report.counts.archived), (20, 0), "{:?}", report.reasons);
    assert_eq!(report.counts.filtered["manual"], 10);
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_scan_of_nothing_but_manual_checks_archives_nothing() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3600).await;
    let mut results = failed(31).split_off(30);
    results[0].manual = true;
    let options = Options { approval: Approval { pending: true, unproven: false }, ..Options::default() };
    let scanned = scan(1, results);
    let report = Run { options, ..Run::new(&world) }.go(scanned.upload("2")).await.unwrap().unwrap();
    assert_eq!((report.counts.filtered["manual"], report.counts.archived), (1, 0));
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 30);
    // An account without an integration is not a problem either, as long as nothing would be sent for it.
    let mut other = scanned.clone();
    other.account = OTHER.parse().unwrap();
    let before = imports(&world);
    let report = export(&world, other.upload("3")).await;
    assert_eq!((report.status, report.counts.filtered["manual"]), (RunStatus::Succeeded, 1), "{:?}", report.reasons);
    assert_eq!(imports(&world), before);
}

#[tokio::test(start_paused = true)]
async fn an_older_scan_is_superseded_even_with_manual_findings() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let mut older = scan(0, failed(5));
    older.results[0].manual = true;
    world.sleep(3 * 3600).await;
    export(&world, scan(2, failed(5)).upload("newer")).await;
    let report = export(&world, older.upload("older")).await;
    assert_eq!(report.status, RunStatus::Superseded, "{:?}", report.reasons);
    assert_eq!((report.counts.filtered["manual"], report.counts.filtered["superseded"]), (1, 4));
}

//! A pending archive names the services or Regions that look unusual, and its sums are those of its list.

use std::collections::BTreeMap;

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::model::integration::ArchiveScope;
use exporter::report::{PendingArchive, PendingClass, PendingSums, RunReport, UnusualGroup};

use crate::evidence::{INSTANCE, PUBLIC, active, listed, of};
use crate::fake_aws::World;
use crate::promises::scan;
use crate::scan::Result;
use crate::{ACCOUNT, REGIONS, Run, export, integrate, plan, world};
use exporter::testing::Lifetime;

const SNAPSHOT: &str = "ec2_ebs_public_snapshot";

/// Failed results of a check, so many in each Region.
fn each(check: &'static str, count: u32) -> Vec<Result> {
    REGIONS.into_iter().flat_map(|region| (0..count).map(move |number| of(check, region, number))).collect()
}

/// Everything that the account has.
fn whole() -> Vec<Result> {
    [each(INSTANCE, 20), each(SNAPSHOT, 1), each(PUBLIC, 20)].concat()
}

/// A scan in which one check of EC2 did not run, so many buckets passed and are muted, and one is gone.
fn without_instances(passed: usize, muted: usize) -> Vec<Result> {
    let mut results: Vec<_> = whole().into_iter().filter(|one| one.check != INSTANCE).collect();
    results.iter_mut().filter(|one| one.check == PUBLIC).take(passed).for_each(|one| one.failed = false);
    results.iter_mut().rev().filter(|one| one.check == PUBLIC).take(muted).for_each(|one| one.muted = true);
    let gone = results.iter().position(|one| one.check == PUBLIC && one.failed && !one.muted).unwrap();
    results.remove(gone);
    results
}

fn pending_of(report: &RunReport) -> &PendingArchive {
    report.accounts[&ACCOUNT.parse().unwrap()].pending_archive.as_ref().unwrap()
}

/// The account after two scans; of the second one a check did not run. The report of the third, which is like the second.
async fn unusual() -> (World, RunReport) {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 10);
    assert_eq!(export(&world, scan(0, whole()).upload("0")).await.counts.sent, 123);
    world.sleep(3600).await;
    let report = export(&world, scan(1, without_instances(3, 0)).upload("1")).await;
    assert_eq!((report.counts.archived, report.counts.absent), (4, 60), "{:?}", report.reasons);
    world.sleep(3600).await;
    let planned = plan(&world, scan(2, without_instances(7, 2)).upload("2")).await;
    let report = export(&world, scan(2, without_instances(7, 2)).upload("2")).await;
    assert_eq!(pending_of(&planned), pending_of(&report), "a plan says the same");
    (world, report)
}

fn hour(hours: i64) -> jiff::Timestamp {
    scan(hours, Vec::new()).at
}

#[tokio::test(start_paused = true)]
async fn a_pending_archive_names_services_with_far_fewer_results() {
    let (world, report) = unusual().await;
    let archive = pending_of(&report);
    let unusual = archive.unusual.as_ref().unwrap();
    assert_eq!((unusual.by, unusual.names.join(" ").as_str()), (UnusualGroup::Service, "ec2"));
    assert_eq!((unusual.findings, unusual.results, unusual.active), (60, 3, 63));
    assert_eq!(
        (unusual.earlier_results, unusual.earlier_scanned_at),
        (63, Some(hour(0))),
        "not the second scan, in which they were already absent"
    );
    let s3 = &archive.services["s3"];
    assert_eq!((s3.active, s3.proven, s3.absent, s3.passed, s3.muted, s3.results), (56, 1, 0, 3, 2, 59));
    assert_eq!(s3.earlier.unwrap().scanned_at, hour(1));
    assert_eq!(archive.regions.values().map(|sums| sums.results).sum::<u64>(), 62);
    assert_eq!(active(&world), 119, "nothing was archived");
}

#[tokio::test(start_paused = true)]
async fn the_sums_of_a_pending_archive_are_those_of_its_list() {
    let (world, report) = unusual().await;
    let (mut services, mut regions) = (BTreeMap::<_, PendingSums>::new(), BTreeMap::<_, PendingSums>::new());
    for finding in listed(&world, &report) {
        for sums in [services.entry(finding.service).or_default(), regions.entry(finding.region).or_default()] {
            match finding.class {
                PendingClass::Passed => sums.passed += 1,
                PendingClass::Muted => sums.muted += 1,
                PendingClass::Proven => sums.proven += 1,
                PendingClass::Absent => sums.absent += 1,
                PendingClass::Moved | PendingClass::Unproven => panic!("the limit is not about these"),
            }
        }
    }
    let classes = |sums: &PendingSums| (sums.proven, sums.absent, sums.passed, sums.muted);
    let archive = pending_of(&report);
    for (service, sums) in &archive.services {
        assert_eq!(classes(sums), classes(&services.remove(service).unwrap_or_default()), "{service}");
    }
    for (region, sums) in &archive.regions {
        assert_eq!(classes(sums), classes(&regions.remove(region).unwrap_or_default()), "{region}");
    }
    assert!(services.is_empty() && regions.is_empty(), "{services:?} {regions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replay_with_the_scope_partial_archives_what_was_announced() {
    let (world, report) = unusual().await;
    let announced = pending_of(&report).with_partial_scope;
    assert_eq!(announced, Some(6));
    integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Partial);
    let options = Options { reexport: true, ..Options::default() };
    let upload = scan(2, without_instances(7, 2)).upload("2");
    let report = Run { options, ..Run::new(&world) }.go(upload).await.unwrap().unwrap();
    assert_eq!((Some(report.counts.archived), active(&world)), (announced, 113), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_approved_scan_is_what_the_next_ones_are_compared_with() {
    let (world, _) = unusual().await;
    let approval = Approval { pending: true, unproven: false };
    let options = Options { reexport: true, approval, ..Options::default() };
    let upload = scan(2, without_instances(7, 2)).upload("2");
    let report = Run { options, ..Run::new(&world) }.go(upload).await.unwrap().unwrap();
    assert_eq!((report.counts.archived, active(&world)), (66, 53), "{:?}", report.reasons);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 0);
    world.sleep(3600).await;
    let report = export(&world, scan(3, without_instances(9, 2)).upload("3")).await;
    let archive = pending_of(&report);
    assert_eq!((archive.unusual.as_ref(), archive.services["ec2"].earlier.unwrap().results), (None, 3));
}

#[tokio::test(start_paused = true)]
async fn a_pending_archive_names_regions_with_far_fewer_results() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 10);
    let all = [each(INSTANCE, 20), each(PUBLIC, 20)].concat();
    export(&world, scan(0, all.clone()).upload("0")).await;
    world.sleep(3600).await;
    let is_seen = |one: &Result| one.region != "eu-west-1" || one.resource.ends_with("-0");
    let report = export(&world, scan(1, all.into_iter().filter(is_seen).collect()).upload("1")).await;
    let unusual = pending_of(&report).unusual.as_ref().unwrap();
    assert_eq!((unusual.by, unusual.names.join(" ").as_str()), (UnusualGroup::Region, "eu-west-1"));
    assert_eq!((unusual.findings, unusual.results, unusual.earlier_results), (38, 2, 40));
}

#[tokio::test(start_paused = true)]
async fn copies_in_the_fallback_region_count_for_their_own_region() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    let fallback = "us-east-1".parse().unwrap();
    integrate(&world, ACCOUNT, |integration| {
        (integration.archive_limit_percent, integration.fallback_region) = (10, Some(fallback));
    });
    export(&world, scan(0, each(PUBLIC, 30)).upload("0")).await;
    world.sleep(3600).await;
    let mut results = each(PUBLIC, 30);
    results.iter_mut().filter(|one| one.region == "sa-east-1").take(25).for_each(|one| one.failed = false);
    let report = export(&world, scan(1, results).upload("1")).await;
    let regions = &pending_of(&report).regions;
    let of = |region: &str| regions.get(&region.parse().unwrap()).map(|sums| (sums.active, sums.passed, sums.results));
    assert_eq!(of("sa-east-1"), Some((30, 25, 30)), "{:?}", report.reasons);
    assert_eq!((of("us-east-1"), of("eu-west-1")), (Some((30, 0, 30)), Some((30, 0, 30))));
}

#[tokio::test(start_paused = true)]
async fn copies_that_a_killed_run_archived_are_in_all_sums() {
    let mut counted = 0;
    for killed_at in 10..60 {
        let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
        let fallback = "us-east-1".parse().unwrap();
        integrate(&world, ACCOUNT, |integration| {
            (integration.archive_limit_percent, integration.fallback_region) = (50, Some(fallback));
        });
        export(&world, scan(0, each(PUBLIC, 30)).upload("0")).await;
        world.sleep(2 * 3600).await;
        // Of the Region without a hub, all findings are gone; one check of it passes.
        let all: Vec<_> = each(PUBLIC, 31).into_iter().filter(|one| !one.resource.ends_with("-30")).collect();
        let mut passed = of(PUBLIC, "sa-east-1", 1000);
        passed.failed = false;
        let gone: Vec<_> = all.iter().filter(|one| one.region != "sa-east-1").cloned().chain([passed]).collect();
        let lifetime = Lifetime::until(Some(killed_at), killed_at % 3 != 0);
        let killed = Run { lifetime, ..Run::new(&world) }.go(scan(1, gone.clone()).upload("1")).await.is_none();
        world.sleep(2 * 3600).await;
        integrate(&world, ACCOUNT, |integration| {
            (integration.archive_limit_percent, integration.fallback_region) = (0, Some(fallback));
        });
        // `go` asserts that the sums are those of the decision.
        let report = export(&world, scan(2, gone).upload("2")).await;
        counted += u32::from(killed && report.accounts[&ACCOUNT.parse().unwrap()].pending_archive.is_some());
    }
    assert!(counted > 5, "{counted}");
}

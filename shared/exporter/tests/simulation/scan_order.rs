//! The order of scans: each finding is compared with its own scan time, and all concurrent scans of parts are exported.

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::model::integration::ArchiveScope;
use exporter::report::{RunReport, RunStatus};
use jiff::SignedDuration;
use simulator::{Fault, Operation};

use crate::evidence::{ENCRYPTION, INSTANCE, PUBLIC, active, base, begun, evidence, of, without};
use crate::fake_aws::World;
use crate::hub_assertions::{assert_equal, held};
use crate::promises::{failed, imports, result, scan};
use crate::scan::{Result, Scanned};
use crate::{ACCOUNT, Run, export, integrate, world};

/// The entries of a scan with their own scan times, as in a file of several scans.
fn dated(scanned: &Scanned) -> Vec<Result> {
    scanned.results.iter().map(|one| Result { at: Some(scanned.at), ..one.clone() }).collect()
}

#[tokio::test(start_paused = true)]
async fn two_files_with_one_scan_time_archive_nothing_of_each_other() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 100);
    let all = failed(200);
    for (key, half) in [("part-1", &all[..100]), ("part-2", &all[100..]), ("part-1 again", &all[..100])] {
        let report = export(&world, scan(0, half.to_vec()).upload(key)).await;
        assert_eq!(evidence(&report), (0, 0, 0), "{key}: {:?}", report.reasons);
        world.sleep(60).await;
    }
    assert_eq!(active(&world), 200);
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_finding_is_resent_even_if_scan_times_differ() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let mut scanned = scan(0, (0..50).map(|number| result(number, "eu-west-1")).collect());
    for one in &mut scanned.results[1..] {
        one.at = Some(scanned.at + SignedDuration::from_secs(5));
    }
    world.sleep(60).await;
    world.simulator.inject(Fault::error(503).on(Operation::BatchImportFindings));
    assert!(export(&world, scanned.upload("1")).await.status.should_retry());
    world.simulator.clear_faults();
    world.sleep(5400).await;
    let report = export(&world, scanned.upload("1")).await;
    assert_eq!((report.counts.sent, active(&world)), (50, 50), "{:?} {:?}", report.counts.filtered, report.reasons);
}

#[tokio::test(start_paused = true)]
async fn two_concurrent_partial_scans_are_both_exported_in_any_order() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Partial);
    world.sleep(3600).await;
    let long = scan(0, failed(60));
    let mut short = scan(0, (0..30).map(|number| of(INSTANCE, "eu-west-1", number)).collect());
    short.at = long.at + SignedDuration::from_secs(2);
    assert_eq!(export(&world, short.upload("ec2")).await.counts.sent, 30);
    let report = export(&world, long.upload("s3")).await;
    assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 60), "{:?}", report.reasons);
    assert_eq!(active(&world), 90);
}

#[tokio::test(start_paused = true)]
async fn an_older_partial_scan_does_not_change_findings_of_a_newer_one() {
    let world = begun(|integration| integration.archive_scope = ArchiveScope::Partial).await;
    let in_region =
        |check: &str| base().into_iter().filter(|one| one.check == check && one.region == "eu-west-1").collect();
    let s3: Vec<_> = in_region(PUBLIC);
    // In the newer scan, the first finding passes, the second is absent, and the third has changed.
    let mut newer = s3.clone();
    newer[0].failed = false;
    newer[2].detail = 5;
    newer.remove(1);
    world.sleep(7200).await;
    let report = export(&world, scan(2, newer.clone()).upload("newer")).await;
    assert_eq!((report.counts.archived, report.counts.sent), (2, 1), "{:?}", report.reasons);
    // The older scan has them unchanged, lacks the last one, and has another check that the newer scan doesn't include.
    let mut older = s3[..4].to_vec();
    let mut other: Vec<_> = in_region(ENCRYPTION);
    other[0].detail = 7;
    other.remove(4);
    older.extend(other);
    let report = export(&world, scan(1, older).upload("older")).await;
    assert_eq!((report.counts.sent, report.counts.archived), (1, 1), "{:?} {:?}", report.counts, report.reasons);
    let active = held(&world, ACCOUNT.parse().unwrap(), "ACTIVE");
    assert_eq!(active.len(), 42);
    let place = |one: &Result| (one.region.to_owned(), one.id(ACCOUNT.parse().unwrap()));
    assert!(!active.contains_key(&place(&s3[0])) && !active.contains_key(&place(&s3[1])));
    assert!(active[&place(&s3[2])].description.ends_with("take 5"));
    assert!(active.contains_key(&place(&s3[4])), "the newer scan has the finding");
}

#[tokio::test(start_paused = true)]
async fn a_new_finding_of_an_older_partial_scan_is_superseded_by_a_newer_one() {
    let world = begun(|integration| integration.archive_scope = ArchiveScope::Partial).await;
    let s3: Vec<_> = base().into_iter().filter(|one| one.check == PUBLIC && one.region == "eu-west-1").collect();
    world.sleep(7200).await;
    export(&world, scan(2, s3.clone()).upload("newer")).await;
    let mut older = s3;
    older.extend(base().into_iter().filter(|one| one.check == PUBLIC && one.region == "us-east-1"));
    older.push(of(PUBLIC, "eu-west-1", 77));
    older.extend(base().into_iter().filter(|one| one.check == PUBLIC && one.region == "us-east-1"));
    older.push(of(PUBLIC, "us-east-1", 77));
    let report = export(&world, scan(1, older).upload("older")).await;
    assert_eq!(report.counts.sent, 1, "{:?}", report.counts);
    assert_eq!(active(&world), 46, "the newer scan in eu-west-1 showed it as fixed");
}

#[tokio::test(start_paused = true)]
async fn observed_scans_are_accepted_in_any_order() {
    let world = begun(|integration| integration.archive_scope = ArchiveScope::Observed).await;
    world.sleep(7200).await;
    let mut fixed = of(PUBLIC, "eu-west-1", 0);
    fixed.failed = false;
    export(&world, scan(2, vec![fixed, of(PUBLIC, "eu-west-1", 90)]).upload("newer")).await;
    let older = vec![of(PUBLIC, "eu-west-1", 0), of(PUBLIC, "eu-west-1", 1), of(PUBLIC, "eu-west-1", 91)];
    let report = export(&world, scan(1, older).upload("older")).await;
    assert_eq!(
        report.counts.sent, 1,
        "a finding that the newer scan fixed stays archived, and a new one is sent: {:?}",
        report.counts
    );
    assert_eq!(active(&world), 46);
}

/// Yesterday's scan and today's in one file, with one finding of each kind.
async fn two_days(newest_first: bool) -> (World, RunReport) {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let yesterday = scan(0, base());
    export(&world, yesterday.upload("yesterday")).await;
    world.sleep(24 * 3600).await;
    let mut results = base();
    results[0].failed = false;
    results[1].muted = true;
    results[2].detail = 4;
    results.remove(44);
    results.push(of(INSTANCE, "sa-east-1", 50));
    let today = scan(24, results);
    let mut files = [dated(&yesterday), dated(&today)];
    if newest_first {
        files.reverse();
    }
    let both = scan(24, files.concat());
    let report = export(&world, both.upload("both")).await;
    let mut expected = today.wanted(&integration);
    let absent = &yesterday.results[44];
    let place = (absent.region.to_owned(), absent.id(yesterday.account));
    expected.insert(place, ("FAILED", absent.description()));
    assert_equal(&world, today.account, &expected, "the newest entry counts, whatever its position");
    (world, report)
}

#[tokio::test(start_paused = true)]
async fn the_newest_entry_of_a_finding_counts_at_any_position_of_the_file() {
    for newest_first in [false, true] {
        let (world, report) = two_days(newest_first).await;
        assert_eq!(
            report.counts.archived, 2,
            "findings that the newest entries show as passed and muted: {:?}",
            report.reasons
        );
        assert_eq!(report.counts.unproven, 0, "the finding that today's scan lacks is in the file");
        assert_eq!(report.accounts[&ACCOUNT.parse().unwrap()].scan_times.len(), 2);
        // Exporting the same file again changes nothing.
        let calls = imports(&world);
        world.sleep(600).await;
        let mut results = base();
        results[0].failed = false;
        results[1].muted = true;
        results[2].detail = 4;
        results.remove(44);
        results.push(of(INSTANCE, "sa-east-1", 50));
        let mut files = [dated(&scan(0, base())), dated(&scan(24, results))];
        if newest_first {
            files.reverse();
        }
        let report = export(&world, scan(24, files.concat()).upload("again")).await;
        assert_eq!((report.counts.sent, report.counts.archived, imports(&world)), (0, 0, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_entry_of_a_file_never_overwrites_a_newer_one() {
    for position in [0, 20, 45] {
        let world = begun(|_| {}).await;
        // A newer scan fixes ten findings and changes one.
        let mut newer = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
        newer[0].detail = 9;
        world.sleep(3 * 3600).await;
        export(&world, scan(3, newer.clone()).upload("newer")).await;
        assert_eq!(active(&world), 42);
        // A file with an older scan than that, and with a newer one.
        let mut results = dated(&scan(4, newer));
        results.splice(position.min(results.len())..position.min(results.len()), dated(&scan(1, base())));
        world.sleep(3600).await;
        let report = export(&world, scan(4, results).upload("both")).await;
        assert_eq!((report.counts.sent, report.counts.archived), (0, 0), "{position}: {:?}", report.counts);
        assert_eq!(active(&world), 42, "{position}: findings of an older scan stay resolved");
    }
}

#[tokio::test(start_paused = true)]
async fn of_entries_with_equal_times_the_worse_status_counts() {
    for reverse in [false, true] {
        let world = begun(|_| {}).await;
        let mut results = base();
        let passed = Result { failed: false, ..of(PUBLIC, "us-east-1", 0) };
        let muted = Result { muted: true, ..of(PUBLIC, "us-east-1", 1) };
        results.extend([passed, muted]);
        if reverse {
            results.reverse();
        }
        let report = export(&world, scan(1, results).upload("1")).await;
        assert_eq!((report.counts.archived, active(&world)), (0, 45), "{:?}", report.reasons);
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_full_scan_changes_nothing_even_if_the_newer_is_truncated() {
    let world = begun(|_| {}).await;
    world.sleep(7200).await;
    let newer = Scanned { cut: Some(10), ..scan(2, base()) };
    export(&world, newer.upload("newer")).await;
    let report = export(&world, scan(1, without(|one| one.check == PUBLIC)).upload("older")).await;
    assert_eq!((report.status, report.counts.archived, active(&world)), (RunStatus::Superseded, 0, 45));
}

#[tokio::test(start_paused = true)]
async fn unproven_findings_of_several_scans_can_be_approved_in_any_order() {
    for first in [0, 20] {
        let world = begun(|_| {}).await;
        let mut results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
        results[first].at = Some(scan(1, Vec::new()).at - SignedDuration::from_secs(90));
        let scanned = scan(1, results);
        for again in [false, true] {
            let options = Options { reexport: again, ..Options::default() };
            let report = Run { options, ..Run::new(&world) }.go(scanned.upload("1")).await.unwrap().unwrap();
            assert_eq!(evidence(&report), (0, 0, 3), "{first} {again}: {:?}", report.reasons);
            world.sleep(60).await;
        }
        let approval = Approval { pending: false, unproven: true };
        let options = Options { reexport: true, approval, ..Options::default() };
        let report = Run { options, ..Run::new(&world) }.go(scanned.upload("1")).await.unwrap().unwrap();
        assert_eq!((report.counts.archived, active(&world)), (3, 42), "{first}: {:?}", report.reasons);
    }
}

//! Redriving the quarantine.

use exporter::jobs::{Options, Redrive, RunnerError};
use exporter::model::integration::ArchiveScope;
use exporter::report::{RunKind, RunReport, RunStatus};
use simulator::{Effect, Fault};

use crate::fake_aws::World;
use crate::hub_assertions::{assert_equal, held};
use crate::promises::{failed, imports, scan};
use crate::scan::Scanned;
use crate::{ACCOUNT, Run, export, integrate, runner, world};

/// Makes the service reject these findings of a scan, with this message.
fn refuse(world: &World, scanned: &Scanned, numbers: &[usize], words: &str) {
    for number in numbers {
        world.simulator.inject(Fault::new(Effect::FailFindings {
            id_contains: scanned.results[*number].id(scanned.account),
            code: "InvalidInput".to_owned(),
            message: words.to_owned(),
        }));
    }
}

/// The entries of a run's quarantine: code, message, and Id.
fn lies(world: &World, run: &RunReport) -> Vec<(String, String, String)> {
    let contents = world.contents();
    let (_, lines) = &contents.objects[&RunReport::quarantine_key(&run.run_id)];
    let entry = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"), text("id"))
    };
    std::str::from_utf8(lines).unwrap().lines().map(entry).collect()
}

fn of(run: &RunReport) -> Redrive {
    Redrive { run_id: Some(run.run_id.clone()), code: None }
}

async fn redrive(world: &World, what: &Redrive) -> RunReport {
    let [run] = runner(world).redrive(what, &Options::default()).await.unwrap().try_into().unwrap();
    assert!(run.counts.is_balanced());
    run
}

fn recorded(world: &World, run: &RunReport) -> RunReport {
    world.contents().run(&run.run_id).unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn an_accepted_entry_is_sent_and_removed_from_the_quarantine() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(90));
    refuse(&world, &first, &[7, 8], "no");
    let run = export(&world, first.upload("1")).await;
    assert_eq!(run.in_quarantine()["InvalidInput"], 2);
    world.simulator.clear_faults();
    world.sleep(3600).await;

    let again = redrive(&world, &of(&run)).await;

    assert_eq!((again.status, again.kind), (RunStatus::Succeeded, RunKind::Redrive), "{:?}", again.reasons);
    assert_eq!((again.counts.read, again.counts.sent), (2, 2));
    assert_equal(&world, first.account, &first.wanted(&integration), "after the redrive");
    assert_eq!(lies(&world, &run), []);
    assert!(recorded(&world, &run).in_quarantine().is_empty());
    assert_eq!(recorded(&world, &run).counts, run.counts, "the counts of the run are unchanged");
    let first_seen = held(&world, first.account, "ACTIVE").into_values().all(|held| held.first_observed_at == first.at);
    assert!(first_seen);
    let nothing = runner(&world).redrive(&of(&run), &Options::default()).await;
    assert!(matches!(nothing, Err(RunnerError::Rejected(_))), "{nothing:?}");

    // The next scan finds these findings unchanged.
    world.sleep(3600).await;
    let report = export(&world, scan(1, failed(90)).upload("2")).await;
    assert_eq!((report.counts.unchanged, report.counts.sent), (90, 0));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_fails_again_is_saved_with_the_new_reason() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(90));
    refuse(&world, &first, &[7, 8], "no");
    let run = export(&world, first.upload("1")).await;
    world.simulator.clear_faults();
    refuse(&world, &first, &[8], "never");
    let again = redrive(&world, &of(&run)).await;
    assert_eq!(
        (again.status, again.counts.sent, again.counts.quarantined["InvalidInput"]),
        (RunStatus::Degraded, 1, 1)
    );
    let left = ("InvalidInput".to_owned(), "never".to_owned(), first.results[8].id(first.account));
    assert_eq!(lies(&world, &run), [left]);
    assert_eq!(recorded(&world, &run).in_quarantine()["InvalidInput"], 1);
    assert!(again.in_quarantine().is_empty(), "the entry is in one quarantine only");
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_was_not_attempted_is_unchanged() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(90));
    refuse(&world, &first, &[6, 7, 8], "no");
    let run = export(&world, first.upload("1")).await;
    let before = lies(&world, &run);
    integrate(&world, ACCOUNT, |integration| integration.enabled = false);
    let again = redrive(&world, &of(&run)).await;
    assert_eq!(again.counts.undelivered["integration_disabled"], 3);
    assert_eq!(lies(&world, &run), before);

    world.simulator.clear_faults();
    integrate(&world, ACCOUNT, |_| {});
    world.simulator.inject(Fault::error(503).in_region("eu-west-1"));
    let again = redrive(&world, &of(&run)).await;
    assert_eq!((again.counts.sent, again.counts.undelivered["service_error"]), (2, 1), "{:?}", again.counts);
    assert_eq!(lies(&world, &run).len(), 1);
    world.simulator.clear_faults();
    let again = redrive(&world, &of(&run)).await;
    assert_eq!((again.counts.sent, lies(&world, &run).len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_redrive_does_not_overwrite_a_newer_scan() {
    for archive_scope in [ArchiveScope::Full, ArchiveScope::Partial] {
        let world = world(|config| config);
        let integration = integrate(&world, ACCOUNT, |integration| integration.archive_scope = archive_scope);
        let first = scan(0, failed(30));
        refuse(&world, &first, &[7], "no");
        let run = export(&world, first.upload("1")).await;
        world.simulator.clear_faults();
        world.sleep(3600).await;
        let mut results = failed(30);
        results[7].detail = 9;
        let second = scan(1, results);
        export(&world, second.upload("2")).await;
        let calls = imports(&world);
        let again = redrive(&world, &of(&run)).await;
        assert_eq!((again.counts.sent, again.counts.filtered["superseded"]), (0, 1), "{archive_scope:?}");
        assert_eq!((imports(&world), lies(&world, &run).len()), (calls, 0));
        assert_equal(&world, second.account, &second.wanted(&integration), "after the redrive");
        // Another scan with the same time is not older than the redriven findings.
        world.sleep(3600).await;
        assert_eq!(export(&world, scan(2, second.results.clone()).upload("3")).await.counts.unchanged, 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_partial_scan_does_not_complete_entries_of_other_checks() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Partial);
    let first = scan(0, failed(30));
    refuse(&world, &first, &[7], "no");
    let run = export(&world, first.upload("1")).await;
    world.simulator.clear_faults();
    world.sleep(3600).await;
    let mut results = failed(3);
    for result in &mut results {
        result.check = "s3_bucket_default_encryption";
    }
    let newer = scan(1, results);
    export(&world, newer.upload("2")).await;
    let again = redrive(&world, &of(&run)).await;
    assert_eq!((again.status, again.counts.sent), (RunStatus::Succeeded, 1), "{:?}", again.counts);
    let both = first.wanted(&integration).into_iter().chain(newer.wanted(&integration)).collect();
    assert_equal(&world, first.account, &both, "after the redrive");
}

#[tokio::test(start_paused = true)]
async fn an_unmappable_entry_is_mapped_again_and_the_settings_apply() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let mut results = failed(30);
    // A Region that this release doesn't know; one finding in it passes.
    for result in &mut results[10..13] {
        result.region = "xx-west-9";
    }
    results[12].failed = false;
    let mut first = scan(0, results);
    let run = export(&world, first.upload("1")).await;
    let code = run.in_quarantine().into_keys().next().unwrap();
    assert_eq!(run.in_quarantine()[&code], 3, "{:?}", run.counts);
    let again = redrive(&world, &of(&run)).await;
    assert_eq!((again.counts.read, again.counts.quarantined[&code], lies(&world, &run).len()), (3, 3, 3));
    // Simulates a later release that knows the Region.
    let key = RunReport::quarantine_key(&run.run_id);
    let lines = String::from_utf8(world.contents().objects[&key].1.to_vec()).unwrap();
    let known = lines.replace("xx-west-9", "eu-west-1");
    world.contents().objects.get_mut(&key).unwrap().1 = known.into();
    let again = redrive(&world, &of(&run)).await;
    assert_eq!((again.counts.sent, again.counts.filtered["passed"], lies(&world, &run).len()), (2, 1, 0));
    for result in &mut first.results[10..13] {
        result.region = "eu-west-1";
    }
    assert_equal(&world, first.account, &first.wanted(&integration), "after the redrive");
}

#[tokio::test(start_paused = true)]
async fn a_redrive_selects_entries_by_code_and_run() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Observed);
    let mut results = failed(30);
    results[10].region = "xx-west-9";
    let first = scan(0, results);
    refuse(&world, &first, &[7], "no");
    let earlier = export(&world, first.upload("1")).await;
    world.sleep(3600).await;
    let second = scan(1, failed(40).split_off(30));
    refuse(&world, &second, &[3], "no");
    let later = export(&world, second.upload("2")).await;
    world.simulator.clear_faults();
    let what = Redrive { run_id: None, code: Some("InvalidInput".to_owned()) };
    let runs = runner(&world).redrive(&what, &Options::default()).await.unwrap();
    let about: Vec<_> = runs.iter().map(|run| (run.source_run_id.as_deref().unwrap(), run.counts.sent)).collect();
    assert_eq!(about, [(earlier.run_id.as_str(), 1), (later.run_id.as_str(), 1)]);
    assert_eq!((lies(&world, &earlier).len(), lies(&world, &later).len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_killed_redrive_loses_no_entry() {
    for killed_at in 0..40 {
        let world = world(|config| config);
        let integration = integrate(&world, ACCOUNT, |_| {});
        let first = scan(0, failed(30));
        refuse(&world, &first, &[7, 8, 9], "no");
        let run = export(&world, first.upload("1")).await;
        world.simulator.clear_faults();
        refuse(&world, &first, &[9], "never");
        world.sleep(3600).await;
        let what = of(&run);
        let run_of = Run::new(&world);
        run_of
            .until(killed_at, |runner| async move { runner.redrive(&what, &Options::default()).await.map(drop) })
            .await;
        world.sleep(7200).await;
        let again = runner(&world).redrive(&of(&run), &Options::default()).await.unwrap();
        assert_eq!(again[0].counts.quarantined["InvalidInput"], 1);
        assert_eq!(lies(&world, &run).len(), 1, "killed at call {killed_at}");
        world.simulator.clear_faults();
        redrive(&world, &of(&run)).await;
        assert_equal(&world, first.account, &first.wanted(&integration), "after all");
    }
}

#[tokio::test(start_paused = true)]
async fn no_entry_leaves_the_quarantine_while_the_state_cannot_be_saved() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(30));
    refuse(&world, &first, &[7, 8], "no");
    let run = export(&world, first.upload("1")).await;
    world.simulator.clear_faults();
    let before = lies(&world, &run);
    // Another process writes the states while the findings are being sent.
    let meddle = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        for (key, (etag, _)) in &mut world.contents().objects {
            if key.starts_with("state/") {
                *etag += 1_000_000;
            }
        }
    };
    let runner = runner(&world);
    let what = of(&run);
    let options = Options::default();
    let (outcome, ()) = tokio::join!(runner.redrive(&what, &options), meddle);
    assert!(matches!(outcome, Err(RunnerError::Failed(_))), "{outcome:?}");
    assert_eq!(lies(&world, &run), before);
    world.sleep(7200).await;
    let again = redrive(&world, &what).await;
    assert_eq!((again.status, again.counts.read), (RunStatus::Succeeded, 2), "{:?}", again.reasons);
    assert_eq!(lies(&world, &run), []);
    assert_equal(&world, first.account, &first.wanted(&integration), "after all");
}

//! Jobs of users for earlier runs.

use exporter::jobs::{Job, JobError, run_job};
use exporter::jobs::{JobRunner, Options, Reconcile, RunnerError};
use exporter::model::settings::Settings;
use exporter::ports::{AccountLocks as _, Clock as _};
use exporter::report::{Drift, RunKind, RunReport, RunStatus};
use jiff::SignedDuration;
use serde_json::json;
use simulator::{Caller, Effect, Fault, Operation};

use crate::fake_aws::{FakeAws, World};
use crate::hub_assertions::{assert_equal, held};
use crate::promises::{failed, imports, scan};
use crate::{ACCOUNT, OTHER, REGIONS, Run, export, integrate, runner, world};

fn account() -> asff::AccountId {
    ACCOUNT.parse().unwrap()
}

fn active(world: &World) -> usize {
    held(world, account(), "ACTIVE").len()
}

/// Exports sixty findings, and then a scan in which ten are absent, one passes, and one is muted. Returns the report of the run
/// that archived these.
async fn archived(world: &World) -> RunReport {
    integrate(world, ACCOUNT, |_| {});
    export(world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let mut results = failed(50);
    results[0].failed = false;
    results[1].muted = true;
    let report = export(world, scan(1, results).upload("2")).await;
    assert_eq!(report.counts.archived, 12);
    world.sleep(3600).await;
    report
}

#[tokio::test(start_paused = true)]
async fn undo_archive_restores_the_findings_of_a_run() {
    let world = world(|config| config);
    let run = archived(&world).await;
    let before = scan(0, failed(60)).wanted(&integrate(&world, ACCOUNT, |_| {}));

    let undone = runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();

    assert_eq!((undone.status, undone.kind), (RunStatus::Succeeded, RunKind::UndoArchive), "{:?}", undone.reasons);
    assert_eq!(undone.source_run_id.as_deref(), Some(run.run_id.as_str()));
    assert_eq!((undone.counts.read, undone.counts.sent), (12, 12));
    assert!(undone.counts.is_balanced());
    assert_equal(&world, account(), &before, "after the undoing");
    assert_eq!(world.contents().run(&undone.run_id), Some(&undone), "the job has a recorded run");

    // The second job has nothing to do.
    let calls = imports(&world);
    let again = runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
    assert_eq!((again.counts.sent, again.counts.filtered["modified_since"]), (0, 12));
    assert_eq!(imports(&world), calls);

    // The next scan decides again; findings that it still has are known to be in Security Hub.
    world.sleep(3600).await;
    let third = scan(3, failed(55));
    let report = export(&world, third.upload("3")).await;
    assert_eq!((report.counts.sent, report.counts.unchanged, report.counts.archived), (0, 55, 5));
}

#[tokio::test(start_paused = true)]
async fn undo_archive_works_if_disabled_but_not_during_deletion() {
    let world = world(|config| config);
    let run = archived(&world).await;
    let undo = async || runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
    let set = |enabled, deletion_requested_at: Option<&str>| {
        integrate(&world, ACCOUNT, |integration| {
            integration.enabled = enabled;
            integration.deletion_requested_at = deletion_requested_at.map(|since| since.parse().unwrap());
        })
    };

    set(false, Some("2026-03-01T08:00:00Z"));
    let blocked = undo().await;
    assert_eq!((blocked.counts.undelivered["integration_disabled"], active(&world)), (12, 48));
    let problem = blocked.accounts[&account()].problem.clone().unwrap();
    assert!(problem.contains(&format!("hubctl integration enable {ACCOUNT}")), "{problem}");

    set(false, None);
    let undone = undo().await;
    assert_eq!((undone.status, undone.counts.sent, active(&world)), (RunStatus::Succeeded, 12, 60));
}

#[tokio::test(start_paused = true)]
async fn undo_archive_does_not_change_decisions_of_later_runs() {
    let world = world(|config| config);
    let run = archived(&world).await;
    // Of the ten absent findings, four are in the next scan again, and others are absent.
    let mut results = failed(54);
    results.drain(10..20);
    let later = scan(2, results);
    let report = export(&world, later.upload("3")).await;
    assert_eq!((report.counts.archived, report.counts.sent), (10, 6), "{:?}", report.counts);
    world.sleep(3600).await;

    let undone = runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();

    assert_eq!((undone.counts.sent, undone.counts.filtered["modified_since"]), (6, 6));
    assert_eq!(active(&world), 44 + 6);
}

#[tokio::test(start_paused = true)]
async fn undo_archive_preserves_analysts_work_and_first_seen_times() {
    let world = world(|config| config);
    let run = archived(&world).await;
    let gone = scan(0, failed(60));
    let id = gone.results[57].id(gone.account);
    let update = json!({
        "FindingIdentifiers": [{ "Id": id, "ProductArn": "arn:aws:securityhub:us-east-1::product/prowler/prowler" }],
        "Workflow": { "Status": "SUPPRESSED" },
    });
    let body = update.to_string();
    assert!(world.simulator.batch_update_findings(&Caller::user(ACCOUNT), "us-east-1", body.as_bytes()).is_success());
    runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
    let finding = world.simulator.findings(ACCOUNT, "us-east-1").into_iter().find(|found| found["Id"] == id).unwrap();
    assert_eq!((&finding["RecordState"], &finding["Workflow"]["Status"]), (&json!("ACTIVE"), &json!("SUPPRESSED")));
    let first_seen: jiff::Timestamp = finding["FirstObservedAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(first_seen, gone.at);
}

#[tokio::test(start_paused = true)]
async fn undo_archive_counts_failures_and_resumes() {
    let world = world(|config| config);
    let run = archived(&world).await;
    let gone = scan(0, failed(60));
    world.simulator.inject(Fault::new(Effect::FailFindings {
        id_contains: gone.results[57].id(gone.account),
        code: "InvalidInput".to_owned(),
        message: "no".to_owned(),
    }));
    world.simulator.inject(Fault::error(503).in_region("eu-west-1"));
    let undone = runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
    assert_eq!((undone.counts.read, undone.counts.quarantined["InvalidInput"]), (12, 1));
    assert_eq!(undone.counts.undelivered["service_error"], 4, "{:?}", undone.counts);
    assert!(undone.status.should_retry());
    world.simulator.clear_faults();
    world.sleep(3600).await;
    let undone = runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
    assert_eq!((undone.status, undone.counts.sent), (RunStatus::Succeeded, 5), "{:?}", undone.reasons);
    assert_eq!(active(&world), 60);
}

#[tokio::test(start_paused = true)]
async fn undo_archive_rejects_runs_that_archived_nothing() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = export(&world, scan(0, failed(3)).upload("1")).await;
    for run_id in [first.run_id.as_str(), "no-such-run"] {
        let refused = runner(&world).undo_archive(run_id, &Options::default()).await;
        assert!(matches!(refused, Err(RunnerError::Rejected(_))), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn archive_all_archives_all_sent_findings() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    // The integration is disabled before its deletion. No archive limit applies.
    integrate(&world, ACCOUNT, |integration| (integration.enabled, integration.archive_limit_percent) = (false, 1));
    let options = Options::default();
    let report = runner(&world).archive_all(account(), &account().into(), None, &options).await.unwrap();
    assert_eq!((report.status, report.kind), (RunStatus::Succeeded, RunKind::ArchiveAll), "{:?}", report.reasons);
    assert_eq!((report.counts.read, report.counts.archived, options.progress.findings_sent()), (0, 300, 300));
    assert_eq!((active(&world), held(&world, account(), "ARCHIVED").len()), (0, 300));
    // The archive can be undone like any other.
    integrate(&world, ACCOUNT, |_| {});
    let undone = runner(&world).undo_archive(&report.run_id, &Options::default()).await.unwrap();
    assert_eq!((undone.counts.sent, active(&world)), (300, 300));
}

fn drift(report: &RunReport) -> Drift {
    let mut all = Drift::default();
    for region in report.accounts[&account()].regions.values() {
        all.merge(region.drift.as_ref().unwrap());
    }
    all
}

#[tokio::test(start_paused = true)]
async fn reconcile_reports_and_fixes_the_drift() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    // One Region is excluded for so long that Security Hub deletes its twenty findings. In another one, a user sent a finding
    // that the state doesn't have.
    integrate(&world, ACCOUNT, |integration| {
        integration.regions = Some(vec!["us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap()]);
    });
    world.sleep(60 * 24 * 3600).await;
    export(&world, scan(60 * 24, failed(60)).upload("2")).await;
    world.sleep(31 * 24 * 3600).await;
    let integration = integrate(&world, ACCOUNT, |_| {});
    let mut strange = world.simulator.findings(ACCOUNT, "us-east-1")[0].clone();
    let fields = strange.as_object_mut().unwrap();
    fields.retain(|name, _| !OF_THE_SERVICE.contains(&name.as_str()));
    fields.insert("Id".to_owned(), format!("prowler-iam_root_mfa_enabled-{ACCOUNT}-us-east-1-0123456789").into());
    let body = json!({ "Findings": [strange] }).to_string();
    assert!(world.simulator.batch_import_findings(&Caller::user(ACCOUNT), "us-east-1", body.as_bytes()).is_success());
    world.sleep(60).await;

    let calls = imports(&world);
    let dry = Reconcile { dry_run: true, ..Reconcile::default() };
    let report = runner(&world).reconcile(account(), &dry, &Options::default()).await.unwrap();
    let expected = Drift { same: 40, missing: 20, unknown: 1, ..Drift::default() };
    assert_eq!(drift(&report), expected, "{:?}", report.reasons);
    assert_eq!((imports(&world), report.counts.sent), (calls, 0), "a dry run changes nothing");

    let report = runner(&world).reconcile(account(), &Reconcile::default(), &Options::default()).await.unwrap();
    assert_eq!(drift(&report), Drift { fixed: 21, ..expected }, "{:?}", report.reasons);
    assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 20));
    assert_eq!(active(&world), 61);

    world.sleep(60).await;
    let report = runner(&world).reconcile(account(), &Reconcile::default(), &Options::default()).await.unwrap();
    assert_eq!(drift(&report), Drift { same: 61, ..Drift::default() });

    // Adopted findings are known: the next scan archives them, and sends nothing again.
    let next = scan(92 * 24, failed(60));
    world.sleep(48 * 3600).await;
    let report = export(&world, next.upload("3")).await;
    assert_eq!(report.counts.archived, 1, "{:?}", report.counts);
    assert_equal(&world, account(), &next.wanted(&integration), "after the next scan");
}

#[tokio::test(start_paused = true)]
async fn reconcile_uses_the_newer_of_two_versions() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(30));
    export(&world, first.upload("1")).await;
    let stale = world.contents().objects.clone();
    world.sleep(3600).await;
    let mut results = failed(27);
    for result in &mut results {
        result.detail = 1;
    }
    let second = scan(1, results);
    export(&world, second.upload("2")).await;
    // The state is that of the day before: Security Hub is newer, and three findings are archived there.
    world.contents().objects = stale;
    world.sleep(3600).await;
    let report = runner(&world).reconcile(account(), &Reconcile::default(), &Options::default()).await.unwrap();
    let found = drift(&report);
    assert_eq!((found.same, found.different, found.missing, found.unknown), (0, 27, 3, 0), "{:?}", report.reasons);
    assert_eq!(active(&world), 27, "findings that were archived later in Security Hub stay archived");
    // The opposite case: the state has a finding as archived that is active in Security Hub.
    let update = json!({ "Findings": [first_version(&world, "us-east-1", &first.results[27].id(first.account))] });
    let body = update.to_string();
    assert!(world.simulator.batch_import_findings(&Caller::user(ACCOUNT), "us-east-1", body.as_bytes()).is_success());
    assert_eq!(active(&world), 28);
    world.sleep(60).await;
    let report = runner(&world).reconcile(account(), &Reconcile::default(), &Options::default()).await.unwrap();
    assert_eq!((drift(&report).unknown, drift(&report).different), (0, 1), "another sender sent it later");
    assert_eq!((report.counts.sent, active(&world)), (2, 28), "archived findings of Security Hub are not read");
}

/// A finding of Security Hub as another user would send it again now, as active.
fn first_version(world: &World, region: &str, id: &str) -> serde_json::Value {
    let mut finding = world.simulator.findings(ACCOUNT, region).into_iter().find(|found| found["Id"] == id).unwrap();
    let fields = finding.as_object_mut().unwrap();
    fields.retain(|name, _| !OF_THE_SERVICE.contains(&name.as_str()));
    fields.insert("RecordState".to_owned(), "ACTIVE".into());
    fields.insert("UpdatedAt".to_owned(), world.now().to_string().into());
    finding
}

/// Fields that the service or analysts add to a finding.
const OF_THE_SERVICE: [&str; 8] =
    ["Severity", "Types", "Workflow", "WorkflowState", "ProductName", "CompanyName", "Region", "ProcessedAt"];

#[tokio::test(start_paused = true)]
async fn reconcile_fixes_nothing_if_the_hub_cannot_be_read() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(7200).await;
    world.simulator.inject(Fault::error(503).in_region("eu-west-1").on(Operation::GetFindings));
    let only = Reconcile { regions: REGIONS.iter().map(|name| name.parse().unwrap()).collect(), dry_run: false };
    let report = runner(&world).reconcile(account(), &only, &Options::default()).await.unwrap();
    assert_eq!((report.status, report.counts.sent), (RunStatus::Degraded, 0), "{:?}", report.reasons);
    let region = &report.accounts[&account()].regions[&"eu-west-1".parse().unwrap()];
    assert!(region.drift.as_ref().unwrap().unread.is_some());
    assert!(report.reasons.iter().any(|reason| reason.contains("eu-west-1")), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn each_job_has_its_documented_effect() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    integrate(&world, OTHER, |_| {});
    export(&world, scan(0, failed(30)).upload("1")).await;
    let aws = world.ports();
    let settings = Settings::default();
    let options = Options::default();
    let job = async |text: &str| {
        let job: Job = serde_json::from_str(text).unwrap();
        run_job(&aws, &settings, &job, &options).await
    };
    // Without accounts, the job is for all accounts that have a state.
    let runs = job(r#"{ "job": "reconcile", "dry_run": true }"#).await.unwrap();
    assert_eq!(runs.iter().map(|run| drift(run).same).collect::<Vec<_>>(), [30]);
    let since = "2026-03-01T07:00:00Z";
    let archive_all =
        format!(r#"{{ "job": "archive_all", "provider": "{ACCOUNT}", "deletion_requested_at": "{since}" }}"#);
    // An integration that is enabled or disabled, or whose deletion was requested later, is not the one to be deleted.
    for (enabled, deletion_requested_at) in [(true, None), (false, None), (false, Some("2026-03-01T08:00:00Z"))] {
        integrate(&world, ACCOUNT, |integration| {
            integration.enabled = enabled;
            integration.deletion_requested_at = deletion_requested_at.map(|since| since.parse().unwrap());
        });
        let late = job(&archive_all).await;
        assert!(matches!(late, Err(JobError::Rejected(_))), "{late:?}");
        assert_eq!(active(&world), 30, "a late job archives no findings of another integration");
    }
    integrate(&world, ACCOUNT, |integration| {
        integration.enabled = false;
        integration.deletion_requested_at = Some(since.parse().unwrap());
    });
    let (newest, in_doubt) = aws.lock_status(account()).await.unwrap().unwrap();
    let until = aws.now() + SignedDuration::from_mins(5);
    aws.acquire(account(), "another run", "", newest.newest, aws.now(), until).await.unwrap();
    let busy = job(&archive_all).await;
    assert!(matches!(busy, Err(JobError::Locked(_))), "a locked account is not a failure: {busy:?}");
    aws.release(account(), "another run", in_doubt, None).await.unwrap();
    let Err(JobError::PartlyRejected { runs, why }) = job(&archive_all).await else { panic!("not deleted") };
    assert!(why.contains("is not deleted"), "{why}");
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.counts.archived, active(&world)), (30, 0));
    integrate(&world, ACCOUNT, |_| {});
    let again = format!(r#"{{ "job": "undo_archive", "run_id": "{}" }}"#, run.run_id);
    assert_eq!(job(&again).await.unwrap()[0].counts.sent, 30);
    // No finding was ever sent for the other account.
    let runs = job(&format!(r#"{{ "job": "archive_all", "provider": "{OTHER}" }}"#)).await.unwrap();
    assert_eq!((runs[0].status, runs[0].counts.archived), (RunStatus::Succeeded, 0));
    assert_eq!(job(r#"{ "job": "redrive" }"#).await.unwrap(), [], "the quarantine is empty");
    for refused in [
        format!(r#"{{ "job": "replay", "run_id": "{}" }}"#, run.run_id),
        r#"{ "job": "approve", "run_id": "nobody" }"#.to_owned(),
        format!(r#"{{ "job": "redrive", "run_id": "{}" }}"#, run.run_id),
        r#"{ "job": "archive_all", "provider": "999999999999" }"#.to_owned(),
    ] {
        let outcome = job(&refused).await;
        assert!(matches!(outcome, Err(JobError::Rejected(_))), "{refused}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_undo_archive_is_completed_by_the_next_one() {
    for killed_at in 0..30 {
        let world = world(|config| config);
        let run = archived(&world).await;
        let run_id = run.run_id.clone();
        let undo =
            |jobs: JobRunner<FakeAws>| async move { jobs.undo_archive(&run_id, &Options::default()).await.map(drop) };
        Run::new(&world).until(killed_at, undo).await;
        world.sleep(7200).await;
        let again = runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
        assert!(again.counts.is_balanced() && again.status == RunStatus::Succeeded, "{killed_at}: {:?}", again.reasons);
        assert_eq!(active(&world), 60, "killed at call {killed_at}");
        assert!(held(&world, account(), "ACTIVE").into_values().all(|held| held.status == "FAILED"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_continues_even_if_a_finding_cannot_be_archived() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let results = crate::promises::failed(60);
    export(&world, crate::promises::scan(0, results.clone()).upload("1")).await;
    world.sleep(3600).await;
    let id = results[0].id(ACCOUNT.parse().unwrap());
    let refusal =
        simulator::Effect::FailFindings { id_contains: id, code: "InvalidInput".to_owned(), message: "no".to_owned() };
    world.simulator.inject(simulator::Fault::new(refusal));
    let since = "2026-03-01T08:00:00Z";
    integrate(&world, ACCOUNT, |integration| {
        integration.enabled = false;
        integration.deletion_requested_at = Some(since.parse().unwrap());
    });
    let archive_all =
        format!(r#"{{ "job": "archive_all", "provider": "{ACCOUNT}", "deletion_requested_at": "{since}" }}"#);
    let job = serde_json::from_str(&archive_all).unwrap();
    let aws = world.ports();
    let runs = run_job(&aws, &Settings::default(), &job, &Options::default()).await;
    // The in-memory table does not delete the integration, and reports that; the run itself is not a reason.
    let said = format!("{runs:?}");
    assert!(said.contains("archive_rejected: {\"InvalidInput\": 1}") && !said.contains("is degraded"), "{said}");
    assert_eq!(crate::evidence::active(&world), 1);
}

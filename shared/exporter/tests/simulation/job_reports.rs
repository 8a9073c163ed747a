//! Jobs that report: they change nothing except their own record and report.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use exporter::export;
use exporter::export::plan::{PlanError, plan};
use exporter::jobs::{Job, JobError, JobReport, JobState, Options, process, read_job_report};
use exporter::model::settings::Settings;
use exporter::model::upload::Upload;
use exporter::ports::{AccountLocks as _, Clock as _, Scans as _};
use exporter::report::{RunReport, RunStatus};
use exporter::testing::{Lifetime, StoredUpload};

use crate::fake_aws::{FakeAws, World};
use crate::jobs::{FROM_QUEUE, active, record, submitted, upload};
use crate::promises::{collect, failed, imports, scan};
use crate::scan::Expected;
use crate::{ACCOUNT, integrate, world};

/// The content that must not change.
#[derive(Debug, PartialEq)]
struct Contents {
    /// The objects, without the reports of jobs.
    objects: BTreeMap<String, (u64, Bytes)>,
    runs: Vec<RunReport>,
    imports: usize,
    active: usize,
}

fn contents(world: &World) -> Contents {
    let (imports, active) = (imports(world), active(world));
    let stored = world.contents();
    let mut objects = stored.objects.clone();
    objects.retain(|key, _| !key.ends_with("/job.json"));
    Contents { objects, runs: stored.runs.clone(), imports, active }
}

/// An account with 200 findings, and an uploaded scan with 90 of them and 10 new ones that was not exported yet.
async fn uploaded() -> World {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 100);
    upload(&world, "1", &scan(0, failed(200))).await;
    world.sleep(3600).await;
    let mut bytes = Vec::new();
    let mut results = failed(210);
    results.drain(90..200);
    collect(scan(1, results).upload("2"), &mut bytes).await;
    let stored = StoredUpload { etag: crate::scan::open("2", &bytes).info.etag, bytes: bytes.into() };
    world.contents().uploads.insert("2".to_owned(), stored);
    world
}

fn plan_of(key: &str) -> Job {
    Job::Plan { source: format!("s3://scans/{key}") }
}

async fn run(ports: &Arc<FakeAws>, message: &exporter::jobs::JobMessage) -> Result<Vec<RunReport>, JobError> {
    process(ports, &Settings::default(), message, FROM_QUEUE, &Options::default()).await.outcome
}

async fn report(world: &World, id: &str) -> Option<JobReport> {
    read_job_report(world.ports().as_ref(), id).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_plan_by_a_job_predicts_the_export_and_changes_nothing() {
    let world = uploaded().await;
    let before = contents(&world);
    let message = submitted(&world, "7", plan_of("2")).await;
    let ports = world.ports();
    assert_eq!(run(&ports, &message).await.unwrap(), [], "a plan is not a run");
    assert_eq!(contents(&world), before);
    assert_eq!(ports.locked_by(ACCOUNT.parse().unwrap(), ports.now()).await.unwrap(), None);
    let planned = report(&world, "7").await.unwrap().plan.unwrap().run;
    assert_eq!((record(&world, "7").state, planned.status), (JobState::Succeeded, RunStatus::Succeeded));

    // The queue delivers a message more than once.
    let stored = world.contents().objects[&JobReport::key("7")].clone();
    assert_eq!(run(&ports, &message).await.unwrap(), []);
    assert_eq!(world.contents().objects[&JobReport::key("7")], stored);

    let bytes = world.contents().uploads["2"].bytes.clone();
    let done = crate::export(&world, crate::scan::open("2", &bytes)).await;
    assert_eq!((planned.counts, planned.accounts.len()), (done.counts, 1));
}

#[tokio::test(start_paused = true)]
async fn a_killed_plan_changes_nothing_and_is_repeated() {
    for killed_at in 0..12 {
        let world = uploaded().await;
        let before = contents(&world);
        let message = submitted(&world, "7", plan_of("2")).await;
        let killed = world.run(Lifetime::until(Some(killed_at), killed_at % 2 == 0), Expected::new());
        tokio::select! {
            done = run(&killed, &message) => assert_eq!(done.unwrap(), []),
            () = killed.lifetime().ended() => {}
        }
        assert_eq!(contents(&world), before, "killed at call {killed_at}");
        run(&world.ports(), &message).await.unwrap();
        assert_eq!(contents(&world), before, "killed at call {killed_at}");
        assert!(report(&world, "7").await.unwrap().plan.is_some(), "killed at call {killed_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_reports_disabled_integrations() {
    let world = uploaded().await;
    integrate(&world, ACCOUNT, |integration| integration.enabled = false);
    let message = submitted(&world, "7", plan_of("2")).await;
    run(&world.ports(), &message).await.unwrap();
    let plan = report(&world, "7").await.unwrap().plan.unwrap();
    assert_eq!(plan.disabled.keys().map(ToString::to_string).collect::<Vec<_>>(), [ACCOUNT]);
    assert!(plan.run.counts.sent > 0, "the plan treats the integration as enabled");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_can_not_be_made_is_rejected_with_the_reason() {
    let world = uploaded().await;
    for (id, source, why) in [("7", "s3://scans/none", "does not exist"), ("8", "scan.json", "is not an object in S3")]
    {
        let message = submitted(&world, id, Job::Plan { source: source.to_owned() }).await;
        let outcome = run(&world.ports(), &message).await;
        assert!(matches!(&outcome, Err(JobError::Rejected(message)) if message.contains(why)), "{outcome:?}");
        assert_eq!((record(&world, id).state, report(&world, id).await), (JobState::Rejected, None));
    }
    let ports = world.ports();
    let scan = ports.open(&Upload::new("scans", "2")).await.unwrap();
    let planned = plan(ports, &Settings::default(), scan, export::Options::default(), Some(100)).await;
    assert!(matches!(planned, Err(PlanError::TooLarge)), "the memory of a function is bounded");
}

#[tokio::test(start_paused = true)]
async fn an_explanation_by_a_job_is_its_report() {
    let world = uploaded().await;
    let stored = world.simulator.findings(ACCOUNT, "us-east-1");
    let finding_id = stored[0]["Id"].as_str().unwrap().to_owned();
    let before = contents(&world);
    let message = submitted(&world, "7", Job::Explain { finding_id: finding_id.clone(), live: true }).await;
    run(&world.ports(), &message).await.unwrap();
    assert_eq!(contents(&world), before);
    let explanation = report(&world, "7").await.unwrap().explanation.unwrap();
    assert_eq!((&explanation.id, explanation.exported_state[0].state.as_str()), (&finding_id, "active"));
    assert_eq!(explanation.security_hub[0].record_state.as_deref(), Some("ACTIVE"));
    assert_eq!(explanation.runs.len(), 1);

    let message = submitted(&world, "8", Job::Explain { finding_id: "nonsense".to_owned(), live: false }).await;
    let outcome = run(&world.ports(), &message).await;
    assert!(matches!(&outcome, Err(JobError::Rejected(_))), "{outcome:?}");
}

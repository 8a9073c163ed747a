//! Adoption of more findings than one run has the time to read.

use std::time::Duration;

use exporter::export::Options;
use exporter::jobs::{self, Reconcile};
use exporter::report::{RunReport, RunStatus};
use simulator::{Caller, Fault, Operation};

use crate::fake_aws::World;
use crate::hub_assertions::{assert_equal, held};
use crate::promises::{failed, imports, prowlers_own, result, scan};
use crate::scan::{Result, Scanned};
use crate::{ACCOUNT, Run, export, integrate, runner, world};

const REGION: &str = "eu-west-1";
/// Number of findings, more than a run of [`SECONDS`] can read: it reads about 2,100.
const MANY: u32 = 5_000;
const SECONDS: u64 = 6;

fn results(count: u32) -> Vec<Result> {
    (0..count).map(|number| result(number, REGION)).collect()
}

/// Imports the findings as Prowler's own integration sends them.
async fn sent_by_prowler(world: &World, scanned: &Scanned) {
    for results in scanned.results.chunks(100) {
        let findings: Vec<_> = results.iter().map(|result| prowlers_own(result, scanned)).collect();
        let body = serde_json::to_vec(&serde_json::json!({ "Findings": findings })).unwrap();
        assert!(world.simulator.batch_import_findings(&Caller::user(ACCOUNT), REGION, &body).is_success());
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.now();
    }
}

async fn run(world: &World, scanned: &Scanned, key: &str) -> RunReport {
    let deadline = Some(tokio::time::Instant::now() + Duration::from_secs(SECONDS));
    let integration = world.contents().integration_of(scanned.account).unwrap().clone();
    let run = Run { options: Options { deadline, ..Options::default() }, ..Run::new(world) };
    run.of(scanned, &integration).go(scanned.upload(key)).await.unwrap().unwrap()
}

fn reads(world: &World) -> usize {
    world.simulator.calls().iter().filter(|call| call.operation == Operation::GetFindings).count()
}

#[tokio::test(start_paused = true)]
async fn migrating_from_prowler_creates_no_duplicate_in_any_number_of_runs() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    sent_by_prowler(&world, &scan(0, results(MANY))).await;
    world.sleep(3600).await;
    // Some of the findings that Prowler sent are absent, some pass now, some have changed, and some are new.
    let mut results = results(MANY + 50);
    results.drain(..100);
    results[..50].iter_mut().for_each(|result| result.failed = false);
    results[50..90].iter_mut().for_each(|result| result.detail = 1);
    let now = scan(1, results);
    let (before, mut runs) = (imports(&world), 0);
    let report = loop {
        let report = run(&world, &now, "1").await;
        runs += 1;
        if report.status == RunStatus::Succeeded {
            break report;
        }
        assert_eq!(report.status, RunStatus::Unfinished, "{:?}", report.reasons);
        assert_eq!(imports(&world), before, "nothing is sent before all findings are read");
        assert!(runs < 10, "the adoption must complete");
        world.sleep(30).await;
    };
    assert!(runs >= 3, "it took {runs} runs");
    assert!(reads(&world) <= MANY as usize / 100 + runs, "{} reads: no page is read twice", reads(&world));
    let counts = &report.counts;
    assert_eq!((counts.sent, counts.unchanged, counts.archived), (90, 4810, 150), "{:?}", report.reasons);
    assert_equal(&world, now.account, &now.wanted(&integration), "after the move");
    assert_eq!(held(&world, now.account, "ARCHIVED").len(), 150, "no finding is duplicated, none is left active");
}

#[tokio::test(start_paused = true)]
async fn adoption_resumes_after_service_errors_and_stale_page_tokens() {
    let world = world(|mut config| {
        config.rules.next_token_seconds = 3600;
        config
    });
    let integration = integrate(&world, ACCOUNT, |_| {});
    sent_by_prowler(&world, &scan(0, results(MANY))).await;
    world.sleep(3600).await;
    let now = scan(1, results(MANY - 100));
    assert_eq!(run(&world, &now, "1").await.status, RunStatus::Unfinished);
    // The page token expired. The pages that were read are saved, so that the next run with enough time completes the adoption.
    world.sleep(2 * 3600).await;
    let fault = Fault::error(503).on(Operation::GetFindings);
    world.simulator.inject(fault.clone());
    let status = run(&world, &now, "1").await.status;
    assert!(status.should_retry(), "{status:?}: failed, or the delays between attempts exceeded the deadline");
    world.simulator.clear_faults();
    let report = Run::new(&world).of(&now, &integration).go(now.upload("1")).await.unwrap().unwrap();
    assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
    assert_eq!((report.counts.sent, report.counts.unchanged, report.counts.archived), (0, 4900, 100));
    assert_equal(&world, now.account, &now.wanted(&integration), "after the move");
}

#[tokio::test(start_paused = true)]
async fn an_adoption_without_progress_ends_with_a_reason() {
    let world = world(|mut config| {
        // Every page token expires before the next run uses it.
        config.rules.next_token_seconds = 20;
        config
    });
    integrate(&world, ACCOUNT, |_| {});
    let before = scan(0, results(MANY));
    sent_by_prowler(&world, &before).await;
    world.sleep(3600).await;
    let now = scan(1, results(MANY - 100));
    let mut runs = 0;
    let report = loop {
        let report = run(&world, &now, "1").await;
        if report.status != RunStatus::Unfinished {
            break report;
        }
        runs += 1;
        assert!(runs < 10, "the adoption must complete");
        world.sleep(60).await;
    };
    assert_eq!(report.status, RunStatus::Degraded, "{:?}", report.reasons);
    assert!(report.reasons.iter().any(|reason| reason.contains("hubctl reconcile")), "{:?}", report.reasons);
    let active = held(&world, now.account, "ACTIVE").len();
    assert!((MANY as usize - 100..=MANY as usize).contains(&active), "{active}: no active finding is archived");
    assert_eq!(world.simulator.findings(ACCOUNT, REGION).len(), MANY as usize, "no finding is duplicated");
    // Each further scan reports it, until a user reads the remaining findings.
    world.sleep(3600).await;
    let next = scan(3, results(MANY - 100));
    let report = export(&world, next.upload("2")).await;
    assert_eq!(report.status, RunStatus::Degraded, "{:?}", report.reasons);
    runner(&world).reconcile(now.account, &Reconcile::default(), &jobs::Options::default()).await.unwrap();
    world.sleep(3600).await;
    let report = export(&world, scan(5, results(MANY - 100)).upload("3")).await;
    assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
    assert_eq!(held(&world, now.account, "ACTIVE").len(), MANY as usize - 100, "no resolved finding is left active");
}

#[tokio::test(start_paused = true)]
async fn a_long_resource_name_has_the_same_id_after_the_state_is_lost() {
    for chars in [511, 512, 513, 900, 1199, 1200, 1201, 2047, 2048, 2049, 3000] {
        let world = world(|config| config);
        integrate(&world, ACCOUNT, |_| {});
        let prefix = if chars % 2 == 0 { "" } else { "arn:aws:s3:::" };
        let resource = format!("{prefix}{}", "n".repeat(chars - prefix.len()));
        let named = || failed(3).into_iter().map(|one| Result { resource: resource.clone(), ..one }).collect();
        export(&world, scan(0, named()).upload(&format!("1{prefix}"))).await;
        let before =
            crate::hub_assertions::held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").into_keys().collect::<Vec<_>>();
        assert_eq!(before.len(), 3);
        world.forget_states();
        world.sleep(7200).await;
        let report = export(&world, scan(2, named()).upload(&format!("2{prefix}"))).await;
        assert_eq!((report.counts.archived, report.counts.unchanged), (0, 3), "{chars}: {:?}", report.counts);
        let after =
            crate::hub_assertions::held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").into_keys().collect::<Vec<_>>();
        assert_eq!(before, after, "{chars}");
    }
}

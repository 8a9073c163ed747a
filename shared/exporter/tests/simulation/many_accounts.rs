//! Files of many accounts: only a few accounts are active at a time, and the result of each is the same as in a separate file.

use std::time::Duration;

use asff::AccountId;
use exporter::export::Options;
use exporter::model::integration::Integration;
use exporter::report::{RunReport, RunStatus};
use exporter::testing::{Fault, Operation};
use serde_json::Value;
use simulator::{Config, Simulator};
use tokio::time::Instant;

use crate::fake_aws::World;
use crate::promises::{failed, scan};
use crate::scan::{Result, Scanned, open};
use crate::{REGIONS, Run, START};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{:012}", 100_000_000_000_u64 + u64::try_from(number).unwrap())).collect()
}

fn world_of(names: &[String], change: impl Fn(&mut Integration)) -> World {
    let first = Config::one_account(&names[0], &REGIONS);
    let config = names[1..].iter().fold(first, |config, name| config.account(name, &REGIONS));
    let world = World::new(Simulator::new(config), START.parse().unwrap());
    for name in names {
        let account: AccountId = name.parse().unwrap();
        let mut integration = Integration::new(account);
        integration.archive_previous_findings = true;
        change(&mut integration);
        world.contents().put_integration(integration);
    }
    world
}

/// A file of all accounts, with the entries of one account after the other, or mixed: the first entry of each, then the second of
/// each.
fn file(names: &[String], hours: i64, results: &[Result], mixed: bool) -> Vec<u8> {
    let of = |name: &String| -> Vec<Value> {
        let scanned = Scanned { account: name.parse().unwrap(), ..scan(hours, results.to_vec()) };
        serde_json::from_slice(&scanned.bytes()).unwrap()
    };
    let each: Vec<Vec<Value>> = names.iter().map(of).collect();
    let all: Vec<&Value> = if mixed {
        (0..results.len()).flat_map(|at| each.iter().map(move |entries| &entries[at])).collect()
    } else {
        each.iter().flatten().collect()
    };
    serde_json::to_vec(&all).unwrap()
}

fn active(world: &World, names: &[String]) -> usize {
    let of = |name: &String| REGIONS.map(|region| world.simulator.findings(name, region));
    names.iter().flat_map(of).flatten().filter(|finding| finding["RecordState"] == "ACTIVE").count()
}

async fn export_file(world: &World, key: &str, file: &[u8]) -> RunReport {
    Run::new(world).go(open(key, file)).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn suspended_accounts_have_the_same_result_as_others() {
    let names = names(12);
    for mixed in [false, true] {
        let mut outcomes = Vec::new();
        for workers_max in [0, 1, 9, 10_000] {
            let mut world = world_of(&names, |_| {});
            world.settings.open_workers_max = workers_max;
            let mut counts = Vec::new();
            for (hours, results) in [
                (0, failed(30)),
                // Two findings pass, and two are absent.
                (1, failed(28).into_iter().enumerate().map(|(at, one)| Result { failed: at > 1, ..one }).collect()),
                (2, failed(28)),
                (3, failed(28)),
            ] {
                let report = export_file(&world, &format!("at-{hours}"), &file(&names, hours, &results, mixed)).await;
                assert_eq!(report.status, RunStatus::Succeeded, "{workers_max} {mixed}: {:?}", report.reasons);
                counts.push(report.counts);
                world.sleep(3600).await;
            }
            assert_eq!(active(&world, &names), 12 * 28);
            outcomes.push(counts);
        }
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_too_many_accounts_for_one_run_continues_in_the_next() {
    let names = names(120);
    let mut world = world_of(&names, |_| {});
    world.settings.open_workers_max = 30;
    world.settings.finishing_accounts_max = 4;
    export_file(&world, "first", &file(&names, 0, &failed(3), false)).await;
    world.sleep(3600).await;
    world.simulator.inject(simulator::Fault::new(simulator::Effect::Latency { ms: 3000 }));
    let passed: Vec<Result> =
        failed(3).into_iter().map(|one| Result { failed: one.region == REGIONS[0], ..one }).collect();
    let bytes = file(&names, 1, &passed, false);
    let mut runs = 0;
    let mut finished = Vec::new();
    loop {
        runs += 1;
        assert!(runs <= 12, "the file is not completed: {finished:?}");
        let options = Options { deadline: Some(Instant::now() + Duration::from_secs(90)), ..Options::default() };
        let report = Run { options, ..Run::new(&world) }.go(open("all", &bytes)).await.unwrap().unwrap();
        finished.push(report.counts.filtered.get("already_exported").copied().unwrap_or_default());
        eprintln!(
            "RUN {:?} archived {} undelivered {} filtered {:?} absent {} unproven {} {:?}",
            report.status,
            report.counts.archived,
            report.counts.archive_undelivered,
            report.counts.filtered,
            report.counts.absent,
            report.counts.unproven,
            &report.reasons[..report.reasons.len().min(3)]
        );
        world.sleep(60).await;
        if !report.status.should_retry() {
            assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
            break;
        }
    }
    assert_eq!(active(&world, &names), 120);
    assert!(runs > 1, "the test needs several runs: {finished:?}");
    assert!(finished.iter().any(|accounts| *accounts > 0), "a run continues where another ended: {finished:?}");
    let stored: usize = world.simulator.calls().iter().map(|call| call.tally.created + call.tally.updated).sum();
    assert_eq!(stored, 360 + 240, "nothing is sent or archived twice");
}

#[tokio::test(start_paused = true)]
async fn a_finding_resolved_after_suspension_changes_no_other_state() {
    let names = names(1);
    let mut world = world_of(&names, |integration| integration.archive_limit_percent = 100);
    world.settings.open_workers_max = 0;
    let (older, newer) = (scan(0, failed(30)), scan(1, failed(1)));
    let at =
        |results: Vec<Result>, at, failed| results.into_iter().map(move |one| Result { at: Some(at), failed, ..one });
    let mut results: Vec<Result> = at(older.results, older.at, true).collect();
    // A later scan in which one of them passes.
    results.extend(at(newer.results, newer.at, false));
    let both = Scanned { account: names[0].parse().unwrap(), results, ..scan(1, Vec::new()) };
    world.sleep(2 * 3600).await;
    export_file(&world, "both", &both.bytes()).await;
    assert_eq!(active(&world, &names), 29);
    world.sleep(3600).await;
    let left: Vec<Result> = failed(30).into_iter().skip(1).collect();
    let report = export_file(&world, "next", &file(&names, 3, &left, false)).await;
    assert_eq!((report.counts.unchanged, report.counts.sent), (29, 0), "{:?}", report.counts);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_can_not_be_reconnected_does_not_block_others() {
    let names = names(3);
    let mut world = world_of(&names, |_| {});
    world.settings.open_workers_max = 0;
    let bytes = file(&names, 0, &failed(9), true);
    world.contents().faults.add(Fault::fail(Operation::Connect).target(&names[1]).after(1));
    let report = export_file(&world, "all", &bytes).await;
    assert_eq!(report.status, RunStatus::Failed, "{:?}", report.reasons);
    assert!(active(&world, &names) >= 18, "the other accounts: {}", active(&world, &names));
    world.contents().faults.clear();
    world.sleep(5400).await;
    let report = export_file(&world, "all", &bytes).await;
    assert_eq!((report.status, active(&world, &names)), (RunStatus::Succeeded, 27), "{:?}", report.reasons);
    // The account missed some entries, and could be connected at the end: the missed findings are not resolved.
    world.sleep(3600).await;
    let next = file(&names, 3, &failed(9), true);
    for before in 1..6 {
        world.contents().faults.clear();
        world.contents().faults.add(Fault::fail(Operation::Connect).target(&names[1]).after(before).times(1));
        let report = export_file(&world, &format!("next-{before}"), &next).await;
        assert_eq!((report.counts.archived, active(&world, &names)), (0, 27), "{before}: {:?}", report.counts);
        world.sleep(5400).await;
    }
}

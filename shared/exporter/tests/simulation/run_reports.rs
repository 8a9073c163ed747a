//! Active findings and errors by Region in a run's report.

use std::collections::BTreeMap;

use exporter::report::history::{HistoryBy, OTHER, sums};
use exporter::report::{HistoryEntry, RunReport, RunStatus, RunTrigger};
use simulator::{Effect, Fault};

use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{collect, failed, scan};
use crate::scan::{Result, open};
use crate::{ACCOUNT, REGIONS, export, integrate, world};

/// The active findings of each Region by the report, and by Security Hub.
#[track_caller]
fn assert_active(world: &World, report: &RunReport, context: &str) {
    let account = ACCOUNT.parse().unwrap();
    let mut expected: BTreeMap<String, u64> = REGIONS.into_iter().map(|region| (region.to_owned(), 0)).collect();
    for (region, _) in held(world, account, "ACTIVE").into_keys() {
        *expected.get_mut(&region).unwrap() += 1;
    }
    let regions = report.accounts[&account].regions.iter();
    let reported: BTreeMap<_, _> = regions.map(|(name, region)| (name.to_string(), region.active.unwrap())).collect();
    assert_eq!(reported, expected, "{context}");
}

#[tokio::test(start_paused = true)]
async fn a_report_has_the_active_findings_of_each_region() {
    for open_workers_max in [None, Some(0)] {
        let mut world = world(|config| config);
        world.settings.open_workers_max = open_workers_max.unwrap_or(world.settings.open_workers_max);
        integrate(&world, ACCOUNT, |_| {});
        let mut fewer = failed(60);
        fewer.truncate(50);
        fewer[0].failed = false;
        let mut more = failed(70);
        more[1].detail = 1;
        let unchanged = more.clone();
        for (hour, results) in (0..).zip([failed(60), fewer, more, unchanged]) {
            let report = export(&world, scan(hour, results).upload(&hour.to_string())).await;
            assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
            assert_eq!(report.trigger, Some(RunTrigger::Upload));
            assert_active(&world, &report, &format!("scan {hour}, {open_workers_max:?} workers"));
            world.sleep(3600).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_requires_approval_stays_active_by_the_report() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 0);
    export(&world, scan(0, failed(30)).upload("0")).await;
    world.sleep(3600).await;
    let report = export(&world, scan(1, failed(29)).upload("1")).await;
    assert_active(&world, &report, "nothing was archived");
}

/// Errors by Region, as the history has them.
fn errors(report: &RunReport) -> BTreeMap<String, u64> {
    let by_region = sums(HistoryEntry::of(report).as_ref(), HistoryBy::Region, None);
    let errors = by_region.into_iter().map(|(region, sum)| (region, sum.totals.errors));
    errors.filter(|(_, errors)| *errors > 0).collect()
}

fn by_region(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(region, errors)| ((*region).to_owned(), *errors)).collect()
}

#[tokio::test(start_paused = true)]
async fn undelivered_findings_of_an_account_have_their_regions() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.enabled = false);
    let report = export(&world, scan(0, failed(31)).upload("0")).await;
    assert_eq!(report.counts.undelivered_total(), 31);
    assert_eq!(errors(&report), by_region(&[("us-east-1", 11), ("eu-west-1", 10), ("sa-east-1", 10)]));
    let account = &report.accounts[&ACCOUNT.parse().unwrap()];
    assert_eq!(account.integration, ACCOUNT.parse().ok(), "the disabled one");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_finding_has_its_region() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let results = failed(30);
    let rejected: Vec<&Result> = results.iter().filter(|one| one.region == "eu-west-1").take(2).collect();
    for one in rejected {
        world.simulator.inject(Fault::new(Effect::FailFindings {
            id_contains: one.id(ACCOUNT.parse().unwrap()),
            code: "InvalidInput".to_owned(),
            message: "Finding does not adhere to Amazon Finding Format.".to_owned(),
        }));
    }
    let report = export(&world, scan(0, results).upload("0")).await;
    assert_eq!((report.counts.quarantined_total(), errors(&report)), (2, by_region(&[("eu-west-1", 2)])));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_can_t_be_mapped_has_the_region_that_it_names() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let mut bytes = Vec::new();
    collect(scan(0, failed(5)).upload("0"), &mut bytes).await;
    let mut entries: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
    entries[1]["severity"] = serde_json::json!("Gigantic");
    entries[2] = serde_json::json!({ "class_uid": 2004, "metadata": { "event_code": "c" } });
    let report = export(&world, open("0", &serde_json::to_vec(&entries).unwrap())).await;
    assert_eq!(report.counts.quarantined_total(), 2, "{:?}", report.reasons);
    assert_eq!(errors(&report), by_region(&[("eu-west-1", 1), (OTHER, 1)]));
}

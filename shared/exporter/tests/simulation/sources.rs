//! Uploads from sources that an integration does not accept have no effect on its account.

use asff::AccountId;
use exporter::export::Options;
use exporter::jobs::{Options as MendOptions, Redrive};
use exporter::model::approval::Approval;
use exporter::model::integration::{ArchiveScope, Integration};
use exporter::model::scan_source::ScanSource;
use exporter::ports::{AccountLocks as _, Newest, Scan};
use exporter::report::reasons::filtered::NOT_AUTHORIZED_SOURCE;
use exporter::report::{RunReport, RunStatus};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use simulator::{Effect, Fault};

use crate::evidence::{active, base};
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{failed, imports, scan};
use crate::scan::{Extra, Result, Scanned, Where, open};
use crate::{ACCOUNT, OTHER, Run, export, integrate, plan, runner, seeds, world};

const OWN: &str = "scans/{account_id}/";

fn own_folder(integration: &mut Integration) {
    integration.scan_sources = Some(vec![ScanSource { prefix: Some(OWN.to_owned()), uploader_account: None }]);
}

fn own(name: impl std::fmt::Display) -> String {
    format!("scans/{ACCOUNT}/{name}")
}

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

/// The active and archived findings of every account, and the newest scan whose export was started.
async fn everything(world: &World) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut all = Vec::new();
    for account in [ACCOUNT, OTHER] {
        let newest = world.ports().lock_status(id(account)).await.unwrap();
        let newest = newest.map(|(Newest { newest, .. }, in_doubt)| (newest, in_doubt));
        all.push((held(world, id(account), "ACTIVE"), held(world, id(account), "ARCHIVED"), newest));
    }
    let states = world.contents().objects.clone();
    (all, states.into_iter().filter(|(key, _)| key.starts_with("state/")).collect::<Vec<_>>())
}

fn all_passed(hours: i64) -> Scanned {
    let mut results = base();
    results.iter_mut().for_each(|result| result.failed = false);
    scan(hours, results)
}

fn unauthorized(report: &RunReport) -> u64 {
    report.counts.filtered.get(NOT_AUTHORIZED_SOURCE).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn an_unauthorized_scan_without_failures_changes_nothing() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| {
        own_folder(integration);
        integration.archive_limit_percent = 100;
    });
    assert_eq!(export(&world, scan(0, base()).upload(&own("0"))).await.counts.sent, 45);
    world.sleep(3600).await;
    let before = everything(&world).await;
    let calls = world.simulator.calls().len();

    // The scan time is in the future, so that the scan would supersede all authorized ones.
    let planned = plan(&world, all_passed(9).upload("other/evil.json")).await;
    let report = export(&world, all_passed(9).upload("other/evil.json")).await;

    assert_eq!((report.status, unauthorized(&report), report.counts.read), (RunStatus::Degraded, 45, 45));
    assert_eq!((planned.status, &planned.counts, &planned.reasons), (report.status, &report.counts, &report.reasons));
    let problem = report.accounts[&id(ACCOUNT)].problem.clone().unwrap();
    assert!(problem.contains("s3://scans/other/ (uploaded by an unknown account)"), "{problem}");
    let command = "hubctl integration configure 123456789012 --scan-source 'prefix=scans/{account_id}/' --scan-source 'prefix=other/'";
    assert!(problem.ends_with(command), "{problem}");
    assert_eq!(everything(&world).await, before);
    assert_eq!(world.simulator.calls().len(), calls, "no call was made");

    let report = export(&world, all_passed(1).upload(&own("1"))).await;
    assert_eq!(
        (report.counts.archived, active(&world)),
        (45, 0),
        "the same scan from the accepted prefix: {:?}",
        report.reasons
    );
}

#[tokio::test(start_paused = true)]
async fn accounts_of_a_file_are_exported_if_they_accept_its_source() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, own_folder);
    integrate(&world, OTHER, own_folder);
    let of = |account: &str, count| -> Vec<Value> {
        serde_json::from_slice(&Scanned { account: id(account), ..scan(0, failed(count)) }.bytes()).unwrap()
    };
    let file = serde_json::to_vec(&[of(ACCOUNT, 6), of(OTHER, 9)].concat()).unwrap();
    let planned = plan(&world, open(&own("both"), &file)).await;
    let report = export(&world, open(&own("both"), &file)).await;
    assert_eq!((report.status, report.counts.sent, unauthorized(&report)), (RunStatus::Degraded, 6, 9));
    assert_eq!((planned.counts.sent, unauthorized(&planned)), (6, 9));
    assert_eq!(report.accounts[&id(OTHER)].counts.filtered[NOT_AUTHORIZED_SOURCE], 9);
    assert!(report.accounts[&id(ACCOUNT)].problem.is_none());
    assert_eq!(held(&world, id(OTHER), "ACTIVE").len(), 0);

    // Once the account accepts the source, the upload is exported by its own event as well: the unauthorized attempt does not
    // block it.
    integrate(&world, OTHER, |_| {});
    let report = export(&world, open(&own("both"), &file)).await;
    assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 9), "{:?}", report.reasons);
}

fn by(account: Option<&str>, scan: Scan) -> Scan {
    let mut info = scan.info;
    info.requester = account.map(str::to_owned);
    Scan { info, ..scan }
}

#[tokio::test(start_paused = true)]
async fn an_accepted_uploader_is_not_blocked_by_a_duplicate_of_another() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| {
        integration.scan_sources = Some(vec![ScanSource { prefix: None, uploader_account: Some(OTHER.to_owned()) }]);
    });
    for requester in [None, Some(ACCOUNT), Some("s3.amazonaws.com")] {
        let report = export(&world, by(requester, scan(0, failed(6)).upload("x"))).await;
        assert_eq!((report.status, unauthorized(&report)), (RunStatus::Degraded, 6), "{requester:?}");
    }
    let report = export(&world, by(Some(OTHER), scan(0, failed(6)).upload("x"))).await;
    assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 6), "{:?}", report.reasons);
    assert_eq!(report.upload.requester.as_deref(), Some(OTHER), "so that a replay has the uploader");
}

#[tokio::test(start_paused = true)]
async fn neither_approvals_nor_redrives_send_unauthorized_findings() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let scanned = scan(0, failed(90));
    world.simulator.inject(Fault::new(Effect::FailFindings {
        id_contains: scanned.results[7].id(scanned.account),
        code: "InvalidInput".to_owned(),
        message: "no".to_owned(),
    }));
    let run = export(&world, scanned.upload("other/0")).await;
    assert_eq!(run.in_quarantine()["InvalidInput"], 1);
    world.simulator.clear_faults();
    integrate(&world, ACCOUNT, own_folder);
    let before = imports(&world);

    let redrive = Redrive { run_id: Some(run.run_id.clone()), code: None };
    let [again] = runner(&world).redrive(&redrive, &MendOptions::default()).await.unwrap().try_into().unwrap();
    assert_eq!((again.status, unauthorized(&again)), (RunStatus::Degraded, 1), "{:?}", again.reasons);
    let approval = Approval { pending: true, unproven: true };
    let options = Options { reexport: true, approval, ..Options::default() };
    let approved = Run { options, ..Run::new(&world) }.go(all_passed(1).upload("other/1")).await.unwrap().unwrap();
    assert_eq!((approved.counts.archived, unauthorized(&approved)), (0, 45));
    assert_eq!(imports(&world), before);

    integrate(&world, ACCOUNT, |_| {});
    let [again] = runner(&world).redrive(&redrive, &MendOptions::default()).await.unwrap().try_into().unwrap();
    assert_eq!((again.status, again.counts.sent), (RunStatus::Succeeded, 1), "the entry was still in the quarantine");
}

/// An upload of an attacker: a scan with any time and any results, truncated, or with malformed entries.
fn hostile(random: &mut StdRng, hours: i64) -> Scanned {
    let mut results = base();
    let (kept, failed) = (random.random_range(0.0..1.0), random.random_range(0.0..1.0));
    results.retain(|_| random.random_bool(kept));
    for result in &mut results {
        result.failed = random.random_bool(failed);
        result.muted = random.random_bool(0.1);
        result.manual = random.random_bool(0.1);
        result.detail = random.random_range(0..3);
    }
    let length = results.len();
    let mut scanned = scan(hours + random.random_range(-3..100), results);
    if length > 0 && random.random_bool(0.2) {
        scanned.cut = Some(random.random_range(0..length));
    }
    if random.random_bool(0.2) {
        let place = Where { account: Some(ACCOUNT.to_owned()), region: None, check: None };
        scanned.extra.push(Extra { text: "{\"class_uid\": 2004}".to_owned(), place, before: 0 });
    }
    scanned
}

fn honest(random: &mut StdRng, hours: i64) -> Scanned {
    let mut results: Vec<Result> = base();
    results.retain(|_| random.random_bool(0.8));
    results.iter_mut().for_each(|result| result.failed = random.random_bool(0.7));
    scan(hours, results)
}

/// The report of an account without the values that differ between two runs of the same scan.
fn said(report: &RunReport) -> impl PartialEq + std::fmt::Debug + use<> {
    let account = &report.accounts[&id(ACCOUNT)];
    (report.status, report.counts.clone(), account.archive.clone(), account.partial_scan, account.unproven.clone())
}

/// Two worlds with the same scans. In one of them, other scans are uploaded in between under other prefixes.
#[test]
fn weeks_with_hostile_uploads_equal_weeks_without() {
    seeds("sources", 30, async |seed| {
        let mut random = StdRng::seed_from_u64(seed);
        let scope = [ArchiveScope::Full, ArchiveScope::Partial, ArchiveScope::Observed][random.random_range(0..3)];
        let (quiet, attacked) = (world(|config| config), world(|config| config));
        for world in [&quiet, &attacked] {
            integrate(world, ACCOUNT, |integration| {
                own_folder(integration);
                integration.archive_scope = scope;
            });
        }
        for hours in 0..8 {
            for number in 0..random.random_range(0..3) {
                let scanned = hostile(&mut random, hours);
                let key = format!("scans/{OTHER}/{hours}-{number}");
                let report = export(&attacked, by(Some(OTHER), scanned.upload(&key))).await;
                assert_eq!((report.counts.sent, report.counts.archived, report.counts.unproven), (0, 0, 0), "{key}");
            }
            let scanned = honest(&mut random, hours);
            let mut reports = Vec::new();
            for world in [&quiet, &attacked] {
                reports.push(said(&export(world, scanned.upload(&own(hours))).await));
            }
            assert_eq!(reports[0], reports[1], "seed {seed}, scan {hours}");
            for account in [ACCOUNT, OTHER] {
                for state in ["ACTIVE", "ARCHIVED"] {
                    let [one, two] = [&quiet, &attacked].map(|world| held(world, id(account), state));
                    assert_eq!(one, two, "seed {seed}, scan {hours}");
                }
            }
            quiet.sleep(3600).await;
        }
    });
}

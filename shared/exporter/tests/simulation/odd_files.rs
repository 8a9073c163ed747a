//! Files without findings, with findings of a Region that this release doesn't know, with entries that can't be mapped, and with
//! several scans.

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::report::{ArchiveSkipped, RunStatus};
use serde_json::{Value, json};

use crate::evidence::active;
use crate::hub_assertions::held;
use crate::promises::{failed, result, scan};
use crate::scan::{Layout, Result, Scanned, open};
use crate::{ACCOUNT, OTHER, Run, export, integrate, world};

fn events(hours: i64, count: u32) -> Vec<Value> {
    serde_json::from_slice(&scan(hours, failed(count)).bytes()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_file_without_findings_is_ignored_with_a_reason() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    for body in ["[]", "{\"Findings\": []}", "[\n]\n", "\u{feff}[ ]"] {
        let report = export(&world, open(body, body.as_bytes())).await;
        assert_ne!(report.status, RunStatus::Succeeded, "{body:?}");
        assert!(!report.reasons.is_empty(), "{body:?}");
        assert_eq!((report.counts.read, active(&world)), (0, 60), "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_in_another_format_is_reported() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.format = asff::ScanFormat::Csv);
    let report = export(&world, scan(0, failed(30)).upload("1")).await;
    assert_eq!(report.counts.sent, 0);
    assert!(!report.reasons.is_empty(), "0 sent findings always have a reason");
    assert_ne!(report.status, RunStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_finding_of_an_unknown_region_is_sent_and_blocks_no_archive() {
    let world = world(|config| config.region(ACCOUNT, "eu-west-9", |_| {}));
    integrate(&world, ACCOUNT, |_| {});
    integrate(&world, OTHER, |_| {});
    let both = |hours: i64, count: u32, new: bool| {
        let mut all = events(hours, count);
        let other = serde_json::to_string(&all).unwrap().replace(ACCOUNT, OTHER);
        all.extend(serde_json::from_str::<Vec<Value>>(&other).unwrap());
        if new {
            let one = result(5000, "eu-west-1").ocsf(ACCOUNT.parse().unwrap(), scan(hours, Vec::new()).at);
            all.push(serde_json::from_str(&one.to_string().replace("eu-west-1", "eu-west-9")).unwrap());
        }
        serde_json::to_vec(&all).unwrap()
    };
    export(&world, open("0", &both(0, 60, false))).await;
    world.sleep(3600).await;
    let report = export(&world, open("1", &both(1, 50, true))).await;
    assert_eq!((report.counts.quarantined_total(), report.counts.archived), (0, 20), "{:?}", report.reasons);
    assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
    assert_eq!(world.simulator.findings(ACCOUNT, "eu-west-9").len(), 1);
    assert_eq!((active(&world), held(&world, OTHER.parse().unwrap(), "ACTIVE").len()), (50, 50));
}

#[tokio::test(start_paused = true)]
async fn an_unmappable_entry_blocks_no_other_account_of_the_file() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    integrate(&world, OTHER, |_| {});
    let both = |hours: i64, count: u32, bad: bool| {
        let mut all = events(hours, count);
        if bad {
            all[7]["status_code"] = json!("PERHAPS");
        }
        let other = serde_json::to_string(&events(hours, count)).unwrap().replace(ACCOUNT, OTHER);
        all.extend(serde_json::from_str::<Vec<Value>>(&other).unwrap());
        serde_json::to_vec(&all).unwrap()
    };
    export(&world, open("0", &both(0, 60, false))).await;
    world.sleep(3600).await;
    let report = export(&world, open("1", &both(1, 51, true))).await;
    // The invalid entry is in eu-west-1: three absent findings and its own finding are unproven there.
    let account = &report.accounts[&ACCOUNT.parse().unwrap()];
    assert_eq!((account.counts.archived, account.counts.unproven), (6, 4), "{:?}", report.reasons);
    assert_eq!(report.accounts[&OTHER.parse().unwrap()].counts.archived, 9);
    assert_eq!((active(&world), held(&world, OTHER.parse().unwrap(), "ACTIVE").len()), (54, 51));
    assert!(!matches!(account.archive, Some(ArchiveSkipped::ArchiveRequiresApproval { .. })));
}

#[tokio::test(start_paused = true)]
async fn lines_that_were_cut_between_two_archive_nothing_at_once() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    let cut = Scanned { layout: Layout::Lines, ..scan(1, failed(160)) };
    let report = export(&world, cut.upload("2.jsonl")).await;
    assert_eq!((report.counts.archived, report.counts.absent, active(&world)), (0, 140, 300), "{:?}", report.reasons);
    // The next complete file has these findings again.
    world.sleep(3600).await;
    let report = export(&world, scan(2, failed(300)).upload("3")).await;
    assert_eq!((report.status, report.counts.sent, report.counts.absent), (RunStatus::Succeeded, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn approving_several_scans_archives_nothing_of_their_older_entries() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3 * 3600).await;
    // The file has 25 findings of an hour after the first scan, followed by 20 of them an hour later; 5 are absent from both.
    let older = scan(1, failed(25));
    let mut results: Vec<_> = older.results.into_iter().map(|one| Result { at: Some(older.at), ..one }).collect();
    results.extend(failed(20));
    let both = scan(2, results);
    let report = export(&world, both.upload("2")).await;
    assert_eq!((report.counts.archived, report.counts.unproven), (0, 5), "{:?}", report.reasons);
    world.sleep(3600).await;
    let approval = Approval { pending: false, unproven: true };
    let options = Options { reexport: true, approval, ..Options::default() };
    let report = Run { options, ..Run::new(&world) }.go(both.upload("2")).await.unwrap().unwrap();
    assert_eq!((report.counts.archived, active(&world)), (5, 25), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_scan_of_another_cloud_is_ignored_with_a_reason() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let mut all = events(0, 30);
    all.iter_mut().for_each(|event| event["cloud"]["provider"] = json!("azure"));
    let report = export(&world, open("1", &serde_json::to_vec(&all).unwrap())).await;
    assert_eq!((report.status, report.counts.sent), (RunStatus::Ignored, 0), "{:?}", report.reasons);
    assert_eq!(report.reasons.len(), 1, "0 sent findings always have a reason: {:?}", report.reasons);
    let bytes = serde_json::to_vec(&all).unwrap();
    let cut = export(&world, open("2", &bytes[..bytes.len() - 9])).await;
    assert_eq!(cut.status, RunStatus::Degraded, "what is missing may be about AWS: {:?}", cut.reasons);
}

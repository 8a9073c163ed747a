//! Claims, account locks, runs, and jobs.

use std::sync::Arc;

use asff::AccountId;
use exporter::jobs::{Job, JobProgress, JobRecord, JobState, JobStore as _, RegionProgress};
use exporter::model::upload::UploadInfo;
use exporter::ports::settings_store::{HistoryPage, Page, RunLog as _};
use exporter::ports::{AccountLocks as _, Acquired, Claim, InDoubt, Runs as _, UploadLocks as _};
use exporter::report::history::day_of;
use exporter::report::{HistoryEntry, RunReport, RunStatus};
use jiff::{SignedDuration, Span, Timestamp};
use management::ports::JobSubmitter as _;

use super::{Place, on_each_emulator};
use crate::ACCOUNT;
use crate::runs::huge_report;

const IDENTITY: &str = "s3://scans/a.json#etag";

on_each_emulator![
    an_upload_is_claimed_by_one_run_until_completed_or_released,
    only_one_of_concurrent_claims_succeeds,
    an_account_is_locked_by_one_run_and_scans_are_exported_in_order,
    a_run_is_listed_by_account_and_found_by_its_id,
    the_largest_run_fits_the_table,
    the_history_has_each_completed_run_once_on_its_day,
    a_completed_job_stays_completed,
];

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn held_by(run: &str) -> Claim {
    Claim::InProgress { run_id: run.to_owned() }
}

async fn an_upload_is_claimed_by_one_run_until_completed_or_released(place: Place) {
    let (cloud, now) = (&place.cloud, Timestamp::now());
    let claim = async |run: &str, again: bool, at: Timestamp| {
        cloud.claim(IDENTITY, run, again, at, at + minutes(15)).await.unwrap()
    };
    assert_eq!(claim("run-1", false, now).await, Claim::Granted);
    assert_eq!(claim("run-2", true, now).await, held_by("run-1"));
    assert!(cloud.renew_claim(IDENTITY, "run-1", now + minutes(30)).await.unwrap());
    assert!(!cloud.renew_claim(IDENTITY, "run-2", now + minutes(30)).await.unwrap());
    assert_eq!(claim("run-2", false, now + minutes(20)).await, held_by("run-1"));
    assert_eq!(claim("run-2", false, now + minutes(31)).await, Claim::Granted, "its lease expired");
    cloud.finish_claim(IDENTITY, "run-1", true).await.unwrap();
    assert_eq!(claim("run-3", false, now + minutes(32)).await, held_by("run-2"), "run-1 no longer has the claim");
    cloud.finish_claim(IDENTITY, "run-2", false).await.unwrap();
    assert_eq!(claim("run-3", false, now).await, Claim::Granted, "the claim was released");
    cloud.finish_claim(IDENTITY, "run-3", true).await.unwrap();
    assert_eq!(claim("run-4", false, now).await, Claim::Completed { run_id: "run-3".to_owned() });
    assert_eq!(claim("run-4", true, now).await, Claim::Granted);
}

async fn only_one_of_concurrent_claims_succeeds(place: Place) {
    let now = Timestamp::now();
    let runs: Vec<String> = (0..8).map(|number| format!("run-{number}")).collect();
    let claims = runs.iter().map(|run| place.cloud.claim(IDENTITY, run, false, now, now + minutes(15)));
    let outcomes = futures::future::try_join_all(claims).await.unwrap();
    let taken: Vec<&String> =
        runs.iter().zip(&outcomes).filter(|(_, claim)| **claim == Claim::Granted).map(|(run, _)| run).collect();
    assert_eq!(taken.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|claim| *claim == Claim::Granted || *claim == held_by(taken[0])), "{outcomes:?}");
}

async fn an_account_is_locked_by_one_run_and_scans_are_exported_in_order(place: Place) {
    let (cloud, now) = (&place.cloud, Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap());
    let begin = async |run: &str, scanned: Timestamp, at: Timestamp| {
        // Each scan has its own upload, except that run-5 and run-6 have the same.
        let content = if run == "run-6" { "run-5" } else { run };
        cloud.acquire(account(), run, content, scanned, at, at + minutes(15)).await.unwrap()
    };
    let lock_status =
        async || cloud.lock_status(account()).await.unwrap().map(|(newest, in_doubt)| (newest.newest, in_doubt));
    let everywhere = InDoubt { everywhere: true, ..InDoubt::default() };
    assert_eq!(lock_status().await, None);
    assert_eq!(begin("run-1", now, now).await, Acquired::Granted { in_doubt: InDoubt::default() });
    assert_eq!(cloud.locked_by(account(), now).await.unwrap().as_deref(), Some("run-1"));
    assert_eq!(begin("run-2", now + minutes(1), now).await, Acquired::Locked { run_id: "run-1".to_owned() });
    assert!(cloud.renew(account(), "run-1", now + minutes(20)).await.unwrap());
    assert!(!cloud.renew(account(), "run-2", now + minutes(20)).await.unwrap());
    let after = now + minutes(21);
    assert_eq!(begin("run-2", now + minutes(1), after).await, Acquired::Granted { in_doubt: everywhere }, "run-1 died");
    cloud.release(account(), "run-1", InDoubt::default(), None).await.unwrap();
    assert_eq!(
        cloud.locked_by(account(), after).await.unwrap().as_deref(),
        Some("run-2"),
        "run-1 no longer has the lock"
    );
    let here = InDoubt { everywhere: false, regions: ["eu-west-1".parse().unwrap()].into() };
    cloud.release(account(), "run-2", here.clone(), None).await.unwrap();
    assert_eq!(cloud.locked_by(account(), after).await.unwrap(), None);
    assert_eq!(lock_status().await, Some((now + minutes(1), here.clone())));
    assert_eq!(begin("run-3", now, after).await, Acquired::Superseded { newest: now + minutes(1) });
    let taken = begin("run-4", now + minutes(2), after).await;
    assert!(matches!(taken, Acquired::Granted { in_doubt } if in_doubt.regions == here.regions));
    cloud.release(account(), "run-4", InDoubt::default(), None).await.unwrap();
    assert_eq!(lock_status().await, Some((now + minutes(2), InDoubt::default())));
    for minute in [4, 6] {
        let begun = begin("run-5", now + minutes(minute), after).await;
        assert!(matches!(begun, Acquired::Granted { .. }), "entries of the scan have different times: {begun:?}");
    }
    let exported_at = async || cloud.lock_status(account()).await.unwrap().and_then(|(newest, _)| newest.exported_at);
    assert_eq!(exported_at().await, None);
    cloud.release(account(), "run-5", InDoubt::default(), Some(after)).await.unwrap();
    assert_eq!(exported_at().await, Some(after));
    assert_eq!(begin("run-4", now + minutes(5), after).await, Acquired::Superseded { newest: now + minutes(6) });
    assert_eq!(
        begin("run-6", now + minutes(4), after).await,
        Acquired::Granted { in_doubt: InDoubt::default() },
        "the same scan is exported again"
    );
    assert_eq!(begin("run-6", now + minutes(1), after).await, Acquired::Superseded { newest: now + minutes(2) });
}

fn report(number: u32) -> RunReport {
    let upload = UploadInfo {
        source: "s3://scans/a.json".to_owned(),
        etag: String::new(),
        bytes: 1,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new(format!("run-{number}"), upload, Timestamp::now());
    let account = if number.is_multiple_of(2) { account() } else { "210987654321".parse().unwrap() };
    run.accounts.insert(account, Default::default());
    run
}

async fn a_run_is_listed_by_account_and_found_by_its_id(place: Place) {
    let cloud = &place.cloud;
    for number in 1..=6 {
        cloud.record(&report(number)).await.unwrap();
    }
    let ids = |runs: &[RunReport]| runs.iter().map(|run| run.run_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&cloud.list_runs(2, None).await.unwrap()), ["run-6", "run-5"]);
    assert_eq!(ids(&cloud.list_runs(2, Some(&account())).await.unwrap()), ["run-6", "run-4"]);
    let first = cloud.runs(Some(account()), &Page { limit: 2, after: None }).await.unwrap();
    assert_eq!(ids(&first.entries), ["run-6", "run-4"]);
    let rest = cloud.runs(Some(account()), &Page { limit: 2, after: first.next }).await.unwrap();
    assert_eq!((ids(&rest.entries), rest.next), (vec!["run-2".to_owned()], None));
    let found = cloud.run("run-3").await.unwrap().unwrap();
    assert_eq!((found.run_id, found.upload), ("run-3".to_owned(), report(3).upload));
    for id in ["", "run-7", &"r".repeat(1_025)] {
        assert_eq!(cloud.run(id).await.unwrap(), None, "{} characters", id.len());
    }
}

async fn the_largest_run_fits_the_table(place: Place) {
    let report = huge_report(5_100);
    place.cloud.record(&report).await.unwrap();
    let kept = place.cloud.run("run-2").await.unwrap().unwrap();
    assert_eq!(kept.counts, report.counts);
}

async fn the_history_has_each_completed_run_once_on_its_day(place: Place) {
    let cloud = &place.cloud;
    let today = day_of(Timestamp::now());
    let day = |days: i64| today.saturating_sub(Span::new().days(days));
    let mut expected = Vec::new();
    for (number, days) in [(1, 3), (2, 2), (3, 2), (4, 0), (5, 91)] {
        let mut run = report(number);
        run.started_at = format!("{}T00:00:00Z", day(days)).parse().unwrap();
        cloud.record(&run).await.unwrap();
        run.status = RunStatus::Failed;
        cloud.record(&run).await.unwrap();
        (run.status, run.counts.sent) = (RunStatus::Succeeded, 7);
        cloud.record(&run).await.unwrap();
        expected.push(Arc::new(HistoryEntry::of(&run).unwrap()));
    }
    cloud.record(&report(6)).await.unwrap();
    let expected: Vec<_> = [3, 2, 1, 0].map(|index| expected[index].clone()).into();
    let read = async |from: i64, to: i64| cloud.history(day(from), day(to)).await.unwrap();
    assert_eq!(
        read(89, 0).await,
        HistoryPage { entries: expected.clone(), next: None },
        "run-5 is before the period, run-6 is still running"
    );
    assert_eq!(read(2, 1).await.entries, expected[1..3]);
    assert_eq!(read(1, 1).await, HistoryPage { entries: Vec::new(), next: None });
    assert_eq!(cloud.run("run-4").await.unwrap().unwrap().counts.sent, 7);
}

async fn a_completed_job_stays_completed(place: Place) {
    let cloud = &place.cloud;
    let record = |id: u32| {
        let job = Job::UndoArchive { run_id: format!("run-{id}") };
        JobRecord::new(format!("order-{id}"), job, Timestamp::now(), "ada")
    };
    let [first, second, third] = [record(1), record(2), record(3)];
    for record in [&first, &second, &third] {
        assert!(cloud.record_job(record).await.unwrap());
    }
    let regions = [("eu-west-1".parse().unwrap(), RegionProgress { done: 5, total: Some(9) })].into();
    let progress = JobProgress { done: 7, total: Some(10), regions, updated_at: Timestamp::UNIX_EPOCH };
    assert!(cloud.record_progress("order-1", &progress).await.unwrap());
    let under_way = JobRecord { progress: Some(progress.clone()), ..first.clone() };
    assert_eq!(cloud.job_record("order-1").await.unwrap(), Some(under_way));
    let done = JobRecord { state: JobState::Succeeded, ..first.clone() };
    assert!(cloud.record_job(&done).await.unwrap());
    assert!(!cloud.record_job(&first).await.unwrap());
    // Progress that arrives late changes no completed job, and creates no record.
    assert!(!cloud.record_progress("order-1", &progress).await.unwrap());
    assert_eq!(cloud.job_record("order-1").await.unwrap(), Some(done.clone()));
    assert!(!cloud.record_progress("order-4", &progress).await.unwrap());
    cloud.cancel_job(&first).await.unwrap();
    assert_eq!(cloud.job_record("order-1").await.unwrap(), Some(first.clone()));
    assert_eq!(cloud.job_record("order-4").await.unwrap(), None);
    let newest = cloud.jobs(&Page { limit: 2, after: None }).await.unwrap();
    assert_eq!(newest.entries, [third, second]);
    let rest = cloud.jobs(&Page { limit: 2, after: newest.next }).await.unwrap();
    assert_eq!((rest.entries, rest.next), (vec![first], None));
}

//! Absence is not evidence: each row of the rule's table is a test, whose name states the row.

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::model::integration::ArchiveScope;
use exporter::report::{PendingClass, PendingFinding, RunReport, RunStatus, unproven};

use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::scan;
use crate::scan::{Extra, Layout, Result, Scanned, Where};
use crate::{ACCOUNT, REGIONS, Run, export, integrate, world};

pub(crate) const PUBLIC: &str = "s3_bucket_public_access";
pub(crate) const ENCRYPTION: &str = "s3_bucket_default_encryption";
pub(crate) const INSTANCE: &str = "ec2_instance_public_ip";

pub(crate) fn of(check: &'static str, region: &'static str, number: u32) -> Result {
    let resource = format!("arn:aws:x:::{region}-{number}");
    Result { check, region, resource, failed: true, muted: false, manual: false, detail: 0, at: None }
}

/// Five failed results of each of three checks in each of three Regions.
pub(crate) fn base() -> Vec<Result> {
    let each = |check: &'static str| {
        REGIONS.into_iter().flat_map(move |region| (0..5).map(move |number| of(check, region, number)))
    };
    [PUBLIC, ENCRYPTION, INSTANCE].into_iter().flat_map(each).collect()
}

pub(crate) fn without(drop: impl Fn(&Result) -> bool) -> Vec<Result> {
    base().into_iter().filter(|one| !drop(one)).collect()
}

fn manual(check: &'static str, region: &'static str, resource: &str) -> Result {
    Result { manual: true, failed: false, resource: resource.to_owned(), ..of(check, region, 0) }
}

pub(crate) fn active(world: &World) -> usize {
    held(world, ACCOUNT.parse().unwrap(), "ACTIVE").len()
}

/// Archived, absent, and unproven findings.
pub(crate) fn evidence(report: &RunReport) -> (u64, u64, u64) {
    (report.counts.archived, report.counts.absent, report.counts.unproven)
}

pub(crate) fn unproven(report: &RunReport, region: &str, service: &str, reason: &str) -> u64 {
    let account = &report.accounts[&ACCOUNT.parse().unwrap()];
    let services = account.unproven.get(&region.parse().unwrap());
    services.and_then(|services| services.get(service)?.get(reason)).copied().unwrap_or_default()
}

/// A world after a first scan with all results.
pub(crate) async fn begun(change: impl FnOnce(&mut exporter::model::integration::Integration)) -> World {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, change);
    assert_eq!(export(&world, scan(0, base()).upload("0")).await.counts.sent, 45);
    world.sleep(3600).await;
    world
}

/// Exports one scan of these results in each of these hours. Returns the report of the last one.
pub(crate) async fn scans(world: &World, hours: std::ops::Range<i64>, results: &[Result]) -> RunReport {
    let mut last = None;
    for hour in hours {
        last = Some(export(world, scan(hour, results.to_vec()).upload(&format!("at-{hour}"))).await);
        world.sleep(3600).await;
    }
    last.unwrap()
}

/// The findings that the run lists for approval.
pub(crate) fn listed(world: &World, report: &RunReport) -> Vec<PendingFinding> {
    let Some(key) = &report.pending else { return Vec::new() };
    let lines = world.contents().objects[key].1.clone();
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn proven_a_verdict_of_the_check_in_the_region_archives_at_once() {
    let world = begun(|_| {}).await;
    let report = scans(&world, 1..2, &without(|one| one.check == PUBLIC && one.resource.ends_with("-3"))).await;
    assert_eq!(evidence(&report), (3, 0, 0), "{:?}", report.reasons);
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 42));
}

#[tokio::test(start_paused = true)]
async fn proven_a_passed_or_muted_result_is_a_verdict() {
    let world = begun(|_| {}).await;
    let mut results = without(|one| one.check == PUBLIC && one.region == "us-east-1" && !one.resource.ends_with("-3"));
    let last = results.iter_mut().find(|one| one.check == PUBLIC && one.region == "us-east-1").unwrap();
    (last.failed, last.muted) = (false, true);
    let report = scans(&world, 1..2, &results).await;
    assert_eq!(evidence(&report), (5, 0, 0), "four are absent, one is muted: {:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn absent_verdicts_of_other_checks_archive_with_the_second_whole_scan() {
    let world = begun(|_| {}).await;
    let results = without(|one| one.check == PUBLIC && one.region == "eu-west-1");
    let report = scans(&world, 1..2, &results).await;
    assert_eq!(evidence(&report), (0, 5, 0), "{:?}", report.reasons);
    assert_eq!((report.status, active(&world)), (RunStatus::Succeeded, 45));
    let report = scans(&world, 2..3, &results).await;
    assert_eq!(evidence(&report), (5, 0, 0), "{:?}", report.reasons);
    assert_eq!(active(&world), 40);
}

#[tokio::test(start_paused = true)]
async fn absent_a_finding_is_archived_after_the_configured_number_of_scans() {
    for absent_scans in [1, 3] {
        let world = begun(|integration| integration.absent_scans = absent_scans).await;
        let results = without(|one| one.check == PUBLIC && one.region == "eu-west-1");
        for hour in 1..i64::from(absent_scans) {
            assert_eq!(evidence(&scans(&world, hour..hour + 1, &results).await), (0, 5, 0), "{absent_scans}: {hour}");
        }
        let last = i64::from(absent_scans);
        assert_eq!(evidence(&scans(&world, last..last + 1, &results).await), (5, 0, 0), "{absent_scans}");
    }
}

#[tokio::test(start_paused = true)]
async fn absent_a_scan_in_which_the_finding_is_present_resets_the_count() {
    let world = begun(|_| {}).await;
    let results = without(|one| one.check == PUBLIC && one.region == "eu-west-1");
    assert_eq!(evidence(&scans(&world, 1..2, &results).await), (0, 5, 0));
    assert_eq!(evidence(&scans(&world, 2..3, &base()).await), (0, 0, 0));
    assert_eq!(evidence(&scans(&world, 3..4, &results).await), (0, 5, 0), "the count starts at one again");
    assert_eq!(active(&world), 45);
}

#[tokio::test(start_paused = true)]
async fn absent_a_scan_without_evidence_does_not_change_the_count() {
    let world = begun(|_| {}).await;
    let results = without(|one| one.check == PUBLIC && one.region == "eu-west-1");
    assert_eq!(evidence(&scans(&world, 1..2, &results).await), (0, 5, 0));
    let blind = without(|one| one.region == "eu-west-1");
    assert_eq!(evidence(&scans(&world, 2..4, &blind).await), (0, 0, 15));
    assert_eq!(evidence(&scans(&world, 4..5, &results).await), (5, 0, 0), "the second time that it is absent");
}

#[tokio::test(start_paused = true)]
async fn absent_one_scan_counts_once_under_any_key_and_in_any_run() {
    let world = begun(|_| {}).await;
    let scanned = scan(1, without(|one| one.check == PUBLIC && one.region == "eu-west-1"));
    for key in ["1", "another key", "a third"] {
        let report = export(&world, scanned.upload(key)).await;
        assert_eq!(evidence(&report), (0, 5, 0), "{key}: {:?}", report.reasons);
        world.sleep(600).await;
    }
    let options = Options { reexport: true, ..Options::default() };
    let run = Run { options, ..Run::new(&world) };
    assert_eq!(evidence(&run.go(scanned.upload("1")).await.unwrap().unwrap()), (0, 5, 0));
    assert_eq!(active(&world), 45);
}

#[tokio::test(start_paused = true)]
async fn absent_a_result_in_a_format_without_a_detectable_end() {
    let world = begun(|_| {}).await;
    let results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
    let lines = |hour: i64| Scanned { layout: Layout::Lines, ..scan(hour, results.clone()) };
    let report = export(&world, lines(1).upload("1")).await;
    assert_eq!(evidence(&report), (0, 3, 0), "{:?}", report.reasons);
    world.sleep(3600).await;
    assert_eq!(evidence(&export(&world, lines(2).upload("2")).await), (3, 0, 0));
    // In an array, or an object of findings, the end of the file is detected.
    world.sleep(3600).await;
    let fewer: Vec<_> = results.iter().filter(|one| !one.resource.ends_with("-4")).cloned().collect();
    let object = Scanned { layout: Layout::Findings, ..scan(3, fewer) };
    assert_eq!(evidence(&export(&world, object.upload("3")).await), (9, 0, 0));
}

/// Exports eight scans that prove nothing. Asserts that nothing is archived, and that the reasons are reported.
async fn never_archived(results: &[Result], expected: &[(&str, &str, &str, u64)]) -> RunReport {
    let world = begun(|_| {}).await;
    let report = scans(&world, 1..9, results).await;
    assert_eq!(active(&world), 45, "{:?}", report.reasons);
    let all = expected.iter().map(|(.., findings)| findings).sum();
    assert_eq!(evidence(&report), (0, 0, all), "{:?}", report.reasons);
    for (region, service, reason, findings) in expected {
        assert_eq!(unproven(&report, region, service, reason), *findings, "{region} {service} {reason}");
    }
    report
}

#[tokio::test(start_paused = true)]
async fn unproven_the_region_is_silent() {
    let results = without(|one| one.region == "eu-west-1");
    let report = never_archived(
        &results,
        &[("eu-west-1", "s3", unproven::NO_REGION_RESULTS, 10), ("eu-west-1", "ec2", unproven::NO_REGION_RESULTS, 5)],
    )
    .await;
    assert!(report.reasons.iter().any(|reason| reason.contains("eu-west-1")), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn unproven_the_service_is_silent() {
    let results = without(|one| one.check == INSTANCE);
    let expected = REGIONS.map(|region| (region, "ec2", unproven::NO_SERVICE_RESULTS, 5));
    never_archived(&results, &expected).await;
}

#[tokio::test(start_paused = true)]
async fn unproven_a_permission_is_missing_in_any_of_its_shapes() {
    let log_group = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group");
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    // A MANUAL finding of the account replaces all results of the check.
    for uid in [ACCOUNT, root.as_str(), log_group.as_str()] {
        let mut results = without(|one| one.check == PUBLIC);
        results.push(manual(PUBLIC, "us-east-1", uid));
        let expected = REGIONS.map(|region| (region, "s3", unproven::MANUAL_CHECK, 5));
        never_archived(&results, &expected).await;
    }
    // The results of the readable resources, and a MANUAL finding whose text names the others.
    let mut results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
    results.insert(0, manual(PUBLIC, "us-east-1", ACCOUNT));
    never_archived(&results, &REGIONS.map(|region| (region, "s3", unproven::MANUAL_CHECK, 1))).await;
    // A MANUAL finding of the account replaces failed findings.
    let mut results = base();
    results.iter_mut().filter(|one| one.check == PUBLIC && !one.resource.ends_with("-0")).for_each(|one| {
        (one.resource, one.manual) = (log_group.clone(), true);
    });
    never_archived(&results, &REGIONS.map(|region| (region, "s3", unproven::MANUAL_CHECK, 4))).await;
}

#[tokio::test(start_paused = true)]
async fn unproven_a_manual_region_affects_only_that_region() {
    let world = begun(|_| {}).await;
    let mut results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
    results.push(manual(PUBLIC, "eu-west-1", &format!("arn:aws:s3:eu-west-1:{ACCOUNT}:bucket/unknown")));
    let report = scans(&world, 1..4, &results).await;
    assert_eq!((active(&world), report.counts.unproven), (43, 1), "{:?}", report.reasons);
    assert_eq!(unproven(&report, "eu-west-1", "s3", unproven::MANUAL_CHECK), 1);
}

#[tokio::test(start_paused = true)]
async fn unproven_a_manual_resource_does_not_affect_others() {
    let world = begun(|_| {}).await;
    let mut results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
    results.iter_mut().filter(|one| one.resource.ends_with("-4")).for_each(|one| one.manual = true);
    let report = scans(&world, 1..2, &results).await;
    assert_eq!(evidence(&report), (3, 0, 0), "{:?}", report.reasons);
    assert_eq!(active(&world), 42, "findings that are MANUAL stay active");
}

#[tokio::test(start_paused = true)]
async fn unproven_the_file_was_truncated() {
    let world = begun(|_| {}).await;
    let mut results = base();
    results[0].failed = false;
    for (hour, layout) in [(1, Layout::Array), (2, Layout::Lines), (3, Layout::Findings)] {
        let truncated = Scanned { cut: Some(40), layout, ..scan(hour, results.clone()) };
        let report = export(&world, truncated.upload(&hour.to_string())).await;
        assert_eq!(evidence(&report), (0, 0, 5), "{layout:?} {:?}", report.reasons);
        assert_eq!(unproven(&report, "sa-east-1", "ec2", unproven::FILE_TRUNCATED), 5);
        world.sleep(3600).await;
    }
    assert_eq!(active(&world), 45, "nothing is archived, not even passed findings");
}

#[tokio::test(start_paused = true)]
async fn unproven_malformed_entries_that_could_have_belonged_here() {
    let some = |text: &str| Some(text.to_owned());
    let (region, check) = (some("eu-west-1"), some(PUBLIC));
    // Three findings are absent, one in each Region. The number of archived ones depends on where the malformed entry could
    // belong.
    let cases = [
        (Where { account: some(ACCOUNT), region: region.clone(), check: check.clone() }, 2),
        (Where { account: some(ACCOUNT), region, check: None }, 2),
        (Where { account: some(ACCOUNT), region: None, check }, 0),
        (Where { account: some(ACCOUNT), region: None, check: some(INSTANCE) }, 3),
        (Where { account: some("999999999999"), region: None, check: None }, 3),
        (Where::default(), 0),
    ];
    for (place, archived) in cases {
        let world = begun(|_| {}).await;
        let results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
        let mut entry = of(PUBLIC, "eu-west-1", 3).ocsf(ACCOUNT.parse().unwrap(), jiff::Timestamp::UNIX_EPOCH);
        entry["status_code"] = "PERHAPS".into();
        entry["finding_info"]["uid"] = "x".into();
        entry["resources"][0]["uid"] = "x".into();
        let fields = entry.as_object_mut().unwrap();
        fields["cloud"]["account"]["uid"] = place.account.clone().into();
        match &place.region {
            Some(region) => fields["cloud"]["region"] = region.clone().into(),
            None => {
                fields["cloud"].as_object_mut().unwrap().remove("region");
                fields["resources"][0].as_object_mut().unwrap().remove("region");
            }
        }
        fields["metadata"]["event_code"] = place.check.clone().into();
        let extra = vec![Extra { text: entry.to_string(), place: place.clone(), before: 7 }];
        let scanned = Scanned { extra, ..scan(1, results) };
        let report = export(&world, scanned.upload("1")).await;
        assert_eq!(evidence(&report), (archived, 0, 3 - archived), "{place:?} {:?}", report.reasons);
        assert_eq!(report.status, RunStatus::Degraded, "{place:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn unproven_the_scan_holds_several_scan_times() {
    let world = begun(|_| {}).await;
    let mut results = without(|one| one.check == PUBLIC && one.resource.ends_with("-3"));
    let scanned = scan(1, results.clone());
    results[0].at = Some(scanned.at - jiff::SignedDuration::from_secs(90));
    let report = export(&world, scan(1, results).upload("1")).await;
    assert_eq!(evidence(&report), (0, 0, 3), "{:?}", report.reasons);
    assert_eq!(unproven(&report, "us-east-1", "s3", unproven::SEVERAL_SCAN_TIMES), 1);
    let times = report.accounts[&scanned.account].scan_times.clone();
    assert_eq!(times, [scanned.at - jiff::SignedDuration::from_secs(90), scanned.at]);
}

#[tokio::test(start_paused = true)]
async fn unproven_findings_are_listed_and_archived_when_a_user_approves_them() {
    let world = begun(|_| {}).await;
    let scanned = scan(1, without(|one| one.region == "eu-west-1"));
    let report = export(&world, scanned.upload("1")).await;
    let list = listed(&world, &report);
    assert_eq!(list.len(), 15);
    let first = &list[0];
    assert_eq!((first.class, first.reason.as_str()), (PendingClass::Unproven, unproven::NO_REGION_RESULTS));
    assert_eq!((first.region.to_string(), first.severity.as_str()), ("eu-west-1".to_owned(), "HIGH"));
    assert!(first.resource_id.starts_with("arn:aws:x:::eu-west-1-"), "{first:?}");
    assert_eq!(first.first_observed_at, scan(0, Vec::new()).at);
    assert!(report.reasons.iter().any(|reason| reason.contains("--unproven")), "{:?}", report.reasons);

    // Approving the pending findings doesn't approve the unproven ones.
    let approve = |pending, unproven| {
        let approval = Approval { pending, unproven };
        Run { options: Options { reexport: true, approval, ..Options::default() }, ..Run::new(&world) }
    };
    let report = approve(true, false).go(scanned.upload("1")).await.unwrap().unwrap();
    assert_eq!((evidence(&report), active(&world)), ((0, 0, 15), 45));
    let report = approve(false, true).go(scanned.upload("1")).await.unwrap().unwrap();
    assert_eq!((report.counts.archived, active(&world)), (15, 30), "{:?}", report.reasons);
    // The next scan without results for the Region has nothing left to approve.
    world.sleep(3600).await;
    let report = scans(&world, 2..3, &without(|one| one.region == "eu-west-1")).await;
    assert_eq!((evidence(&report), report.status), ((0, 0, 0), RunStatus::Succeeded), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn scope_partial_archives_what_is_proven_only() {
    let world = begun(|integration| integration.archive_scope = ArchiveScope::Partial).await;
    // One check in one Region, of which one finding is absent.
    let part: Vec<_> = base().into_iter().filter(|one| one.check == PUBLIC && one.region == "eu-west-1").collect();
    let report = scans(&world, 1..4, &part[1..]).await;
    assert_eq!((active(&world), report.counts.archived), (44, 0), "the first scan archived it: {:?}", report.reasons);
    assert_eq!(report.accounts[&ACCOUNT.parse().unwrap()].partial_scan, None, "no comparison with the last whole scan");
    // A format whose end can't be detected proves nothing, regardless of the number of scans.
    for hour in 4..8 {
        let lines = Scanned { layout: Layout::Lines, ..scan(hour, part[2..].to_vec()) };
        let report = export(&world, lines.upload(&hour.to_string())).await;
        assert_eq!(report.counts.archived, 0, "{:?}", report.reasons);
        assert_eq!(unproven(&report, "eu-west-1", "s3", unproven::NO_FILE_END), 1, "{:?}", report.reasons);
        world.sleep(3600).await;
    }
    // A check that became MANUAL proves nothing either.
    let mut results = part[2..].to_vec();
    results.push(manual(PUBLIC, "us-east-1", ACCOUNT));
    assert_eq!(scans(&world, 8..11, &results).await.counts.archived, 0);
    assert_eq!(active(&world), 44);
}

#[tokio::test(start_paused = true)]
async fn scope_observed_archives_passed_and_muted_but_no_absent_findings() {
    let world = begun(|integration| integration.archive_scope = ArchiveScope::Observed).await;
    let mut results = vec![of(PUBLIC, "eu-west-1", 0), of(PUBLIC, "eu-west-1", 1), of(PUBLIC, "eu-west-1", 2)];
    results[0].failed = false;
    results[1].muted = true;
    let report = scans(&world, 1..2, &results).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Succeeded, 2), "{:?}", report.reasons);
    scans(&world, 2..6, &results).await;
    assert_eq!(active(&world), 43);
}

//! Sample runs, with quarantined and pending findings.

use std::collections::btree_map::Entry;

use exporter::model::problem::Problem;
use exporter::model::upload::UploadInfo;
use exporter::report::{
    AccountReport, ArchiveSkipped, Changes, Counts, EarlierResults, Fate, PendingArchive, PendingSums, ReadStatus,
    RegionReport, RunKind, RunReport, RunStatus, RunTrigger, UnusualArchive, UnusualGroup,
};
use exporter::testing::Contents;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::connections::{ORGANIZATION, ORGANIZATION_ACCOUNTS, organization_account};
use super::{Failure, RUN, ago};

const PRODUCTION: &str = "123456789012";
const STAGING: &str = "210987654321";
/// Regions of production with few changes, and their unchanged findings.
const QUIET: [(&str, u64); 13] = [
    ("us-east-2", 640),
    ("us-west-1", 380),
    ("us-west-2", 511),
    ("ca-central-1", 120),
    ("eu-west-2", 377),
    ("eu-west-3", 210),
    ("eu-central-1", 1_260),
    ("eu-north-1", 0),
    ("ap-south-1", 302),
    ("ap-northeast-1", 415),
    ("ap-northeast-2", 77),
    ("ap-southeast-1", 260),
    ("ap-southeast-2", 228),
];
const SEVERITIES: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
/// Findings of the large run that require approval, by service: service, count, class.
const PENDING: [(&str, usize, &str); 5] =
    [("ec2", 62, "absent"), ("rds", 21, "absent"), ("s3", 14, "passed"), ("iam", 8, "proven"), ("vpc", 3, "muted")];
/// The same services: active findings, and results of this scan and of an earlier one.
const RESULTS: [(&str, u64, u64, u64); 5] = [
    ("ec2", 80, 61, 5_902),
    ("rds", 30, 34, 1_911),
    ("s3", 30, 4_102, 4_090),
    ("iam", 37, 3_977, 3_960),
    ("vpc", 10, 640, 652),
];

/// A run.
fn run(id: &str, account: &str, minutes: i64, now: Timestamp) -> RunReport {
    let started_at = ago(now, minutes);
    let stamp = started_at.strftime("%Y%m%d%H%M%S");
    let upload = UploadInfo {
        source: format!("s3://acme-prowler-scans/output/prowler-output-{account}-{stamp}.ocsf.json.gz"),
        etag: format!("\"{id}\""),
        bytes: 38_214_067,
        modified_at: Some(started_at - SignedDuration::from_secs(4)),
        requester: None,
    };
    let mut run = RunReport::new(id.to_owned(), upload, started_at);
    run.status = RunStatus::Succeeded;
    run.trigger = Some(RunTrigger::Upload);
    run.format = Some(asff::ScanFormat::Ocsf);
    run.read_status = ReadStatus::Complete;
    run.finished_at = Some(started_at + SignedDuration::from_millis(6_400));
    run.scanned_at = Some(started_at - SignedDuration::from_mins(7));
    run
}

/// A run with few changes. Its ID and its time precede those of the other samples.
pub(super) fn plain(account: &str, number: u64, minutes: i64, now: Timestamp) -> Result<RunReport, Failure> {
    let mut run = run(
        &format!("0193{:04x}-7d5e-7c41-9a3b-{:012x}", 0x6fff - number / 0x10000, 0xffff_ffff_ffff - number),
        account,
        minutes,
        now,
    );
    add_counts(
        &mut run,
        account,
        &[("eu-west-1", number % 40, 900, 300, number % 7), ("us-east-1", number % 11, 400, 120, 0)],
    )?;
    Ok(run)
}

/// Adds the counts of the quiet Regions of production, with a few findings sent in some of them.
fn add_quiet(run: &mut RunReport, day: u64) -> Result<(), Failure> {
    for (number, (name, unchanged)) in (1..).zip(QUIET) {
        let sent = if day == 0 || unchanged == 0 { 0 } else { day * number % 7 };
        add_counts(run, PRODUCTION, &[(name, sent, unchanged - sent, 2 * unchanged, sent)])?;
    }
    Ok(())
}

/// The run of a file with the scans of an organization's accounts, some days ago. One account was never scanned, and the scans of
/// two are missing since two days.
fn accounts_of_organization(day: i64, now: Timestamp) -> Result<RunReport, Failure> {
    let id = format!("0193{:04x}-1000-7c41-9a3b-000000000024", 0x8000 - day - 1);
    // Its scans are due at 03:00 UTC.
    let minutes = (now.as_second() / 60 - 202).rem_euclid(1_440);
    let mut all = run(&id, ORGANIZATION, day * 1_440 + minutes, now);
    for number in (0..ORGANIZATION_ACCOUNTS).filter(|number| *number != 6) {
        if day < 2 && [9, 14].contains(&number) {
            continue;
        }
        let active = 37 + number * 7_919 % 840;
        let sent = (number + u64::try_from(day)?) % 5;
        let regions = [("eu-west-1", sent, active - sent, 3 * active, sent), ("us-east-1", 0, active / 4, active, 0)];
        add_counts(&mut all, &organization_account(number), &regions)?;
    }
    for report in all.accounts.values_mut() {
        report.integration = Some(ORGANIZATION.parse()?);
    }
    Ok(all)
}

/// Adds the counts of an account of a run, by Region: sent, unchanged, filtered, archived.
fn add_counts(run: &mut RunReport, account: &str, regions: &[(&str, u64, u64, u64, u64)]) -> Result<(), Failure> {
    let mut report = AccountReport::default();
    for (name, sent, unchanged, filtered, archived) in regions {
        let changes = Changes { new: sent / 2, changed: sent - sent / 2, reactivated: 0, refresh_due: 0 };
        let region = RegionReport {
            sent: *sent,
            changes,
            unchanged: *unchanged,
            filtered: *filtered,
            archived: *archived,
            active: Some(sent + unchanged),
            archived_at: (*archived > 0).then_some(run.started_at),
            calls: sent / 30 + 2,
            throttled: sent / 60,
            ..RegionReport::default()
        };
        report.regions.insert(name.parse()?, region);
        report.counts.add(Fate::Sent, *sent);
        report.counts.add(Fate::Unchanged, *unchanged);
        report.counts.add(Fate::Filtered("passed".to_owned()), *filtered);
        report.counts.archived += archived;
    }
    report.counts.read = report.counts.accounted();
    add(run, account, report)
}

/// Adds the results of an account, or of further Regions of it.
fn add(run: &mut RunReport, account: &str, mut report: AccountReport) -> Result<(), Failure> {
    run.counts.merge(&report.counts);
    report.integration = Some(account.parse()?);
    match run.accounts.entry(account.parse()?) {
        Entry::Vacant(place) => drop(place.insert(report)),
        Entry::Occupied(mut known) => {
            known.get_mut().counts.merge(&report.counts);
            known.get_mut().regions.append(&mut report.regions);
        }
    }
    Ok(())
}

/// Adds the sample runs, oldest first.
pub(super) fn fill(contents: &mut Contents, now: Timestamp) -> Result<(), Failure> {
    for day in (1..20_i64).rev() {
        for (index, account) in [PRODUCTION, STAGING].into_iter().enumerate() {
            let minutes = day * 1_440 + 30 * i64::try_from(index)?;
            let id = format!("0193{:04x}-0000-7c41-9a3b-{index:012}", 0x8000 - day);
            let mut past = run(&id, account, minutes, now);
            let sent = 180 + (u64::try_from(day)? * 7_919) % 240;
            add_counts(
                &mut past,
                account,
                &[("eu-west-1", sent, 6_020, 12_400, sent / 4), ("us-east-1", sent / 3, 3_010, 6_200, sent / 9)],
            )?;
            if account == PRODUCTION {
                // The Region became unavailable later.
                add_counts(&mut past, account, &[("eu-south-2", sent / 60, 214 - sent / 60, 380, sent / 60)])?;
                add_quiet(&mut past, u64::try_from(day)?)?;
            }
            contents.runs.push(past);
        }
        contents.runs.push(accounts_of_organization(day - 1, now)?);
    }
    let mut sandbox = run("0193a1c3-0000-7c41-9a3b-000000000010", "345678901234", 530, now);
    (sandbox.status, sandbox.reasons) =
        (RunStatus::Failed, vec!["account 345678901234: the role can't be assumed".to_owned()]);
    let mut counts = Counts { read: 3_301, ..Counts::default() };
    counts.add(Fate::Filtered("passed".to_owned()), 2_011);
    counts.add(Fate::Undelivered("credentials".to_owned()), 1_290);
    let problem = Some("the role arn:aws:iam::345678901234:role/SecurityHubExporter can't be assumed\nhubctl permissions print --integration 345678901234".to_owned());
    add(&mut sandbox, "345678901234", AccountReport { counts, problem, ..AccountReport::default() })?;
    contents.runs.push(sandbox);
    let big = staging(contents, now)?;
    contents.runs.push(big);
    let mut ignored = run("0193a1d0-0000-7c41-9a3b-000000000011", "123456789012", 400, now);
    (ignored.status, ignored.reasons) = (RunStatus::Ignored, vec!["a compliance file, not a scan".to_owned()]);
    contents.runs.push(ignored);
    let mut production = run("0193a1e0-0000-7c41-9a3b-000000000012", "123456789012", 153, now);
    add_counts(
        &mut production,
        PRODUCTION,
        &[("eu-west-1", 201, 6_098, 12_410, 61), ("us-east-1", 97, 3_010, 6_410, 23)],
    )?;
    add_quiet(&mut production, 0)?;
    contents.runs.push(production);
    let mut undone = run("0193a1f0-0000-7c41-9a3b-000000000013", "123456789012", 100, now);
    (undone.kind, undone.source_run_id) = (RunKind::UndoArchive, contents.runs.first().map(|run| run.run_id.clone()));
    add_counts(&mut undone, PRODUCTION, &[("eu-west-1", 61, 0, 0, 0)])?;
    // The findings of the export before it, and those that are active again.
    for report in undone.accounts.values_mut().flat_map(|report| report.regions.values_mut()) {
        report.active = Some(201 + 6_098 + 61);
    }
    contents.runs.push(undone);
    let mut running = run("0193a201-0000-7c41-9a3b-000000000014", "600000000000", 0, now);
    (running.status, running.finished_at) = (RunStatus::Running, None);
    contents.runs.push(running);
    Ok(())
}

/// The run with all kinds of problems.
fn staging(contents: &mut Contents, now: Timestamp) -> Result<RunReport, Failure> {
    let mut big = run(RUN, STAGING, 511, now);
    big.status = RunStatus::Degraded;
    let mut report = AccountReport::default();
    let counts = &mut report.counts;
    // The last number: findings that stay active, since their archive is pending or they are unproven.
    for (name, sent, unchanged, filtered, stay) in [
        ("eu-west-1", 218, 1_710, 9_902, 120),
        ("us-east-1", 118, 1_014, 6_620, 4),
        ("eu-central-1", 76, 413, 4_580, 0),
    ] {
        let active = Some(sent + unchanged + stay);
        let changes =
            Changes { new: sent / 2, changed: sent / 3, reactivated: 2, refresh_due: sent - sent / 2 - sent / 3 - 2 };
        let region = RegionReport {
            sent,
            changes,
            unchanged,
            filtered,
            active,
            calls: 10,
            throttled: 1,
            ..RegionReport::default()
        };
        report.regions.insert(name.parse()?, region);
        counts.add(Fate::Sent, sent);
        counts.add(Fate::Unchanged, unchanged);
    }
    counts.add(Fate::Filtered("passed".to_owned()), 20_880);
    counts.add(Fate::Filtered("muted".to_owned()), 222);
    for (name, reason, findings, message, remediation) in [
        (
            "eu-south-2",
            "hub_not_enabled",
            96,
            "Security Hub is not enabled",
            "aws securityhub enable-security-hub --no-enable-default-standards --region eu-south-2  # in account 210987654321",
        ),
        (
            "ap-southeast-3",
            "product_not_accepted",
            58,
            "the Prowler product is not accepted",
            "aws securityhub enable-import-findings-for-product --product-arn arn:aws:securityhub:ap-southeast-3::product/prowler/prowler --region ap-southeast-3  # in account 210987654321",
        ),
    ] {
        counts.add(Fate::RegionUnavailable(name.parse()?, reason.to_owned()), findings);
        let unavailable = Problem::new(reason, message).fixed_by(remediation.to_owned());
        report
            .regions
            .insert(name.parse()?, RegionReport { unavailable: Some(unavailable), ..RegionReport::default() });
    }
    counts.add(Fate::Quarantined("InvalidInput".to_owned()), 9);
    counts.add(Fate::Quarantined("partition_mismatch".to_owned()), 2);
    (counts.read, counts.repaired, counts.unproven) = (counts.accounted(), 38, 31);
    let pending: usize = PENDING.iter().map(|(_, count, _)| count).sum();
    report.archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: u64::try_from(pending)?, active: 187 });
    report.pending_archive = Some(pending_archive(now)?);
    for (service, region, reason, findings) in [
        ("eks", "eu-west-1", "no_service_results", 12),
        ("kms", "eu-north-1", "no_region_results", 15),
        ("iam", "us-east-1", "manual_check", 4),
    ] {
        let services = report.unproven.entry(region.parse()?).or_default();
        services.entry(service.to_owned()).or_default().insert(reason.to_owned(), findings);
    }
    big.reasons = vec![
        format!(
            "account {STAGING}: archive_requires_approval: the scan shows {pending} of 187 active findings as resolved, more than the limit; they are archived upon approval"
        ),
        "2 Regions are unavailable".to_owned(),
    ];
    (big.quarantine, big.pending) = (Some(RunReport::quarantine_key(RUN)), Some(RunReport::pending_key(RUN)));
    contents.quarantine.insert(RUN.to_owned(), quarantine());
    contents.pending.insert(RUN.to_owned(), pending_findings(now));
    add(&mut big, STAGING, report)?;
    Ok(big)
}

/// The pending archive of the big run, which looks unusual: two services have far fewer results than before.
fn pending_archive(now: Timestamp) -> Result<PendingArchive, Failure> {
    let scanned_at = ago(now, 4 * 1_440);
    let mut archive = PendingArchive { with_partial_scope: Some(25), ..PendingArchive::default() };
    for ((service, count, class), (_, active, results, earlier)) in PENDING.into_iter().zip(RESULTS) {
        let earlier = Some(EarlierResults { results: earlier, scanned_at });
        let mut sums = PendingSums { active, results, earlier, ..PendingSums::default() };
        let count = u64::try_from(count)?;
        match class {
            "absent" => sums.absent = count,
            "proven" => sums.proven = count,
            "passed" => sums.passed = count,
            _ => sums.muted = count,
        }
        archive.services.insert(service.to_owned(), sums);
    }
    let total = |of: fn(&PendingSums) -> u64| archive.services.values().map(of).sum::<u64>();
    let region = PendingSums {
        active: total(|sums| sums.active),
        proven: total(|sums| sums.proven),
        absent: total(|sums| sums.absent),
        passed: total(|sums| sums.passed),
        muted: total(|sums| sums.muted),
        results: total(|sums| sums.results),
        earlier: Some(EarlierResults { results: 16_515, scanned_at }),
    };
    archive.regions.insert("eu-west-1".parse()?, region);
    archive.unusual = Some(UnusualArchive {
        by: UnusualGroup::Service,
        names: vec!["ec2".to_owned(), "rds".to_owned()],
        findings: 83,
        results: 95,
        active: 110,
        earlier_results: 7_813,
        earlier_scanned_at: Some(scanned_at),
    });
    Ok(archive)
}

fn quarantine() -> Vec<serde_json::Value> {
    let entry = |number: usize| {
        let (code, stage, region, message) = if number < 9 {
            (
                "InvalidInput",
                "delivery",
                "eu-west-1",
                "Finding does not adhere to Amazon Finding Format. data.Resources[0].Details.AwsIamRole.AttachedManagedPolicies should NOT have more than 20 items.",
            )
        } else {
            ("partition_mismatch", "mapping", "eu-central-1", "the ARN is of the partition aws-cn, the Region of aws")
        };
        let id = format!("prowler-iam_role_administratoraccess_policy-{STAGING}-us-east-1-{number:09x}");
        json!({ "stage": stage, "code": code, "message": message, "id": id, "account": STAGING, "region": region,
            "finding": { "SchemaVersion": "2018-10-08", "Id": id, "AwsAccountId": STAGING, "GeneratorId": "prowler-iam_role_administratoraccess_policy",
                "Title": "Ensure IAM Roles do not have AdministratorAccess policy attached <script>alert(1)</script>\u{202e}",
                "Resources": [{ "Type": "AwsIamRole", "Id": format!("arn:aws:iam::{STAGING}:role/ci-deployer-{number}") }] } })
    };
    (0..11).map(entry).collect()
}

fn pending_findings(now: Timestamp) -> Vec<serde_json::Value> {
    let finding = |service: &str, number: usize, class: &str, reason: &str, region: &str| {
        json!({ "account": STAGING, "finding_id": format!("prowler-{service}_check_{number}-{STAGING}-{region}-{number:09x}"),
            "check_id": format!("{service}_check_{}", number % 4), "service": service, "region": region,
            "severity": SEVERITIES[number % 4],
            "resource_id": format!("arn:aws:{service}:{region}:{STAGING}:resource/{number}"),
            "first_observed_at": ago(now, 60_000), "class": class, "reason": reason })
    };
    let mut all = Vec::new();
    for (service, count, class) in PENDING {
        all.extend((0..count).map(|number| finding(service, number, class, "archive_limit", "eu-west-1")));
    }
    for (service, region, reason, count) in [
        ("eks", "eu-west-1", "no_service_results", 12),
        ("kms", "eu-north-1", "no_region_results", 15),
        ("iam", "us-east-1", "manual_check", 4),
    ] {
        all.extend((0..count).map(|number| finding(service, 900 + number, "unproven", reason, region)));
    }
    all
}

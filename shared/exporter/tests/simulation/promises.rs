//! The promises of the product: each is a test whose name states the promise.

use std::time::Duration;

use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::report::{ArchiveSkipped, RunStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use simulator::{Caller, Effect, Fault, Operation};

use crate::hub_assertions::{assert_equal, held};
use crate::scan::{Result, Scanned, open};
use crate::{ACCOUNT, OTHER, REGIONS, Run, START, export, integrate, plan, world};

pub(crate) fn result(number: u32, region: &'static str) -> Result {
    let resource = format!("arn:aws:s3:::bucket-{number}");
    Result {
        check: "s3_bucket_public_access",
        region,
        resource,
        failed: true,
        muted: false,
        manual: false,
        detail: 0,
        at: None,
    }
}

/// `count` failed results, distributed over the Regions.
pub(crate) fn failed(count: u32) -> Vec<Result> {
    (0..count).map(|number| result(number, REGIONS[number as usize % 3])).collect()
}

pub(crate) fn scan(hours: i64, results: Vec<Result>) -> Scanned {
    let at = START.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours);
    Scanned::new(ACCOUNT.parse().unwrap(), at, results)
}

pub(crate) fn imports(world: &crate::fake_aws::World) -> usize {
    world.simulator.calls().iter().filter(|call| call.operation == Operation::BatchImportFindings).count()
}

#[tokio::test(start_paused = true)]
async fn everything_is_counted() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |_| {});
    let mut results = failed(30);
    results[0].failed = false;
    results[1].muted = true;
    let mut file = serde_json::to_value(vec![0; 0]).unwrap();
    let scanned = scan(0, results);
    let text: serde_json::Value = serde_json::from_slice(&{
        let mut body = Vec::new();
        collect(scanned.upload("x"), &mut body).await;
        body
    })
    .unwrap();
    file.as_array_mut().unwrap().extend(text.as_array().unwrap().clone());
    file.as_array_mut().unwrap().push(json!({ "class_uid": 2004, "metadata": { "event_code": "c" } }));
    let report = export(&world, open("all.ocsf.json", &serde_json::to_vec(&file).unwrap())).await;
    let counts = &report.counts;
    assert_eq!(counts.read, 31);
    assert_eq!(counts.sent, 18);
    assert_eq!(counts.filtered_total(), 2);
    assert_eq!(counts.region_unavailable["sa-east-1"]["hub_not_enabled"], 10);
    assert_eq!(counts.quarantined_total(), 1);
    assert_eq!(report.status, RunStatus::Degraded);
}

pub(crate) async fn collect(scan: exporter::ports::Scan, into: &mut Vec<u8>) {
    use futures::StreamExt;
    let mut body = scan.body;
    while let Some(chunk) = body.next().await {
        into.extend_from_slice(&chunk.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn no_active_finding_is_archived() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(60));
    export(&world, first.upload("1")).await;
    assert_equal(&world, first.account, &first.wanted(&integration), "after the first scan");

    world.sleep(3600).await;
    let mut results = failed(60);
    results.truncate(50);
    results[0].failed = false;
    results[1].muted = true;
    let second = scan(1, results);
    let report = Run::new(&world).of(&second, &integration).go(second.upload("2")).await.unwrap().unwrap();
    assert_eq!((report.counts.sent, report.counts.unchanged, report.counts.archived), (0, 48, 12));
    assert_equal(&world, second.account, &second.wanted(&integration), "after the second scan");
    let archived = held(&world, second.account, "ARCHIVED");
    let status = |number: usize| {
        let result = &first.results[number];
        archived[&(result.region.to_owned(), result.id(first.account))].status.clone()
    };
    assert_eq!([status(0), status(1), status(59)], ["PASSED", "WARNING", "FAILED"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_archived_after_a_truncated_file() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let mut bytes = Vec::new();
    collect(scan(1, failed(60)).upload("2"), &mut bytes).await;
    bytes.truncate(bytes.len() / 2);
    let report = export(&world, open("2", &bytes)).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0));
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 60);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_archived_if_an_entry_of_the_file_is_malformed() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(3600).await;
    let mut bytes = Vec::new();
    collect(scan(1, failed(50)).upload("2"), &mut bytes).await;
    let place = bytes.windows(6).rposition(|window| window == b"\"High\"").unwrap();
    bytes[place] = b'x';
    let report = export(&world, open("2", &bytes)).await;
    assert_eq!((report.counts.malformed, report.counts.archived), (1, 0), "{:?}", report.reasons);
    assert_eq!(report.counts.unproven, 11);
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 60);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_limit_is_archived_without_approval() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
    export(&world, scan(0, failed(200)).upload("1")).await;
    world.sleep(3600).await;
    let second = scan(1, failed(90));
    let report = export(&world, second.upload("2")).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0));
    let held_back = report.accounts[&second.account].archive.clone();
    assert_eq!(held_back, Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 110, active: 200 }));
    assert!(report.reasons.iter().any(|reason| reason.contains("hubctl run approve")), "{:?}", report.reasons);

    let options =
        Options { reexport: true, approval: Approval { pending: true, unproven: false }, ..Options::default() };
    let run = Run { options, ..Run::new(&world) };
    let report = run.of(&second, &integration).go(second.upload("2")).await.unwrap().unwrap();
    assert_eq!((report.counts.sent, report.counts.archived), (0, 110));
    assert_equal(&world, second.account, &second.wanted(&integration), "after the approval");
}

#[tokio::test(start_paused = true)]
async fn an_older_scan_never_overwrites_a_newer_one() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let (older, newer) = (scan(0, failed(30)), scan(2, failed(10)));
    world.sleep(3 * 3600).await;
    export(&world, newer.upload("newer")).await;
    let before = imports(&world);
    let report = export(&world, older.upload("older")).await;
    assert_eq!(report.status, RunStatus::Superseded);
    assert_eq!(report.counts.filtered["superseded"], 30);
    assert_eq!(imports(&world), before, "nothing is sent");
    assert_equal(&world, newer.account, &newer.wanted(&integration), "after the older scan");
}

#[tokio::test(start_paused = true)]
async fn an_older_scan_never_overwrites_a_newer_one_even_without_a_state() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let older = scan(0, failed(30));
    let mut results = failed(40);
    results[3].detail = 7;
    let newer = scan(2, results);
    world.sleep(3 * 3600).await;
    export(&world, newer.upload("newer")).await;
    world.forget_states();
    let report = export(&world, older.upload("older")).await;
    assert_eq!((report.counts.sent, report.counts.archived), (0, 0), "{:?}", report.reasons);
    assert_equal(&world, newer.account, &newer.wanted(&integration), "after the older scan");
}

#[tokio::test(start_paused = true)]
async fn the_same_upload_twice_changes_nothing() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(300));
    let report = export(&world, first.upload("1")).await;
    assert_eq!((report.status, report.counts.sent), (RunStatus::Succeeded, 300));
    let before = imports(&world);
    assert_eq!(export(&world, first.upload("1")).await.status, RunStatus::Duplicate);
    let report = export(&world, first.upload("another/key")).await;
    assert_eq!((report.counts.sent, report.counts.unchanged), (0, 300));
    assert_eq!(imports(&world), before);
}

#[tokio::test(start_paused = true)]
async fn analysts_changes_and_first_seen_times_are_preserved() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(3));
    export(&world, first.upload("1")).await;
    let id = first.results[0].id(first.account);
    let update = json!({
        "FindingIdentifiers": [{ "Id": id, "ProductArn": "arn:aws:securityhub:us-east-1::product/prowler/prowler" }],
        "Workflow": { "Status": "SUPPRESSED" },
        "Severity": { "Label": "LOW" },
        "Note": { "Text": "we know", "UpdatedBy": "analyst" },
    });
    let caller = Caller::user(ACCOUNT);
    let body = serde_json::to_vec(&update).unwrap();
    assert!(world.simulator.batch_update_findings(&caller, "us-east-1", &body).is_success());
    for hours in 1..=3 {
        world.sleep(3600).await;
        let mut results = failed(3);
        results[0].detail = u32::try_from(hours).unwrap();
        // The finding is absent once, and then present again.
        if hours == 2 {
            results.remove(0);
        }
        export(&world, scan(hours, results).upload(&hours.to_string())).await;
    }
    let finding = world.simulator.findings(ACCOUNT, "us-east-1").into_iter().find(|found| found["Id"] == id).unwrap();
    assert_eq!(finding["RecordState"], "ACTIVE");
    assert_eq!(finding["Workflow"]["Status"], "SUPPRESSED");
    assert_eq!(finding["Severity"]["Label"], "LOW");
    assert_eq!(finding["Note"]["Text"], "we know");
    assert_eq!(finding["FindingProviderFields"]["Severity"]["Label"], "HIGH");
    let first_seen: Timestamp = finding["FirstObservedAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(first_seen, first.at);
}

#[tokio::test(start_paused = true)]
async fn migrating_from_prowlers_own_integration_creates_no_duplicates() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    // The findings of Prowler's own integration: Severity and Types at the top level, and the same time in all fields.
    let before = scan(0, failed(250));
    let caller = Caller::user(ACCOUNT);
    for region in REGIONS {
        let findings: Vec<_> = before
            .results
            .iter()
            .filter(|result| result.region == region)
            .map(|result| prowlers_own(result, &before))
            .collect();
        let body = serde_json::to_vec(&json!({ "Findings": findings })).unwrap();
        assert!(world.simulator.batch_import_findings(&caller, region, &body).is_success());
    }
    world.sleep(3600).await;
    let now = scan(1, failed(240));
    let report = export(&world, now.upload("1")).await;
    assert_eq!(report.counts.archived, 10, "{:?}", report.reasons);
    assert_equal(&world, now.account, &now.wanted(&integration), "after the move");
    assert_eq!(
        held(&world, now.account, "ACTIVE").values().filter(|held| held.first_observed_at == before.at).count(),
        240
    );
}

pub(crate) fn prowlers_own(result: &Result, scanned: &Scanned) -> serde_json::Value {
    let at = scanned.at.to_string();
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": result.id(scanned.account),
        "ProductArn": format!("arn:aws:securityhub:{}::product/prowler/prowler", result.region),
        "RecordState": "ACTIVE",
        "ProductFields": { "ProviderName": "Prowler", "ProviderVersion": "5.46.0", "ProwlerResourceName": result.resource },
        "GeneratorId": format!("prowler-{}", result.check),
        "AwsAccountId": scanned.account,
        "Types": ["Software and Configuration Checks"],
        "FirstObservedAt": at, "UpdatedAt": at, "CreatedAt": at,
        "Severity": { "Label": "HIGH" },
        "Title": "Something is as it should be",
        "Description": format!("{} is as it is, take {}", result.resource, result.detail),
        "Resources": [{ "Type": "AwsS3Bucket", "Id": result.resource, "Partition": "aws", "Region": result.region }],
        "Compliance": {
            "Status": "FAILED", "RelatedRequirements": ["CIS-5.0 1.1"], "AssociatedStandards": [{ "StandardsId": "CIS-5.0" }],
        },
        "Remediation": { "Recommendation": { "Text": "Mend it.", "Url": "https://hub.prowler.com/check/it" } },
    })
}

#[tokio::test(start_paused = true)]
async fn one_invalid_finding_does_not_affect_others() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(90));
    let bad = first.results[7].id(first.account);
    world.simulator.inject(Fault::new(Effect::FailFindings {
        id_contains: bad.clone(),
        code: "InvalidInput".to_owned(),
        message: "Finding does not adhere to Amazon Finding Format.".to_owned(),
    }));
    let report = export(&world, first.upload("1")).await;
    assert_eq!((report.counts.sent, report.counts.quarantined["InvalidInput"]), (89, 1));
    let contents = world.contents();
    let (_, lines) = &contents.objects[report.quarantine.as_ref().unwrap()];
    let entry: serde_json::Value = serde_json::from_slice(lines).unwrap();
    assert_eq!(entry["id"], bad);
    assert_eq!(entry["finding"]["Id"], bad);
    assert!(entry["message"].as_str().unwrap().contains("does not adhere"));
}

#[tokio::test(start_paused = true)]
async fn a_run_out_of_time_is_continued_by_the_next_run() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let results: Vec<_> = (0..20_000).map(|number| result(number, "eu-west-1")).collect();
    let first = scan(0, results);
    let mut runs = 0;
    let mut sent = 0;
    loop {
        runs += 1;
        let deadline = Some(tokio::time::Instant::now() + Duration::from_secs(12));
        let run = Run { options: Options { deadline, ..Options::default() }, ..Run::new(&world) };
        let report = run.of(&first, &integration).go(first.upload("1")).await.unwrap().unwrap();
        sent += report.counts.sent;
        if report.status == RunStatus::Succeeded {
            break;
        }
        assert_eq!(report.status, RunStatus::Unfinished, "{:?}", report.reasons);
        assert!(runs < 10, "it makes progress");
    }
    assert!(runs > 1, "it took {runs} runs");
    assert!(sent <= 20_000 + 3000, "{sent} were sent: only findings in flight are sent twice");
    assert_equal(&world, first.account, &first.wanted(&integration), "at the end");
}

#[tokio::test(start_paused = true)]
async fn a_plan_predicts_the_export_and_changes_nothing() {
    let world = world(|config| config.region(OTHER, "eu-west-1", |region| region.hub = false));
    let integration = integrate(&world, ACCOUNT, |_| {});
    let mut results = failed(120);
    for (hours, change) in [0, 7, 11, 13].into_iter().enumerate() {
        let hours = i64::try_from(hours).unwrap();
        for (number, result) in results.iter_mut().enumerate() {
            result.failed ^= change > 0 && number % change == 0;
            result.detail += u32::from(change > 0 && number % 17 == 0);
        }
        results.retain(|result| change == 0 || result.resource.len() % change != 3);
        let scanned = scan(hours, results.clone());
        let (calls, objects) = (imports(&world), world.contents().objects.len());
        let planned = plan(&world, scanned.upload(&format!("{hours}"))).await;
        assert_eq!(imports(&world), calls, "a plan sends nothing");
        assert_eq!(world.contents().objects.len(), objects, "a plan stores nothing");
        let run = Run::new(&world).of(&scanned, &integration);
        let done = run.go(scanned.upload(&format!("{hours}"))).await.unwrap().unwrap();
        assert_eq!(planned.counts, done.counts);
        let changes = |report: &exporter::report::RunReport| {
            let regions = report.accounts[&scanned.account].regions.clone();
            regions
                .into_iter()
                .map(|(name, region)| (name, region.changes, region.archived, region.filtered))
                .collect::<Vec<_>>()
        };
        assert_eq!(changes(&planned), changes(&done));
        let filtered: u64 = changes(&planned).iter().map(|(.., filtered)| filtered).sum();
        assert_eq!(filtered, planned.counts.filtered_total(), "each filtered finding is counted in its Region");
        world.sleep(3600).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_reports_another_running_export_instead_of_outdated_results() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let scanned = scan(0, failed(30));
    export(&world, scanned.upload("1")).await;
    world.steal(ACCOUNT.parse().unwrap(), "another run");
    let planned = plan(&world, scanned.upload("1")).await;
    assert_eq!((planned.counts.sent, planned.counts.undelivered["account_locked"]), (0, 30));
    assert!(planned.reasons.iter().any(|reason| reason.contains("another run")), "{:?}", planned.reasons);
    world.sleep(2 * 3600).await;
    let planned = plan(&world, scanned.upload("1")).await;
    assert_eq!(planned.counts.undelivered_total(), 0, "{:?}", planned.counts);
}

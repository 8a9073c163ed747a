//! Uploads that contain nothing to export are reported with the reason, and a scan that a user exports explicitly is exported in
//! its own format.

use asff::ScanFormat;
use exporter::export::{Exporter, Options};
use exporter::jobs::Redrive;
use exporter::model::settings::Settings;
use exporter::report::{NO_FINDINGS, RunReport, RunStatus};

use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{failed, imports, scan};
use crate::scan::open;
use crate::{ACCOUNT, export, integrate, runner, world};

/// A CSV file with one finding.
const TABLE: &str = "TIMESTAMP;ACCOUNT_UID;PROVIDER;CHECK_ID;CHECK_TITLE;STATUS;STATUS_EXTENDED;MUTED;SEVERITY;RESOURCE_TYPE;\
                     RESOURCE_UID;PARTITION;REGION;PROWLER_VERSION\n\
                     2026-03-01 06:00:00;123456789012;aws;s3_bucket_versioning;Title;FAIL;It is off;False;high;AwsS3Bucket;\
                     arn:aws:s3:::bucket;aws;eu-west-1;5.46.0\n";

async fn export_named(world: &World, key: &str, file: &[u8]) -> RunReport {
    let options = Options { any_format: true, ..Options::default() };
    let fake_aws = world.ports();
    Exporter::new(fake_aws, Settings::default()).export(open(key, file), options).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_file_without_findings_is_ignored_and_archives_nothing() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(30));
    export(&world, first.upload("1")).await;
    let header = TABLE.lines().next().unwrap();
    for file in ["[]", "{\"Findings\": []}", "[][]", header] {
        world.sleep(3600).await;
        let run = export(&world, open(file, file.as_bytes())).await;
        assert_eq!((run.status, run.reasons), (RunStatus::Ignored, vec![NO_FINDINGS.to_owned()]), "{file}");
        assert_eq!(held(&world, first.account, "ACTIVE").len(), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_in_another_format_is_reported_with_the_export_command() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let run = export(&world, open("scan.csv", TABLE.as_bytes())).await;
    let [reason] = run.reasons.as_slice() else { panic!("{:?}", run.reasons) };
    assert_eq!(
        reason,
        "account 123456789012: the scan is in csv, and the integration exports ocsf; export csv instead with\n\
         hubctl integration configure 123456789012 --format csv"
    );
    assert_eq!((run.status, run.counts.filtered["other_format"], imports(&world)), (RunStatus::Ignored, 1, 0));

    // After that, the next upload is exported.
    integrate(&world, ACCOUNT, |integration| integration.format = ScanFormat::Csv);
    let run = export(&world, open("scan-2.csv", TABLE.as_bytes())).await;
    assert_eq!((run.status, run.counts.sent), (RunStatus::Succeeded, 1), "{:?}", run.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_file_given_by_a_user_is_exported_in_its_own_format() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let run = export_named(&world, "scan.csv", TABLE.as_bytes()).await;
    assert_eq!((run.status, run.counts.sent), (RunStatus::Succeeded, 1), "{:?}", run.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_unmappable_row_is_stored_with_its_known_cells_and_mapped_again() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.format = ScanFormat::Csv);
    let unknown = TABLE.replace("eu-west-1", "xx-west-9").replace("TIMESTAMP", "RESOURCE_DETAILS;TIMESTAMP");
    let unknown = unknown.replace("2026-03-01", "PASSWORD=hunter2;2026-03-01");
    let run = export(&world, open("scan.csv", unknown.as_bytes())).await;
    assert_eq!(run.counts.quarantined["unknown_region"], 1, "{:?}", run.counts);
    let key = RunReport::quarantine_key(&run.run_id);
    let lines = String::from_utf8(world.contents().objects[&key].1.to_vec()).unwrap();
    assert!(!lines.contains("hunter2"), "{lines}");
    // Simulates a later release that knows the Region.
    let known = lines.replace("xx-west-9", "eu-west-1");
    world.contents().objects.get_mut(&key).unwrap().1 = known.into();
    let what = Redrive { run_id: Some(run.run_id), code: None };
    let runs = runner(&world).redrive(&what, &exporter::jobs::Options::default()).await.unwrap();
    assert_eq!(runs[0].counts.sent, 1, "{:?}", runs[0]);
}

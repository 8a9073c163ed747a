//! Regions and accounts are independent: no finding is archived because of what another Region or account did.

use exporter::model::integration::ArchiveScope;
use exporter::report::RunStatus;
use simulator::Fault;

use crate::hub_assertions::{assert_equal, held};
use crate::promises::{collect, failed, imports, scan};
use crate::scan::open;
use crate::{ACCOUNT, OTHER, export, integrate, world};

#[tokio::test(start_paused = true)]
async fn a_partial_scan_affects_only_its_own_checks_and_regions() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Partial);
    let mut results = failed(30);
    for result in &mut results[..15] {
        result.check = "s3_bucket_default_encryption";
    }
    export(&world, scan(0, results.clone()).upload("1")).await;
    world.sleep(3600).await;
    // Only the second check is scanned, and only in one Region, where one of its findings is absent.
    let partial: Vec<_> = results[15..].iter().filter(|result| result.region == "eu-west-1").skip(1).cloned().collect();
    let report = export(&world, scan(1, partial).upload("2")).await;
    assert_eq!(report.counts.archived, 1);
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 29);
}

#[tokio::test(start_paused = true)]
async fn a_region_without_findings_in_the_scan_is_not_archived() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(300));
    let integration = integrate(&world, ACCOUNT, |_| {});
    export(&world, first.upload("1")).await;
    for hours in 1..5 {
        world.sleep(3600).await;
        let rest = failed(300).into_iter().filter(|result| result.region != "sa-east-1").collect();
        let report = export(&world, scan(hours, rest).upload(&format!("at-{hours}"))).await;
        assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0), "{:?}", report.reasons);
    }
    assert_equal(&world, first.account, &first.wanted(&integration), "the scans did not include the Region");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_could_not_be_made_anywhere_is_not_archived() {
    let world = world(|config| config);
    let integration = integrate(&world, ACCOUNT, |_| {});
    let mut all = failed(300);
    for result in &mut all[..147] {
        result.check = "ec2_instance_public_ip";
    }
    let first = scan(0, all.clone());
    export(&world, first.upload("1")).await;
    for hours in 1..5 {
        world.sleep(3600).await;
        let report = export(&world, scan(hours, all[147..].to_vec()).upload(&format!("at-{hours}"))).await;
        assert_eq!((report.counts.archived, report.counts.unproven), (0, 147), "{:?}", report.reasons);
    }
    assert_equal(&world, first.account, &first.wanted(&integration), "the scans did not include the service");
}

#[tokio::test(start_paused = true)]
async fn a_redirected_finding_stays_one_finding() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |integration| integration.fallback_region = Some("us-east-1".parse().unwrap()));
    let report = export(&world, scan(0, failed(30)).upload("1")).await;
    assert_eq!((report.counts.sent, report.counts.redirected), (30, 10), "{:?}", report.reasons);
    assert_eq!(world.simulator.findings(ACCOUNT, "us-east-1").len(), 20);
    world.sleep(3600).await;
    let report = export(&world, scan(1, failed(27)).upload("2")).await;
    assert_eq!((report.counts.sent, report.counts.unchanged, report.counts.archived), (0, 27, 3));
}

#[tokio::test(start_paused = true)]
async fn a_copy_stays_active_while_its_own_region_is_unreachable() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    let fallback = Some("us-east-1".parse().unwrap());
    integrate(&world, ACCOUNT, |integration| integration.fallback_region = fallback);
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3600).await;
    world.simulator.inject(Fault::error(503).in_region("sa-east-1"));
    let report = export(&world, scan(1, failed(30)).upload("2")).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Failed, 0), "{:?}", report.reasons);
    world.simulator.clear_faults();
    // Nor if the fallback is removed: the findings are active, and nowhere else.
    integrate(&world, ACCOUNT, |_| {});
    let report = export(&world, scan(2, failed(30)).upload("3")).await;
    assert_eq!((report.counts.region_unavailable_total(), report.counts.archived), (10, 0), "{:?}", report.reasons);
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_region_outside_the_integration_is_not_changed() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1")).await;
    world.sleep(3600).await;
    integrate(&world, ACCOUNT, |integration| integration.regions = Some(vec!["us-east-1".parse().unwrap()]));
    let report = export(&world, scan(1, failed(30)).upload("2")).await;
    assert_eq!((report.counts.unchanged, report.counts.archived), (10, 0));
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn accounts_of_one_file_are_independent() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let mut bytes = Vec::new();
    collect(scan(0, failed(30)).upload("1"), &mut bytes).await;
    let other = String::from_utf8(bytes).unwrap().replace(ACCOUNT, OTHER);
    let report = export(&world, open("other", other.as_bytes())).await;
    assert_eq!(report.counts.undelivered["no_integration"], 30);
    assert_eq!(report.status, RunStatus::Degraded, "a retry would not help");
    assert_eq!(imports(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_partial_scan_of_one_region_does_not_affect_its_fallback() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |integration| {
        integration.fallback_region = Some("us-east-1".parse().unwrap());
        integration.archive_scope = ArchiveScope::Partial;
    });
    export(&world, scan(0, failed(30)).upload("1")).await;
    for (hours, region) in [(1, "sa-east-1"), (2, "us-east-1")] {
        world.sleep(3600).await;
        let part = failed(30).into_iter().filter(|result| result.region == region).collect();
        let report = export(&world, scan(hours, part).upload(region)).await;
        assert_eq!((report.counts.unchanged, report.counts.archived), (10, 0), "a scan of {region}");
    }
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_filtered_finding_is_not_resolved_in_the_fallback_region() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.products.clear()));
    let fallback = Some("us-east-1".parse().unwrap());
    integrate(&world, ACCOUNT, |integration| integration.fallback_region = fallback);
    let report = export(&world, scan(0, failed(30)).upload("1")).await;
    assert_eq!((report.counts.sent, report.counts.redirected), (30, 10), "{:?}", report.reasons);
    world.sleep(3600).await;
    integrate(&world, ACCOUNT, |integration| {
        integration.fallback_region = fallback;
        integration.severity_min = Some(asff::SeverityLabel::Critical);
    });
    let report = export(&world, scan(1, failed(30)).upload("2")).await;
    assert_eq!((report.counts.filtered["low_severity"], report.counts.archived), (30, 0), "{:?}", report.reasons);
    assert_eq!(held(&world, ACCOUNT.parse().unwrap(), "ACTIVE").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn resend_always_continues_where_it_stopped() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.resend = exporter::state::Resend::Always);
    let first = scan(0, failed(60));
    assert_eq!(export(&world, first.upload("1")).await.counts.sent, 60);
    assert_eq!(export(&world, first.upload("the same under another key")).await.counts.sent, 0);
    world.sleep(3600).await;
    assert_eq!(export(&world, scan(1, failed(60)).upload("2")).await.counts.sent, 60);
}

#[tokio::test(start_paused = true)]
async fn resend_always_continues_even_if_the_scan_is_ahead_of_the_clock() {
    // The last third of the findings is sent to the fallback.
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |integration| {
        integration.resend = exporter::state::Resend::Always;
        integration.fallback_region = Some("us-east-1".parse().unwrap());
    });
    let ahead = scan(5, failed(60));
    assert_eq!(export(&world, ahead.upload("1")).await.counts.sent, 60);
    for again in ["2", "3"] {
        world.sleep(600).await;
        assert_eq!(export(&world, ahead.upload(again)).await.counts.sent, 0);
    }
    // More findings of the scan are sent later: a run that sends some preserves the record of the runs before it.
    world.sleep(600).await;
    let more = scan(5, failed(90));
    assert_eq!(export(&world, more.upload("4")).await.counts.sent, 30);
    world.sleep(600).await;
    assert_eq!(export(&world, more.upload("5")).await.counts.sent, 0);
    // A scan with a correct time after it is a different scan.
    world.sleep(3600).await;
    assert_eq!(export(&world, scan(1, failed(90)).upload("6")).await.counts.sent, 90);
}

//! The connections that an export reads and updates.

use std::sync::Arc;
use std::time::Duration;

use asff::RegionName;
use exporter::connection::{CheckSettings, Checker, Connection, ConnectionStatus, RegionStatus, WriteProbe};
use exporter::export::plan::Planning;
use exporter::export::{Exporter, Options};
use exporter::model::problem::Problem;
use exporter::model::settings::Settings;
use exporter::ports::{ConnectError, Scan};
use exporter::report::RunReport;
use simulator::{Caller, Fault, Input, Operation};
use tokio::time::Instant;

use crate::fake_aws::World;
use crate::promises::{failed, scan};
use crate::{ACCOUNT, integrate, world};

const OFF: &str = "sa-east-1";

/// Exports a scan and saves connections, as the function does.
async fn export(world: &World, scan: Scan, deadline: Option<Instant>) -> RunReport {
    let fake_aws = world.ports();
    let checks = CheckSettings { write_probe: WriteProbe::WhereInDoubt, ..CheckSettings::default() };
    let checker = Arc::new(Checker::new(fake_aws.clone(), checks));
    let exporter = Exporter::new(fake_aws, Settings::default()).with_connection_cache(Arc::new(checker));
    let options = Options { deadline, ..Options::default() };
    let report = exporter.export(scan, options).await.unwrap();
    world.sleep(3600).await;
    report
}

fn known(world: &World) -> Option<Connection> {
    world.contents().connections.get(&ACCOUNT.parse().unwrap()).cloned()
}

fn status(world: &World, region: &str) -> RegionStatus {
    known(world).unwrap().regions[&region.parse::<RegionName>().unwrap()].status
}

fn count(world: &World, region: &str, operation: Operation) -> usize {
    let calls = world.simulator.calls();
    calls.iter().filter(|call| call.region == region && call.operation == operation).count()
}

fn hub(world: &World, operation: Operation) {
    let answer = world.simulator.call(&Caller::user(ACCOUNT), OFF, operation, Input::default());
    assert_eq!(answer.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_enabled_later_gets_the_next_export() {
    let world = world(|config| config.region(ACCOUNT, OFF, |region| region.hub = false));
    integrate(&world, ACCOUNT, |_| {});
    let first = export(&world, scan(0, failed(30)).upload("1"), None).await;
    assert_eq!((first.counts.sent, first.counts.region_unavailable_total()), (20, 10));
    assert_eq!(
        status(&world, OFF),
        RegionStatus::HubNotEnabled,
        "the export checked the connection, since no check had"
    );
    let looked = known(&world).unwrap().checked_at;
    let second = export(&world, scan(1, failed(30)).upload("2"), None).await;
    assert_eq!((second.counts.unchanged, second.counts.region_unavailable_total()), (20, 10));
    assert_eq!(
        known(&world).unwrap().checked_at,
        looked,
        "the connection is consistent and recent, so that it is not checked again"
    );
    hub(&world, Operation::EnableSecurityHub);
    let third = export(&world, scan(2, failed(30)).upload("3"), None).await;
    assert_eq!((third.counts.unchanged, third.counts.sent), (20, 10), "{:?}", third.reasons);
    assert_eq!(
        status(&world, OFF),
        RegionStatus::Enabled,
        "the response contradicted the saved status, so that the connection was checked"
    );
    hub(&world, Operation::DisableSecurityHub);
    export(&world, scan(3, failed(30)).upload("4"), None).await;
    assert_eq!(status(&world, OFF), RegionStatus::HubNotEnabled, "a disabled hub is detected as well");
    assert_eq!(known(&world).unwrap().status, ConnectionStatus::Degraded);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_import_is_recorded_even_if_the_hub_is_enabled() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1"), None).await;
    assert_eq!(status(&world, OFF), RegionStatus::Enabled);
    assert_eq!(count(&world, OFF, Operation::BatchImportFindings), 1, "its findings are sent, without a probe");
    let denied = Fault::error(403).on(Operation::BatchImportFindings);
    world.simulator.inject(Fault { region: Some(OFF.to_owned()), ..denied });
    let refused = export(&world, scan(1, failed(33)).upload("2"), None).await;
    assert!(refused.counts.region_unavailable_total() > 0, "{:?}", refused.counts);
    assert_eq!(status(&world, OFF), RegionStatus::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_region_is_checked_before_findings_are_sent_to_it() {
    let world = world(|config| config.region(ACCOUNT, OFF, |region| region.products.clear()));
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(30)).upload("1"), None).await;
    assert_eq!(status(&world, OFF), RegionStatus::ProductNotAccepted);
    world.simulator.forget_calls();
    let second = export(&world, scan(1, failed(30)).upload("2"), None).await;
    assert_eq!(count(&world, OFF, Operation::BatchImportFindings), 0);
    assert!(count(&world, OFF, Operation::DescribeHub) > 0);
    let unavailable = second.accounts.values().next().unwrap().regions[&OFF.parse().unwrap()].unavailable.clone();
    assert_eq!(unavailable.unwrap().reason, "product_not_accepted");
}

#[tokio::test(start_paused = true)]
async fn a_connection_older_than_a_day_is_checked_again() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(3)).upload("1"), None).await;
    let first = known(&world).unwrap().checked_at;
    world.sleep(24 * 3600).await;
    export(&world, scan(25, failed(3)).upload("2"), None).await;
    assert!(known(&world).unwrap().checked_at > first);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_fail_an_export_are_recorded_as_failed() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(3)).upload("1"), None).await;
    assert_eq!(known(&world).unwrap().status, ConnectionStatus::Connected);
    let refusal = ConnectError::Rejected(Problem {
        reason: "assume_role_denied".to_owned(),
        message: "no".to_owned(),
        remediation: None,
    });
    world.access().refusal = Some(refusal);
    let report = export(&world, scan(1, failed(3)).upload("2"), None).await;
    assert_eq!(report.counts.undelivered["assume_role_denied"], 3);
    assert_eq!(known(&world).unwrap().status, ConnectionStatus::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn an_export_out_of_time_defers_the_check_to_the_next_export() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let soon = Instant::now() + Duration::from_secs(12);
    let report = export(&world, scan(0, failed(30)).upload("1"), Some(soon)).await;
    assert_eq!(report.counts.sent, 30);
    assert_eq!(known(&world), None);
    let later = Instant::now() + Duration::from_secs(60);
    let report = export(&world, scan(1, failed(30)).upload("2"), Some(later)).await;
    assert_eq!(report.counts.unchanged, 30);
    assert!(known(&world).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_plan_checks_no_connection() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let fake_aws = world.ports();
    let exporter = Exporter::new(Arc::new(Planning::new(fake_aws)), Settings::default());
    exporter.export(scan(0, failed(30)).upload("1"), Options::default()).await.unwrap();
    assert_eq!(known(&world), None);
    assert_eq!(count(&world, OFF, Operation::BatchImportFindings), 0);
}

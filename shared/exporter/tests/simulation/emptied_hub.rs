//! Hubs that were disabled and enabled again, or that could not be read: missing findings are sent again, and findings of other
//! senders are adopted once the permission to read is granted.

use exporter::report::RunStatus;
use serde_json::json;
use simulator::{Caller, Fault, Input, Operation};

use crate::evidence::active;
use crate::fake_aws::World;
use crate::promises::{failed, prowlers_own, scan};
use crate::scan::Scanned;
use crate::{ACCOUNT, REGIONS, export, integrate, world};

/// Disables and enables Security Hub in a Region, which keeps its findings.
fn reset(world: &World, region: &str) {
    let caller = Caller::user(ACCOUNT);
    world.now();
    for operation in [Operation::DisableSecurityHub, Operation::EnableSecurityHub] {
        let answer = world.simulator.call(&caller, region, operation, Input::default());
        assert!(answer.is_success(), "{operation:?}");
    }
    let product = json!({ "ProductArn": format!("arn:aws:securityhub:{region}::product/prowler/prowler") }).to_string();
    let input = Input { body: product.as_bytes(), ..Input::default() };
    let _ = world.simulator.call(&caller, region, Operation::EnableImportFindingsForProduct, input);
}

/// The same world, in which Security Hub was disabled, and enabled again now, and has no findings.
pub(crate) fn emptied(world: World) -> World {
    let world = world.with_hubs_of(crate::world(|config| config).simulator);
    REGIONS.iter().for_each(|region| reset(&world, region));
    world
}

/// Denies the calls of an operation from now on.
pub(crate) fn deny(world: &World, operation: Operation) {
    world.simulator.inject(Fault::error(403).on(operation));
}

#[tokio::test(start_paused = true)]
async fn an_emptied_hub_is_filled_again_even_if_describe_hub_is_denied() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(2, failed(60)).upload("2")).await;
    assert_eq!(
        (report.status, report.counts.unchanged),
        (RunStatus::Succeeded, 60),
        "the finding is in Security Hub: {:?}",
        report.reasons
    );
    let world = world.with_hubs_of(crate::world(|config| config).simulator);
    deny(&world, Operation::DescribeHub);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(4, failed(60)).upload("3")).await;
    assert_eq!((report.counts.sent, active(&world)), (60, 60), "{:?}", report.reasons);
    assert_eq!(report.status, RunStatus::Succeeded, "{:?}", report.reasons);
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(6, failed(60)).upload("4")).await;
    assert_eq!((report.counts.unchanged, report.status), (60, RunStatus::Succeeded), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_single_denial_does_not_make_the_hub_unknown() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    deny(&world, Operation::DescribeHub);
    export(&world, scan(2, failed(63)).upload("2")).await;
    world.simulator.clear_faults();
    reset(&world, "eu-west-1");
    world.sleep(60).await;
    let report = export(&world, scan(3, failed(63)).upload("3")).await;
    assert_eq!((report.counts.sent, active(&world)), (21, 63), "{:?}", report.reasons);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_read_the_hub_reports_it() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    deny(&world, Operation::DescribeHub);
    deny(&world, Operation::GetFindings);
    export(&world, scan(0, failed(60)).upload("1")).await;
    world.sleep(2 * 3600).await;
    let report = export(&world, scan(2, failed(60)).upload("2")).await;
    assert_eq!(report.status, RunStatus::Degraded);
    let says = |what: &str| report.reasons.iter().any(|reason| reason.contains(what));
    assert!(
        says("cannot verify that Security Hub was not disabled") && says("securityhub:DescribeHub"),
        "{:?}",
        report.reasons
    );
}

#[tokio::test(start_paused = true)]
async fn adoption_resumes_when_the_permission_is_granted() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |integration| integration.archive_limit_percent = 100);
    let all = scan(0, failed(60));
    for region in REGIONS {
        let here = all.results.iter().filter(|one| one.region == region);
        let body = json!({ "Findings": here.map(|one| prowlers_own(one, &all)).collect::<Vec<_>>() }).to_string();
        let answer = world.simulator.batch_import_findings(&Caller::user(ACCOUNT), region, body.as_bytes());
        assert!(answer.is_success());
    }
    world.sleep(3600).await;
    deny(&world, Operation::GetFindings);
    let half = |hours| Scanned { at: all.at + jiff::SignedDuration::from_hours(hours), ..scan(0, failed(30)) };
    for hours in [1, 2] {
        let report = export(&world, half(hours).upload(&format!("denied-{hours}"))).await;
        assert_eq!(report.status, RunStatus::Degraded, "{hours}: each run reports it: {:?}", report.reasons);
        assert!(report.reasons.iter().any(|reason| reason.contains("securityhub:GetFindings")), "{:?}", report.reasons);
        world.sleep(3600).await;
    }
    assert_eq!(active(&world), 60);
    world.simulator.clear_faults();
    for hours in [3, 4] {
        let report = export(&world, half(hours).upload(&format!("allowed-{hours}"))).await;
        assert_eq!(report.status, RunStatus::Succeeded, "{hours}: {:?}", report.reasons);
        assert_eq!(report.counts.sent, 0, "{hours}: findings that Security Hub has are not sent");
        world.sleep(3600).await;
    }
    assert_eq!(active(&world), 30);
}

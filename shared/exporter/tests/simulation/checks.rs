//! Connection checks: each state of a Region, and the effects of a check.

use std::sync::Arc;
use std::time::Duration;

use asff::RegionName;
use exporter::connection::{
    CheckSettings, Checked, Checker, Connection, ConnectionStatus, RegionConnection, RegionStatus,
};
use exporter::model::integration::Integration;
use simulator::{Config, Deny, Effect, Fault, HubOffImport, Operation};
use tokio::time::Instant;

use crate::fake_aws::{FakeAws, World};
use crate::{ACCOUNT, world};

pub(crate) fn checker(world: &World) -> Arc<Checker<FakeAws>> {
    let fake_aws = world.ports();
    Arc::new(Checker::new(fake_aws, CheckSettings::default()))
}

pub(crate) fn integration() -> Integration {
    Integration::new(ACCOUNT.parse::<asff::AccountId>().unwrap())
}

pub(crate) async fn check(world: &World, integration: &Integration) -> Checked {
    let checked = checker(world).check(ACCOUNT.parse().unwrap(), integration, None).await;
    // The next check is a minute later.
    world.sleep(60).await;
    checked
}

pub(crate) fn region<'a>(connection: &'a Connection, name: &str) -> &'a RegionConnection {
    &connection.regions[&name.parse::<RegionName>().unwrap()]
}

pub(crate) fn reason<'a>(connection: &'a Connection, name: &str) -> (&'a str, &'a str, &'a str) {
    let problem = region(connection, name).problem.as_ref().unwrap();
    (&problem.reason, &problem.message, problem.remediation.as_deref().unwrap_or_default())
}

fn deny(action: &str, explicit: bool, policy: Option<&str>) -> Deny {
    let regions = vec!["eu-west-1".to_owned()];
    Deny { action: action.to_owned(), regions, caller: None, explicit, policy: policy.map(str::to_owned) }
}

fn denying(deny: Deny) -> World {
    world(|mut config| {
        config.account_mut(ACCOUNT).denies.push(deny);
        config
    })
}

/// What a check must not change: the number of findings, the billed events, and the EventBridge events.
fn traces(world: &World) -> (usize, u64, usize) {
    let summary = world.simulator.summary();
    let findings = summary.iter().map(|region| region.findings).sum();
    let billed = summary.iter().map(|region| region.billed_events).sum();
    (findings, billed, world.simulator.events().len())
}

#[tokio::test(start_paused = true)]
async fn a_check_changes_nothing_in_the_hub_and_costs_nothing() {
    let world = world(|config| config);
    let checked = check(&world, &integration()).await;
    assert_eq!(checked.connection.status, ConnectionStatus::Connected);
    let enabled = checked.connection.regions.values().filter(|region| region.status == RegionStatus::Enabled).count();
    assert_eq!((enabled, checked.connection.regions.len()), (3, 34));
    let probes = world.simulator.calls().iter().filter(|call| call.operation == Operation::BatchImportFindings).count();
    assert_eq!(probes, 3, "the permission to write was checked in each Region");
    assert_eq!(traces(&world), (0, 0, 0));
    let again = check(&world, &integration()).await;
    assert_eq!(again.before.as_ref(), Some(&checked.connection), "the connection was saved");
    assert_eq!(again.connection.regions, checked.connection.regions, "the times of the statuses are unchanged");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_hub_is_reported_with_the_command_that_enables_it() {
    for form in [HubOffImport::FailedFindings, HubOffImport::InvalidAccess, HubOffImport::AccessDenied] {
        let world = world(|mut config| {
            config.rules.hub_off_import = form;
            config.region(ACCOUNT, "eu-west-1", |region| region.hub = false)
        });
        let Checked { connection, .. } = check(&world, &integration()).await;
        assert_eq!(region(&connection, "eu-west-1").status, RegionStatus::HubNotEnabled);
        let (reason, message, remediation) = reason(&connection, "eu-west-1");
        assert_eq!(
            (reason, message),
            ("hub_not_enabled", "Security Hub is not enabled in eu-west-1 of account 123456789012")
        );
        let command = "aws securityhub enable-security-hub --no-enable-default-standards --region eu-west-1";
        assert_eq!(remediation, format!("{command}  # in account 123456789012"));
        assert_eq!(connection.status, ConnectionStatus::Connected, "the other Regions are available");
    }
}

#[tokio::test(start_paused = true)]
async fn the_product_is_found_on_any_page_and_reported_if_missing() {
    let world = world(|mut config| {
        config.rules.products_page_size = 3;
        config.region(ACCOUNT, "us-east-1", |region| region.products = vec!["prowler/prowler-2".to_owned()])
    });
    let Checked { connection, .. } = check(&world, &integration()).await;
    assert_eq!(region(&connection, "eu-west-1").status, RegionStatus::Enabled);
    assert_eq!(region(&connection, "us-east-1").status, RegionStatus::ProductNotAccepted);
    let (_, _, remediation) = reason(&connection, "us-east-1");
    let arn = "arn:aws:securityhub:us-east-1::product/prowler/prowler";
    assert!(
        remediation.starts_with(&format!("aws securityhub enable-import-findings-for-product --product-arn {arn} ")),
        "{remediation}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_not_opted_in_is_reported() {
    // The status is known from EC2 without a call to the Region, or from the Region's own response.
    for lists_regions in [true, false] {
        let world = world(|config| config);
        world.access().lists_regions = lists_regions;
        let Checked { connection, .. } = check(&world, &integration()).await;
        assert_eq!(region(&connection, "af-south-1").status, RegionStatus::RegionNotOptedIn);
        let (reason, _, remediation) = reason(&connection, "af-south-1");
        assert_eq!(reason, "region_not_opted_in");
        assert!(remediation.starts_with("aws account enable-region --region-name af-south-1"), "{remediation}");
        let asked = world.simulator.calls().iter().filter(|call| call.region == "af-south-1").count();
        assert_eq!(asked, usize::from(!lists_regions));
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_write_names_the_action_and_the_policy() {
    let import = "securityhub:BatchImportFindings";
    for (deny, reason_wanted, words, command) in [
        (
            deny(import, true, Some("service control policy")),
            "denied_by_policy",
            "a service control policy denies securityhub:BatchImportFindings in eu-west-1",
            "aws organizations list-policies-for-target --target-id 123456789012 --filter SERVICE_CONTROL_POLICY",
        ),
        (
            deny(import, true, None),
            "denied_by_policy",
            "a policy denies securityhub:BatchImportFindings in eu-west-1",
            "aws iam list-attached-user-policies --user-name simulated",
        ),
        (
            deny(import, false, None),
            "access_denied",
            "securityhub:BatchImportFindings is not allowed in eu-west-1",
            "aws iam put-user-policy --user-name simulated --policy-name securityhub-exporter-connection",
        ),
        (
            deny("securityhub:*", true, Some("service control policy")),
            "denied_by_policy",
            "also denied: securityhub:DescribeHub, securityhub:ListEnabledProductsForImport, securityhub:GetFindings",
            "aws organizations list-policies-for-target",
        ),
    ] {
        let Checked { connection, .. } = check(&denying(deny), &integration()).await;
        assert_eq!(region(&connection, "eu-west-1").status, RegionStatus::AccessDenied);
        let (reason, message, remediation) = reason(&connection, "eu-west-1");
        assert_eq!(reason, reason_wanted);
        assert!(message.contains(words), "{message}");
        assert!(remediation.starts_with(command), "{remediation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_accepts_findings_even_if_reading_is_denied() {
    for action in ["securityhub:DescribeHub", "securityhub:GetFindings", "securityhub:ListEnabledProductsForImport"] {
        let Checked { connection, .. } = check(&denying(deny(action, false, None)), &integration()).await;
        assert_eq!(region(&connection, "eu-west-1").status, RegionStatus::Enabled, "{action}");
        let (reason, message, remediation) = reason(&connection, "eu-west-1");
        assert_eq!(reason, "access_denied");
        assert!(message.contains(&format!("{action} is not allowed in eu-west-1")), "{message}");
        assert!(remediation.contains(action), "{remediation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_retains_the_known_regions_as_stale() {
    for status in [429, 500, 503] {
        let world = world(|config| config);
        let first = check(&world, &integration()).await.connection;
        world.simulator.inject(Fault::error(status).in_region("eu-west-1"));
        let second = check(&world, &integration()).await;
        let now = region(&second.connection, "eu-west-1");
        assert_eq!((now.status, now.since), (RegionStatus::Enabled, region(&first, "eu-west-1").since));
        assert_eq!(now.stale_since, Some(first.checked_at), "{status}");
        assert_eq!(reason(&second.connection, "eu-west-1").0, "not_checked");
        assert_eq!(second.connection.status, ConnectionStatus::Connected);
        let third = check(&world, &integration()).await.connection;
        assert_eq!(region(&third, "eu-west-1").stale_since, Some(first.checked_at), "the time of the first check");
        world.simulator.clear_faults();
        let fourth = check(&world, &integration()).await.connection;
        assert_eq!(region(&fourth, "eu-west-1"), region(&first, "eu-west-1"), "the status is the same as before");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_retried() {
    let world = world(|config| config);
    world.simulator.inject(Fault::error(429).in_region("eu-west-1").times(2));
    let Checked { connection, .. } = check(&world, &integration()).await;
    assert_eq!(region(&connection, "eu-west-1").problem, None);
    assert_eq!(region(&connection, "eu-west-1").status, RegionStatus::Enabled);
}

#[tokio::test(start_paused = true)]
async fn slow_and_unreachable_regions_do_not_delay_the_verdict() {
    let world = world(|config| config);
    world.access().lists_regions = false;
    world.simulator.inject(Fault::new(Effect::Latency { ms: 600_000 }).in_region("eu-west-1"));
    world.access().dark.insert("us-east-1".parse().unwrap());
    let start = Instant::now();
    let checked = checker(&world).check(ACCOUNT.parse().unwrap(), &integration(), None).await;
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
    let connection = checked.connection;
    assert_eq!(region(&connection, "eu-west-1").status, RegionStatus::Unreachable);
    assert!(reason(&connection, "eu-west-1").1.contains("no response within 5 s"), "{connection:?}");
    assert_eq!(region(&connection, "us-east-1").status, RegionStatus::Unreachable);
    assert!(
        reason(&connection, "us-east-1").2.contains("https://securityhub.us-east-1.amazonaws.com"),
        "{connection:?}"
    );
    assert_eq!(region(&connection, "sa-east-1").status, RegionStatus::Enabled);
    // If all Regions are slow, the check still ends.
    world.simulator.clear_faults();
    world.simulator.inject(Fault::new(Effect::Latency { ms: 600_000 }));
    let start = Instant::now();
    check(&world, &integration()).await;
    assert!(start.elapsed() < Duration::from_secs(60 + 30), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn checking_34_regions_at_80_ms_per_call_takes_under_3_seconds() {
    let names: Vec<String> = asff::Regions::known()
        .of_partition(asff::Partition::Aws)
        .filter(|(_, region)| region.availability != asff::Availability::Announced)
        .map(|(name, _)| name.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = world(|_| Config::one_account(ACCOUNT, &names));
    let start = Instant::now();
    let Checked { connection, .. } = checker(&world).check(ACCOUNT.parse().unwrap(), &integration(), None).await;
    let took = start.elapsed();
    assert!(connection.regions.values().all(|region| region.status == RegionStatus::Enabled));
    assert_eq!(connection.regions.len(), 34);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_product_is_accepted_if_the_integration_is_configured_so() {
    let world = world(|config| config.region(ACCOUNT, "eu-west-1", |region| region.products.clear()));
    let accepting = integration().with(|settings| settings.auto_accept_product = true);
    assert_eq!(
        region(&check(&world, &integration()).await.connection, "eu-west-1").status,
        RegionStatus::ProductNotAccepted
    );
    assert_eq!(region(&check(&world, &accepting).await.connection, "eu-west-1").status, RegionStatus::Enabled);
    assert_eq!(region(&check(&world, &integration()).await.connection, "eu-west-1").status, RegionStatus::Enabled);
    assert_eq!(traces(&world), (0, 0, 0));
    let denied = self::world(|mut config| {
        config.account_mut(ACCOUNT).denies.push(deny("securityhub:EnableImportFindingsForProduct", false, None));
        config.region(ACCOUNT, "eu-west-1", |region| region.products.clear())
    });
    let Checked { connection, .. } = check(&denied, &accepting).await;
    let (reason, message, remediation) = reason(&connection, "eu-west-1");
    assert_eq!(reason, "product_not_accepted");
    assert!(message.contains("failed: securityhub:EnableImportFindingsForProduct was denied"), "{message}");
    assert!(remediation.starts_with("aws securityhub enable-import-findings-for-product"), "{remediation}");
}

#[tokio::test(start_paused = true)]
async fn an_opted_in_region_that_rejects_the_session_has_its_own_reason() {
    // EC2 returns the Region as opted in, but the Region rejects the token, as it does with version 1 tokens.
    let world = world(|config| config.region(ACCOUNT, "af-south-1", |_| {}));
    let refusal = Effect::Error {
        status: 403,
        error_type: Some("UnrecognizedClientException".to_owned()),
        message: Some("The security token included in the request is invalid".to_owned()),
        after_commit: false,
    };
    world.simulator.inject(Fault::new(refusal).in_region("af-south-1"));
    let Checked { connection, .. } = check(&world, &integration()).await;
    let (reason, _, remediation) = reason(&connection, "af-south-1");
    assert_eq!(reason, "session_not_known");
    assert!(
        remediation.starts_with("aws iam set-security-token-service-preferences --global-endpoint-token-version"),
        "{remediation}"
    );
}

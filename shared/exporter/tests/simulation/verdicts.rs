//! Connection checks: the verdict over all Regions, and checks of many accounts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asff::RegionName;
use exporter::connection::{CheckTarget, Checked, Connection, ConnectionStatus, SaveOutcome};
use exporter::model::integration::Integration;
use exporter::model::problem::Problem;
use exporter::ports::{CallError, ConnectError, PortError};
use simulator::{Config, Effect, Fault, Operation};
use tokio::time::Instant;

use crate::checks::{check, checker, integration, reason};
use crate::{ACCOUNT, OTHER, world};

fn is_kept(checked: &Checked) -> bool {
    matches!(checked.saved, SaveOutcome::Saved)
}

#[tokio::test(start_paused = true)]
async fn a_lost_region_degrades_for_a_week_and_its_recovery_is_published() {
    let world = world(|config| config);
    check(&world, &integration()).await;
    let caller = simulator::Caller::user(ACCOUNT);
    let hub = |operation| {
        let answer = world.simulator.call(&caller, "eu-west-1", operation, simulator::Input::default());
        assert_eq!(answer.status, 200);
    };
    let gone: RegionName = "eu-west-1".parse().unwrap();
    hub(Operation::DisableSecurityHub);
    let lost = check(&world, &integration()).await;
    assert_eq!(lost.connection.status, ConnectionStatus::Degraded);
    assert_eq!(lost.connection.regions[&gone].unavailable_since, Some(lost.connection.checked_at));
    let later = check(&world, &integration()).await;
    assert_eq!(later.connection.status, ConnectionStatus::Degraded, "the Region is still unavailable");
    assert_eq!(later.connection.regions, lost.connection.regions);
    hub(Operation::EnableSecurityHub);
    let back = check(&world, &integration()).await;
    assert_eq!(back.connection.status, ConnectionStatus::Connected);
    assert_eq!(back.connection.regions[&gone].unavailable_since, None);
    hub(Operation::DisableSecurityHub);
    check(&world, &integration()).await;
    world.sleep(8 * 24 * 3600).await;
    let given_up = check(&world, &integration()).await;
    assert_eq!(
        given_up.connection.status,
        ConnectionStatus::Connected,
        "after a week, a disabled Region is no longer reported"
    );
}

#[tokio::test(start_paused = true)]
async fn without_an_available_region_the_status_is_disconnected() {
    let off = |config: Config| {
        crate::REGIONS.iter().fold(config, |config, name| config.region(ACCOUNT, name, |region| region.hub = false))
    };
    let world = world(off);
    let checked = check(&world, &integration()).await;
    assert_eq!(checked.connection.status, ConnectionStatus::Disconnected);
    let problem = checked.connection.problem.unwrap();
    assert_eq!(problem.reason, "no_region_enabled");
    assert!(problem.message.contains("(3 hub_not_enabled, 31 region_not_opted_in)"), "{}", problem.message);
    assert!(problem.remediation.unwrap().starts_with("aws securityhub enable-security-hub"));
}

#[tokio::test(start_paused = true)]
async fn a_configured_region_must_accept_findings() {
    let world = world(|config| config.region(ACCOUNT, "eu-west-1", |region| region.hub = false));
    let names = |names: &[&str]| {
        let regions = names.iter().map(|name| name.parse().unwrap()).collect();
        integration().with(|settings| settings.regions = Some(regions))
    };
    let one = check(&world, &names(&["us-east-1"])).await.connection;
    assert_eq!((one.status, one.regions.len()), (ConnectionStatus::Connected, 1));
    let both = check(&world, &names(&["us-east-1", "eu-west-1"])).await.connection;
    assert_eq!(both.status, ConnectionStatus::Degraded);
    let foreign = check(&world, &names(&["us-east-1", "cn-north-1"])).await.connection;
    assert_eq!(reason(&foreign, "cn-north-1").0, "wrong_partition");
    assert!(!world.simulator.calls().iter().any(|call| call.region == "cn-north-1"));
    let abroad = check(&world, &names(&["cn-north-1"])).await.connection;
    assert_eq!(
        (abroad.status, abroad.stale_since),
        (ConnectionStatus::Disconnected, None),
        "it is reported even without an earlier verdict"
    );
    assert_eq!(abroad.problem.unwrap().reason, "no_region_enabled");
    let fallback = names(&["us-east-1"]).with(|settings| settings.fallback_region = Some("sa-east-1".parse().unwrap()));
    assert_eq!(check(&world, &fallback).await.connection.regions.len(), 2, "the fallback is checked as well");
}

#[tokio::test(start_paused = true)]
async fn invalid_credentials_disconnect_and_retain_the_regions() {
    let world = world(|config| config);
    let first = check(&world, &integration()).await.connection;
    world.access().refusal = Some(ConnectError::Rejected(Problem {
        reason: "wrong_account".to_owned(),
        message: "the credentials are another account's".to_owned(),
        remediation: Some("aws sts get-caller-identity".to_owned()),
    }));
    let refused = check(&world, &integration()).await;
    assert_eq!(refused.connection.status, ConnectionStatus::Disconnected);
    assert_eq!(refused.connection.problem.as_ref().unwrap().reason, "wrong_account");
    assert_eq!(refused.connection.regions, first.regions);
    assert_eq!(refused.connection.stale_since, Some(first.checked_at));
    world.access().refusal = None;
    let back = check(&world, &integration()).await.connection;
    assert_eq!((back.status, &back.regions, back.stale_since), (ConnectionStatus::Connected, &first.regions, None));
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_changes_no_verdict() {
    let world = world(|config| config);
    let first = check(&world, &integration()).await.connection;
    let failure = PortError { action: "assume the role".to_owned(), message: "503".to_owned() };
    world.access().refusal = Some(ConnectError::Failed(failure));
    let second = check(&world, &integration()).await;
    assert_eq!((second.connection.status, &second.connection.regions), (first.status, &first.regions));
    assert_eq!(second.connection.stale_since, Some(first.checked_at));
    assert!(second.connection.problem.as_ref().unwrap().message.contains("assume the role: 503"));
    // A network failure of the deployment: no Region responds, and none becomes unavailable.
    world.access().refusal = None;
    let all = first.regions.keys().copied().collect();
    world.access().dark = all;
    let third = check(&world, &integration()).await;
    assert_eq!((third.connection.status, &third.connection.regions), (first.status, &first.regions));
    assert_eq!(third.connection.problem.as_ref().unwrap().reason, "no_region_responds");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_no_region_accepts_are_invalid() {
    let world = world(|config| Config { accounts: Vec::new(), ..config });
    world.access().lists_regions = false;
    let Checked { connection, .. } = check(&world, &integration()).await;
    assert_eq!(connection.status, ConnectionStatus::Disconnected);
    assert_eq!(connection.problem.unwrap().reason, "credentials_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_role_assumable_without_its_external_id_is_a_risk() {
    let world = world(|config| config);
    world.access().opens = Ok(true);
    let reasons = |connection: &Connection| connection.risks.iter().map(|risk| risk.reason.clone()).collect::<Vec<_>>();
    let found = check(&world, &integration()).await.connection;
    assert_eq!(reasons(&found), ["external_id_not_required"]);
    assert!(found.risks[0].remediation.as_ref().unwrap().contains("--format trust-policy > trust.json"));
    assert_eq!(found.status, ConnectionStatus::Connected);
    world.access().opens = Err(CallError::Throttled(String::new()));
    assert_eq!(reasons(&check(&world, &integration()).await.connection), ["external_id_not_required"]);
    world.access().opens = Ok(false);
    assert!(check(&world, &integration()).await.connection.risks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_two_concurrent_checks_the_later_is_saved() {
    let world = world(|config| config);
    let (account, integration) = (ACCOUNT.parse().unwrap(), integration());
    let (one, other) = (checker(&world), checker(&world));
    let (one, other) = tokio::join!(one.check(account, &integration, None), other.check(account, &integration, None));
    let first_sights = [&one, &other].iter().filter(|checked| checked.before.is_none() && is_kept(checked)).count();
    assert_eq!(first_sights, 1, "only one check found the account without a saved connection");
    let kept = &world.contents().connections[&account];
    assert_eq!(kept.checked_at, one.connection.checked_at.max(other.connection.checked_at));
}

#[tokio::test(start_paused = true)]
async fn one_account_never_stops_others_and_the_last_are_not_reached() {
    let world = world(|config| Config { latency_ms: 0, ..config });
    let target = |account: &str| {
        let account: asff::AccountId = account.parse().unwrap();
        CheckTarget::new(account, Arc::new(Integration::new(account)))
    };
    // The second account doesn't exist, so that its check gets no valid response.
    let targets = vec![target(ACCOUNT), target("000000000000"), target(OTHER)];
    let round = checker(&world).check_all(targets.clone(), None).await;
    let statuses: BTreeMap<_, _> = round
        .checked
        .iter()
        .map(|checked| (checked.connection.account.to_string(), checked.connection.status))
        .collect();
    assert_eq!(statuses[ACCOUNT], ConnectionStatus::Connected);
    assert_eq!(statuses[OTHER], ConnectionStatus::Connected);
    assert_eq!(statuses["000000000000"], ConnectionStatus::Disconnected);
    assert!(round.not_reached.is_empty());
    let soon = Instant::now() + Duration::from_secs(9);
    let round = checker(&world).check_all(targets.clone(), Some(soon)).await;
    assert_eq!((round.checked.len(), round.not_reached), (0, targets));
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_checks_ends_by_its_deadline() {
    let world = world(|config| config);
    world.simulator.inject(Fault::new(Effect::Latency { ms: 600_000 }));
    let account: asff::AccountId = ACCOUNT.parse().unwrap();
    let target = CheckTarget::new(account, Arc::new(integration()));
    let deadline = Instant::now() + Duration::from_secs(12);
    let round = checker(&world).check_all(vec![target], Some(deadline)).await;
    assert!(Instant::now() <= deadline, "{:?} late", Instant::now() - deadline);
    assert_eq!(round.checked.len(), 1);
}

//! Connection checks against servers: all kinds of credentials, the Regions that EC2 returns, expiring sessions.

use std::sync::Arc;

use asff::AccountId;
use aws::Cloud;
use exporter::connection::{CheckSettings, Checked, Checker, Connection, ConnectionStatus, RegionStatus};
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::testing::InMemory;
use serde_json::json;
use simulator::{Config, Deny, Effect, Fault, Operation, Server, Simulator};

use crate::wire::{Reply, Wire};
use crate::{ACCOUNT, cloud};

/// An account other than the caller's.
const MEMBER: &str = "210987654321";
const REGIONS: [&str; 4] = ["eu-west-1", "us-east-1", "sa-east-1", "af-south-1"];

/// The adapters of a server; the table is in memory.
async fn ports(url: &str) -> Arc<InMemory<Cloud>> {
    Arc::new(InMemory::default().with_hubs(cloud(url).await))
}

fn world() -> Config {
    Config::one_account(ACCOUNT, &REGIONS)
        .account(MEMBER, &REGIONS)
        .role(MEMBER, "Guarded", ACCOUNT, Some("the-right-id"))
        .role(MEMBER, "Open", ACCOUNT, None)
        .role(MEMBER, "Closed", "000000000000", None)
}

async fn start(config: Config) -> (Simulator, Server) {
    let simulator = Simulator::new(config);
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    (simulator, server)
}

fn role(name: &str, external_id: Option<&str>) -> Credentials {
    let external_id = external_id.map(str::to_owned);
    Credentials::Default { role: Some(Role { external_id, ..Role::new(format!("arn:aws:iam::{MEMBER}:role/{name}")) }) }
}

async fn check(url: &str, account: &str, credentials: Credentials) -> Checked {
    let account: AccountId = account.parse().unwrap();
    let integration = Integration { credentials: Some(credentials), ..Integration::new(account) };
    Checker::new(ports(url).await, CheckSettings::default()).check(account, &integration, None).await
}

fn count(connection: &Connection, status: RegionStatus) -> usize {
    connection.regions.values().filter(|region| region.status == status).count()
}

#[tokio::test]
async fn a_role_is_checked_with_its_external_id_and_once_without() {
    let (simulator, server) = start(world()).await;
    let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, role("Guarded", Some("the-right-id"))).await;
    assert_eq!(connection.status, ConnectionStatus::Connected, "{connection:#?}");
    assert_eq!(count(&connection, RegionStatus::Enabled), 4);
    assert_eq!(count(&connection, RegionStatus::RegionNotOptedIn), 30, "the other Regions are known from EC2");
    assert!(connection.risks.is_empty());
    let session = "arn:aws:sts::210987654321:assumed-role/Guarded/securityhub-exporter-210987654321";
    assert_eq!(connection.identity.as_deref(), Some(session));
    let calls = simulator.calls();
    let of = |operation| calls.iter().filter(|call| call.operation == operation).count();
    assert_eq!((of(Operation::AssumeRole), of(Operation::DescribeRegions)), (2, 1));
    assert_eq!(of(Operation::BatchImportFindings), 4);
    assert!(simulator.events().is_empty() && simulator.summary().iter().all(|region| region.billed_events == 0));
}

#[tokio::test]
async fn a_role_assumable_without_its_external_id_is_a_risk() {
    let (_simulator, server) = start(world()).await;
    let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, role("Open", Some("an-id"))).await;
    assert_eq!(connection.status, ConnectionStatus::Connected);
    let [risk] = connection.risks.as_slice() else { panic!("{:?}", connection.risks) };
    assert_eq!(risk.reason, "external_id_not_required");
    let remediation = risk.remediation.as_deref().unwrap();
    let complete =
        format!("hubctl permissions print --integration {MEMBER} --format trust-policy > trust.json && aws iam ");
    assert!(remediation.starts_with(&complete) && remediation.contains(" --role-name Open "), "{remediation}");
    // A role without an External ID has no such risk.
    let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, role("Open", None)).await;
    assert!(connection.risks.is_empty() && connection.status == ConnectionStatus::Connected);
}

#[tokio::test]
async fn a_denied_role_is_reported_with_every_remediation() {
    let (_simulator, server) = start(world()).await;
    for (name, external_id) in [
        ("Guarded", Some("a-wrong-id")),
        ("Guarded", None),
        ("Closed", Some("the-right-id")),
        ("Missing", Some("the-right-id")),
    ] {
        let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, role(name, external_id)).await;
        assert_eq!(connection.status, ConnectionStatus::Disconnected);
        let problem = connection.problem.unwrap();
        assert_eq!(problem.reason, "assume_role_denied");
        let (message, remediation) = (problem.message, problem.remediation.unwrap());
        // The response of STS is the same for each cause, so that the message names both.
        assert!(message.contains("that the role exists") && message.contains("exactly this External ID"), "{message}");
        let ways: Vec<&str> = remediation.lines().collect();
        assert!(
            ways[0].starts_with(&format!("hubctl permissions print --integration {MEMBER} --format trust-policy > ")),
            "{remediation}"
        );
        assert!(ways[0].contains(&format!("update-assume-role-policy --role-name {name} ")), "{remediation}");
        assert!(
            ways[1].starts_with(&format!("hubctl integration credentials {MEMBER} --role-name {name} ")),
            "{remediation}"
        );
        assert!(ways[2].contains("--format cloudformation > role.yaml && aws cloudformation deploy "), "{remediation}");
        // The caller of the test is only one of the principals that the role must trust.
        assert!(!remediation.contains("user/simulated"), "{remediation}");
    }
}

#[tokio::test]
async fn a_caller_denied_by_a_policy_is_shown_the_policy_command() {
    let mut config = world();
    let denied = |explicit, policy: &str| Deny {
        action: "sts:AssumeRole".to_owned(),
        regions: Vec::new(),
        caller: None,
        explicit,
        policy: Some(policy.to_owned()),
    };
    config.account_mut(ACCOUNT).denies = vec![denied(true, "service control policy")];
    let (_simulator, server) = start(config).await;
    let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, role("Open", None)).await;
    let remediation = connection.problem.unwrap().remediation.unwrap();
    assert!(remediation.starts_with("aws organizations list-policies-for-target "), "{remediation}");
}

#[tokio::test]
async fn credentials_of_another_account_and_unknown_ones_are_distinguished() {
    let (_simulator, server) = start(world()).await;
    let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, Credentials::default()).await;
    let problem = connection.problem.unwrap();
    assert_eq!(problem.reason, "wrong_account");
    let command = format!("hubctl integration credentials {MEMBER} --role-name SecurityHubExporter");
    assert!(problem.remediation.unwrap().starts_with(&command));
    let (_simulator, server) = start(Config { default_account: None, ..Config::default() }).await;
    let Checked { connection, .. } = check(&server.endpoint_url(), ACCOUNT, Credentials::default()).await;
    let problem = connection.problem.unwrap();
    assert_eq!(problem.reason, "credentials_invalid");
    assert!(problem.remediation.unwrap().starts_with("aws sts get-caller-identity"));
}

#[tokio::test]
async fn a_session_that_expires_between_regions_is_renewed() {
    let (simulator, server) = start(world()).await;
    let fault = Fault::new(Effect::ExpireTokens).on(Operation::DescribeHub).after(2).times(1);
    simulator.inject(fault);
    let Checked { connection, .. } = check(&server.endpoint_url(), MEMBER, role("Guarded", Some("the-right-id"))).await;
    assert_eq!(simulator.faults()[0].hits, 1);
    assert_eq!(count(&connection, RegionStatus::Enabled), 4, "{connection:#?}");
}

#[tokio::test]
async fn a_check_completes_with_slow_responses_and_without_ec2() {
    let mut config =
        world()
            .region(ACCOUNT, "us-east-1", |region| region.hub = false)
            .region(ACCOUNT, "sa-east-1", |region| region.products.clear());
    config.latency_ms = 150;
    config.account_mut(ACCOUNT).denies.push(Deny {
        action: "ec2:DescribeRegions".to_owned(),
        regions: Vec::new(),
        caller: None,
        explicit: false,
        policy: None,
    });
    let (_simulator, server) = start(config).await;
    let Checked { connection, elapsed: took, .. } =
        check(&server.endpoint_url(), ACCOUNT, Credentials::default()).await;
    let counts = [
        RegionStatus::Enabled,
        RegionStatus::HubNotEnabled,
        RegionStatus::ProductNotAccepted,
        RegionStatus::RegionNotOptedIn,
    ]
    .map(|status| count(&connection, status));
    assert_eq!(counts, [2, 1, 1, 30], "{connection:#?}");
    assert!(took.as_secs() < 20, "{took:?}");
}

#[tokio::test]
async fn a_stopped_endpoint_is_unreachable_and_not_disabled() {
    let (_simulator, server) = start(world()).await;
    let account: AccountId = ACCOUNT.parse().unwrap();
    let integration = Integration { credentials: Some(Credentials::default()), ..Integration::new(account) };
    let checker = Checker::new(ports(&server.endpoint_url()).await, CheckSettings::default());
    let first = checker.check(account, &integration, None).await.connection;
    server.stop().await;
    let second = checker.check(account, &integration, None).await.connection;
    assert_eq!((second.status, &second.regions), (ConnectionStatus::Connected, &first.regions), "{second:#?}");
    assert_eq!(second.stale_since, Some(first.checked_at));
}

#[tokio::test]
async fn no_verdict_contains_a_secret_with_any_error() {
    const KEY: &str = "AKIAPLANTEDPLANTED00";
    const SECRET: &str = "planted/secret+never/to/be/seen";
    const TOKEN: &str = "planted-token-never-to-be-seen";
    let text = json!({ "access_key_id": KEY, "secret_access_key": SECRET, "session_token": TOKEN }).to_string();
    // Security Hub returns every status, and Secrets Manager returns a valid access key or an invalid one.
    for (secret, broken) in [(text.clone(), false), (format!("{text} {SECRET}"), true)] {
        for status in [200, 400, 401, 403, 404, 429, 500] {
            let answer = json!({ "Name": "s", "SecretString": secret }).to_string();
            let wire = Wire::serve(move |_, request| match request {
                _ if request.header("x-amz-target") == Some("secretsmanager.GetSecretValue") => {
                    Reply::new(200, answer.clone())
                }
                _ if request.text().contains("GetCallerIdentity") => crate::hub_errors::identity(ACCOUNT),
                _ => Reply::new(status, r#"{"Message": "no"}"#).header("x-amzn-errortype", "SomeException"),
            })
            .await;
            let credentials = Credentials::Static { secret: "exporter/keys".to_owned(), role: None };
            let Checked { connection, .. } = check(&wire.url, ACCOUNT, credentials).await;
            assert_eq!(connection.status, ConnectionStatus::Disconnected, "{status}");
            assert_eq!(connection.problem.as_ref().unwrap().reason == "credentials_invalid", broken);
            let shown = format!("{connection:?} {}", serde_json::to_string(&connection).unwrap());
            for planted in [SECRET, TOKEN, KEY] {
                assert!(!shown.contains(planted), "{status}: {shown}");
            }
        }
    }
}

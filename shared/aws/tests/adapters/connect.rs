//! Connects to an account of the simulator: the account of the credentials, and denied roles.

use asff::AccountId;
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::model::problem::Problem;
use exporter::ports::{ConnectError, Hubs};
use simulator::{Config, Fault, Operation, Server, Simulator};

use crate::{ACCOUNT, cloud};

/// An account other than the caller's.
const MEMBER: &str = "210987654321";

async fn world() -> (Simulator, Server) {
    let config = Config::one_account(ACCOUNT, &["eu-west-1"])
        .account(MEMBER, &["eu-west-1"])
        .role(MEMBER, "Exporter", ACCOUNT, Some("the-right-id"))
        .role(MEMBER, "Closed", "000000000000", None);
    let simulator = Simulator::new(config);
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    (simulator, server)
}

async fn connect(server: &Server, credentials: Credentials) -> Result<(), ConnectError> {
    let account: AccountId = MEMBER.parse().unwrap();
    let integration = Integration { credentials: Some(credentials), ..Integration::new(account) };
    cloud(&server.endpoint_url()).await.connect(account, &integration).await.map(drop)
}

fn role(name: &str, external_id: Option<&str>) -> Credentials {
    let role = Role {
        external_id: external_id.map(str::to_owned),
        session_name: Some("nightly scan".to_owned()),
        ..Role::new(format!("arn:aws:iam::{MEMBER}:role/path/{name}"))
    };
    Credentials::Default { role: Some(role) }
}

fn refusal(answer: Result<(), ConnectError>) -> (String, String) {
    match answer {
        Err(ConnectError::Rejected(Problem { reason, message, .. })) => (reason, message),
        other => panic!("not rejected: {other:?}"),
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    let (simulator, server) = world().await;
    connect(&server, role("Exporter", Some("the-right-id"))).await.unwrap();
    let operations: Vec<_> = simulator.calls().iter().map(|call| (call.operation, call.account.clone())).collect();
    assert_eq!(
        operations,
        [(Operation::AssumeRole, Some(ACCOUNT.to_owned())), (Operation::GetCallerIdentity, Some(MEMBER.to_owned()))]
    );
}

#[tokio::test]
async fn a_denied_role_is_reported_with_its_arn_and_the_causes() {
    let (simulator, server) = world().await;
    for (credentials, how) in [
        (role("Exporter", Some("a-wrong-id")), "with the integration's External ID"),
        (role("Exporter", None), "without an External ID"),
        (role("Closed", None), "without an External ID"),
        (role("Missing", Some("the-right-id")), "with the integration's External ID"),
    ] {
        let arn = credentials.role().unwrap().arn.clone();
        let (reason, message) = refusal(connect(&server, credentials).await);
        assert_eq!(reason, "assume_role_denied");
        assert!(message.starts_with(&format!("failed to assume {arn} {how}")), "{message}");
        assert!(message.contains("sts:AssumeRole on resource"), "{message}");
        assert!(!message.contains("-id "), "the External ID is not repeated: {message}");
    }
    assert_eq!(simulator.calls().len(), 4, "a denied call is not retried");
}

#[tokio::test]
async fn credentials_of_another_account_are_rejected() {
    let (_simulator, server) = world().await;
    let (reason, message) = refusal(connect(&server, Credentials::default()).await);
    assert_eq!(reason, "wrong_account");
    assert!(message.contains(&format!("arn:aws:iam::{ACCOUNT}:user/")) && message.contains(MEMBER), "{message}");
}

#[tokio::test]
async fn a_transient_error_is_not_a_rejection() {
    let (simulator, server) = world().await;
    for status in [429, 503] {
        simulator.inject(Fault::error(status).on(Operation::AssumeRole));
        let answer = connect(&server, role("Exporter", Some("the-right-id"))).await;
        assert!(matches!(&answer, Err(ConnectError::Failed(_))), "{status}: {answer:?}");
        simulator.clear_faults();
    }
    simulator.inject(Fault::error(503).on(Operation::AssumeRole).times(1));
    connect(&server, role("Exporter", Some("the-right-id"))).await.unwrap();
}

#[tokio::test]
async fn unknown_credentials_are_invalid() {
    let simulator = Simulator::new(Config::default().account(MEMBER, &["eu-west-1"]));
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    let (reason, message) = refusal(connect(&server, Credentials::default()).await);
    assert_eq!(reason, "credentials_invalid");
    assert!(message.contains("InvalidClientTokenId"), "{message}");
}

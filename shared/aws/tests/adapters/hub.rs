//! Security Hub of one account, against the simulator.

use aws::SecurityHub;
use bytes::Bytes;
use exporter::model::integration::{Credentials, Role};
use exporter::ports::{CallError, Hub, HubState, ImportOutcome};
use serde_json::{Value, json};
use simulator::{Config, Effect, Fault, HubOffImport, Operation, Rate, Server, Simulator};

use crate::{ACCOUNT, cloud};

const REGION: &str = "eu-west-1";

fn world() -> Config {
    Config::one_account(ACCOUNT, &[REGION, "us-east-1"]).role(ACCOUNT, "Exporter", "*", Some("an-id"))
}

/// A connection to Security Hub, with the running simulator.
struct Running {
    simulator: Simulator,
    hub: SecurityHub,
    _server: Server,
}

impl Running {
    async fn start(config: Config, credentials: Credentials) -> Self {
        let simulator = Simulator::new(config);
        let server = simulator.serve("127.0.0.1:0").await.unwrap();
        let hub = cloud(&server.endpoint_url()).await.connect_as(ACCOUNT.parse().unwrap(), &credentials).await.unwrap();
        Self { simulator, hub, _server: server }
    }

    async fn import(&self, findings: &[Value]) -> Result<ImportOutcome, CallError> {
        self.hub.import(&REGION.parse().unwrap(), body(findings)).await
    }

    async fn state(&self) -> Result<HubState, CallError> {
        self.hub.state(&REGION.parse().unwrap()).await
    }

    fn count(&self, operation: Operation) -> usize {
        self.simulator.calls().iter().filter(|call| call.operation == operation).count()
    }
}

fn finding(id: &str) -> Value {
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "GeneratorId": "prowler-a", "AwsAccountId": ACCOUNT,
        "ProductArn": format!("arn:aws:securityhub:{REGION}::product/prowler/prowler"),
        "CreatedAt": "2026-11-20T08:00:00.000Z", "UpdatedAt": "2026-11-20T08:00:00.000Z",
        "Title": "a", "Description": "b",
        "FindingProviderFields": {"Severity": {"Label": "LOW"}, "Types": ["Effects"]},
        "Resources": [{"Type": "Other", "Id": "r", "Region": REGION, "Partition": "aws"}],
    })
}

fn body(findings: &[Value]) -> Bytes {
    json!({ "Findings": findings }).to_string().into()
}

#[tokio::test]
async fn findings_are_stored_and_rejected_ones_are_returned() {
    let running = Running::start(world(), Credentials::default()).await;
    let mut bad = finding("bad");
    bad["Title"] = "t".repeat(257).into();
    let outcome = running.import(&[finding("a"), bad, finding("b")]).await.unwrap();
    assert_eq!((outcome.success_count, outcome.failed_count), (2, 1));
    assert_eq!((outcome.failed[0].id.as_str(), outcome.failed[0].code.as_str()), ("bad", "InvalidInput"));
    assert!(outcome.failed[0].message.contains("data.Title"), "{}", outcome.failed[0].message);
    assert_eq!(running.simulator.findings(ACCOUNT, REGION).len(), 2);
}

#[tokio::test]
async fn a_finding_is_found_by_its_id_in_any_record_state() {
    let running = Running::start(world(), Credentials::default()).await;
    let mut archived = finding("archived");
    archived["RecordState"] = "ARCHIVED".into();
    running.import(&[finding("a"), archived, finding("b")]).await.unwrap();
    for (id, state) in [("a", "ACTIVE"), ("archived", "ARCHIVED")] {
        let found = running.hub.finding(&REGION.parse().unwrap(), id).await.unwrap().unwrap();
        let found: Value = serde_json::from_slice(&found).unwrap();
        assert_eq!((&found["Id"], &found["RecordState"]), (&json!(id), &json!(state)));
    }
    assert_eq!(running.hub.finding(&REGION.parse().unwrap(), "nobody").await, Ok(None));
}

#[tokio::test]
async fn a_product_is_found_on_any_page() {
    let running = Running::start(world(), Credentials::default()).await;
    assert_eq!(running.state().await, Ok(HubState { product_accepted: true }));
    assert!(running.count(Operation::ListEnabledProductsForImport) > 1, "the product is not on the first page");
    // The name of another product may contain that of Prowler's product.
    let config = world().region(ACCOUNT, REGION, |region| region.products = vec!["prowler/prowler-2".to_owned()]);
    let running = Running::start(config, Credentials::default()).await;
    assert_eq!(running.state().await, Ok(HubState { product_accepted: false }));
    assert!(matches!(running.import(&[finding("a")]).await, Err(CallError::AccessDenied(_))));
}

#[tokio::test]
async fn a_disabled_hub_is_detected_from_each_form_of_response() {
    for form in [HubOffImport::FailedFindings, HubOffImport::InvalidAccess, HubOffImport::AccessDenied] {
        let mut config = world().region(ACCOUNT, REGION, |region| region.hub = false);
        config.rules.hub_off_import = form;
        let running = Running::start(config, Credentials::default()).await;
        let answer = running.import(&[finding("a")]).await;
        match form {
            HubOffImport::FailedFindings => assert_eq!(answer.unwrap().failed[0].code, "InvalidAccess"),
            HubOffImport::InvalidAccess => assert!(matches!(answer, Err(CallError::InvalidAccess(_))), "{answer:?}"),
            HubOffImport::AccessDenied => assert!(matches!(answer, Err(CallError::AccessDenied(_))), "{answer:?}"),
        }
        let state = running.state().await;
        assert!(matches!(&state, Err(CallError::InvalidAccess(said)) if said.contains("not subscribed")), "{state:?}");
    }
}

#[tokio::test]
async fn a_region_that_is_not_opted_in_rejects_the_client() {
    let config = world().region(ACCOUNT, "af-south-1", |region| region.opted_in = false);
    let running = Running::start(config, Credentials::default()).await;
    let answer = running.hub.import(&"af-south-1".parse().unwrap(), body(&[finding("a")])).await;
    assert!(matches!(answer, Err(CallError::UnrecognizedClient(_))), "{answer:?}");
}

#[tokio::test]
async fn an_import_is_not_retried_after_any_error() {
    let mut config = world();
    config.rates.batch_import_findings = Rate { calls_per_second: 0.001, burst: 1.0 };
    let running = Running::start(config, Credentials::default()).await;
    running.import(&[finding("a")]).await.unwrap();
    let throttled = running.import(&[finding("a")]).await;
    assert!(matches!(throttled, Err(CallError::Throttled(_))), "{throttled:?}");
    assert_eq!(running.count(Operation::BatchImportFindings), 2);

    let running = Running::start(world().unlimited(), Credentials::default()).await;
    for fault in [Fault::error(500), Fault::error(503), Fault::new(Effect::DropConnection { after_commit: true })] {
        running.simulator.forget_calls();
        running.simulator.inject(fault.on(Operation::BatchImportFindings));
        let answer = running.import(&[finding("a")]).await;
        assert!(matches!(answer, Err(CallError::Transient(_))), "{answer:?}");
        assert_eq!(running.count(Operation::BatchImportFindings), 1);
        running.simulator.clear_faults();
    }
}

#[tokio::test]
async fn reading_the_state_is_retried_after_a_transient_error() {
    let running = Running::start(world(), Credentials::default()).await;
    running.simulator.inject(Fault::error(503).on(Operation::DescribeHub).times(2));
    assert_eq!(running.state().await, Ok(HubState { product_accepted: true }));
}

#[tokio::test]
async fn a_body_above_6_mb_is_rejected_as_a_batch() {
    for status in [400, 413] {
        let mut config = world();
        config.rules.oversized_body_status = status;
        let running = Running::start(config, Credentials::default()).await;
        let mut large = finding("a");
        large["Description"] = "d".repeat(6_300_000).into();
        let answer = running.import(&[large]).await;
        assert!(matches!(answer, Err(CallError::Rejected { .. })), "{status}: {answer:?}");
    }
}

#[tokio::test]
async fn a_finding_that_the_authorizer_can_not_read_fails_its_batch() {
    let running = Running::start(world(), Credentials::default()).await;
    let mut bad = finding("a");
    bad["AwsAccountId"] = "12345".into();
    let answer = running.import(&[bad]).await;
    assert!(
        matches!(&answer, Err(CallError::Rejected { code, .. }) if code == "AuthorizerConfigurationException"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_expired_session_is_replaced_by_the_next_call() {
    let role =
        Role { external_id: Some("an-id".to_owned()), ..Role::new(format!("arn:aws:iam::{ACCOUNT}:role/Exporter")) };
    let running = Running::start(world(), Credentials::Default { role: Some(role) }).await;
    running.import(&[finding("a")]).await.unwrap();
    running.state().await.unwrap();
    assert_eq!(running.count(Operation::AssumeRole), 1, "Regions and calls share one session");

    running.simulator.inject(Fault::new(Effect::ExpireTokens).on(Operation::BatchImportFindings).times(1));
    let both = futures::future::join(running.import(&[finding("b")]), running.import(&[finding("c")])).await;
    for answer in [both.0, both.1] {
        assert!(matches!(answer, Err(CallError::ExpiredToken(_))), "{answer:?}");
    }
    running.import(&[finding("b"), finding("c")]).await.unwrap();
    assert_eq!(running.count(Operation::AssumeRole), 2, "one of the two calls renewed the session");
}

//! `hubctl integration send-sample`: a finding arrives in a simulated Security Hub, and none stays active.

use serde_json::Value;
use simulator::{Config, Operation, Simulator};

use super::{ACCOUNT, Deployment};
use crate::{Ended, hubctl};

/// Runs the command with credentials of the account, and with simulated Security Hub and STS.
fn send_sample(deployment: &Deployment, url: &str, line: &str) -> Ended {
    let output = hubctl()
        .envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "eu-west-1")])
        .envs([("AWS_ENDPOINT_URL_SECURITYHUB", url), ("AWS_ENDPOINT_URL_STS", url)])
        .envs([("AWS_ENDPOINT_URL_LAMBDA", deployment.url.as_str()), ("HUBCTL_MANAGE_FUNCTION", "manage")])
        .args(["integration", "send-sample", ACCOUNT])
        .args(line.split_whitespace())
        .output();
    Ended::of(output.unwrap())
}

#[test]
fn a_sample_arrives_and_is_archived_for_two_events() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = Simulator::new(Config::one_account(ACCOUNT, &["eu-west-1", "us-east-1"]));
    let server = runtime.block_on(simulator.serve("127.0.0.1:0")).unwrap();
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.memory.contents().connections.insert(ACCOUNT.parse().unwrap(), super::connected());

    let ended = send_sample(&deployment, &server.endpoint_url(), "--output json");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let came: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&came["seen"], &came["archived"], &came["region"]), (&true.into(), &true.into(), &"eu-west-1".into()));
    let imports = simulator.calls().iter().filter(|call| call.operation == Operation::BatchImportFindings).count();
    assert_eq!(imports, 2, "two ingestion events, as the output states");
    for region in simulator.summary() {
        assert_eq!(region.by_record_state.get("ACTIVE").copied().unwrap_or_default(), 0, "no finding stays active");
    }

    let off = send_sample(&deployment, &server.endpoint_url(), "--hub-region eu-west-2 --use-caller-credentials");
    assert!([4, 5].contains(&off.exit) && off.stderr.contains("hint:"), "{}", off.stderr);
}

//! The outcomes of connection tests and their exit codes: only a test that was run and passed ends with 0.

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionStatus};

use super::{ACCOUNT, Deployment, disconnected};

const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn problem(message: &str) -> Option<Problem> {
    Some(Problem { reason: "not_checked".to_owned(), message: message.to_owned(), remediation: None })
}

fn created() -> Deployment {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment
}

/// Changes the connection that the next test finds.
fn find(deployment: &Deployment, change: impl FnOnce(&mut Connection)) {
    change(&mut deployment.memory.contents().connection_tests.get_mut(ACCOUNT).unwrap().connections[0]);
}

#[test]
fn a_test_without_a_response_has_exit_code_1() {
    let deployment = created();
    find(&deployment, |found| {
        found.stale_since = Some("2026-11-23T08:00:00Z".parse().unwrap());
        found.problem = problem("STS answered 503");
    });
    let tested = deployment.run(&format!("integration test {ACCOUNT}"));
    assert_eq!(tested.exit, 1, "{}", tested.stdout);
    assert!(tested.stdout.starts_with("Not tested: no response: STS answered 503"), "{}", tested.stdout);
}

#[test]
fn an_unavailable_selected_region_has_exit_code_5() {
    let deployment = created();
    deployment.json(&format!("integration configure {ACCOUNT} --regions eu-west-1,ap-southeast-2"));
    find(&deployment, |found| {
        let mut region = found.regions[&"eu-west-1".parse().unwrap()].clone();
        region.status = RegionStatus::HubNotEnabled;
        region.problem = problem("Security Hub is not enabled in ap-southeast-2");
        found.regions.insert("ap-southeast-2".parse().unwrap(), region);
        found.status = ConnectionStatus::Degraded;
    });
    let tested = deployment.run(&format!("integration test {ACCOUNT}"));
    assert_eq!(tested.exit, 5, "{}", tested.stdout);
    let said = tested.stdout.lines().next().unwrap();
    assert!(
        said.starts_with("Partially connected: connected in 2 Regions") && said.contains("ap-southeast-2"),
        "{said}"
    );
}

/// An organization with two connected accounts.
fn organization() -> Deployment {
    let deployment = created();
    let well = deployment.memory.contents().connection_tests[ACCOUNT].connections[0].clone();
    let one = |account: &str| Connection {
        account: account.parse().unwrap(),
        provider: ORGANIZATION.parse().unwrap(),
        ..well.clone()
    };
    let found = vec![one("333333333333"), one("444444444444")];
    deployment.memory.contents().put_connection_test(ORGANIZATION, found);
    deployment
        .json(&format!("integration create --provider {ORGANIZATION} --role-name Exporter --external-id an-id-x"));
    deployment
}

#[test]
fn an_organization_with_unchecked_accounts_has_exit_code_1() {
    let deployment = organization();
    assert_eq!(deployment.run(&format!("integration test {ORGANIZATION}")).exit, 0);
    let unchecked = "555555555555".parse().unwrap();
    deployment.memory.contents().connection_tests.get_mut(ORGANIZATION).unwrap().unchecked.push(unchecked);
    let tested = deployment.run(&format!("integration test {ORGANIZATION}"));
    assert_eq!(tested.exit, 1, "{}", tested.stdout);
    assert!(tested.stdout.contains("2 of 3 accounts were checked, not 555555555555"), "{}", tested.stdout);
}

#[test]
fn an_organization_with_denied_credentials_has_exit_code_4() {
    let deployment = organization();
    let refused = Connection {
        account: "555555555555".parse().unwrap(),
        provider: ORGANIZATION.parse().unwrap(),
        ..disconnected()
    };
    deployment.memory.contents().connection_tests.get_mut(ORGANIZATION).unwrap().connections.push(refused);
    let tested = deployment.run(&format!("integration test {ORGANIZATION}"));
    assert_eq!(tested.exit, 4, "{}", tested.stdout);
    assert!(tested.stdout.contains("1 of 3 accounts are not connected; 555555555555: "), "{}", tested.stdout);
}

#[test]
fn an_untested_change_is_not_a_success() {
    let deployment = Deployment::new();
    deployment.memory.contents().connection_tests.clear();
    let made = deployment.run(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(made.exit, 1, "{}", made.stderr);
    assert!(made.stdout.contains("Not tested: the test could not be run"), "{}", made.stdout);
    assert_eq!(deployment.run(&format!("integration show {ACCOUNT}")).exit, 0, "the integration was created");
    assert_eq!(
        deployment.run(&format!("integration disable {ACCOUNT}")).exit,
        0,
        "disabling causes no connection test"
    );
    assert_eq!(deployment.run(&format!("integration enable {ACCOUNT}")).exit, 1);
    assert_eq!(deployment.run(&format!("provider credentials {ACCOUNT} --role-name Another")).exit, 1);
}

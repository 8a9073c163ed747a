//! What hubctl says of permissions, of the trail, and of a deployment that fails.

use super::{ACCOUNT, Deployment};

#[test]
fn permissions_are_printed_for_the_role_of_an_integration() {
    let deployment = Deployment::new();
    deployment.json(&format!(
        "integration create --provider {ACCOUNT} --role-name Exporter --external-id the-right-one --auto-accept-product"
    ));
    let ended = deployment.run(&format!("permissions print --integration {ACCOUNT}"));
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    for needed in [
        "securityhub:BatchImportFindings",
        "securityhub:DescribeHub",
        "securityhub:EnableImportFindingsForProduct",
        "securityhub:GetFindings",
        "securityhub:ListEnabledProductsForImport",
        "ec2:DescribeRegions",
        "\"sts:ExternalId\": \"the-right-one\"",
    ] {
        assert!(ended.stdout.contains(needed), "{needed}: {}", ended.stdout);
    }
    let template = deployment.run(&format!("permissions print --integration {ACCOUNT} --form cloudformation"));
    assert!(template.stdout.contains("AWS::IAM::Role") && template.stdout.contains("the-right-one"));
}

#[test]
fn permissions_of_an_account_come_with_the_command_that_integrates_it() {
    let deployment = Deployment::new();
    let ended = deployment.run("permissions print --account o-a1b2c3d4e5 --external-id the-right-one --form terraform");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("aws_iam_role"), "{}", ended.stdout);
    insta::assert_snapshot!("permissions_then", ended.stderr);
}

#[test]
fn the_trail_says_who_changed_what() {
    let deployment = Deployment::new();
    assert_eq!(deployment.run("audit").stderr, "Nothing was changed yet.\n");
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.json(&format!("integration configure {ACCOUNT} --archive --severity-min medium"));
    insta::assert_snapshot!("audit", deployment.run("audit").stdout);
}

#[test]
fn a_deployment_that_fails_is_told_from_one_that_refuses() {
    let deployment = Deployment::new();
    deployment.memory.kept().down = Some("ProvisionedThroughputExceededException: slow down".to_owned());
    let down = deployment.run("integration list");
    assert_eq!(down.exit, 1);
    assert!(down.stderr.contains("slow down") && down.stderr.contains("do it again"), "{}", down.stderr);
    let none = deployment.run("integration list --manage-function another");
    assert_eq!(none.exit, 1, "{}", none.stderr);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let deployment = Deployment::new();
    assert_eq!(deployment.run("man pages").exit, 0);
    let page = |name: &str| std::fs::read_to_string(deployment.place.path().join("pages").join(name)).unwrap();
    assert!(page("hubctl.1").contains("integration"));
    assert!(page("hubctl-integration-create.1").contains("hubctl integration create"));
    assert!(page("hubctl-config-diff.1").contains("file"));
}

#[test]
fn new_credentials_of_a_provider_are_tested_where_an_integration_uses_them() {
    let deployment = Deployment::new();
    deployment.json(&format!("provider create {ACCOUNT}"));
    let unused = deployment.run(&format!("provider credentials {ACCOUNT} --role-name First"));
    assert_eq!(unused.exit, 0, "{}", unused.stderr);
    assert!(unused.stderr.contains("Not tested: no integration uses them."), "{}", unused.stderr);
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let passed = deployment.run(&format!("provider credentials {ACCOUNT} --role-name Second"));
    assert_eq!(passed.exit, 0, "{}", passed.stderr);
    assert!(passed.stdout.contains("Test passed"), "{}", passed.stdout);
    deployment.memory.kept().found.insert(ACCOUNT.to_owned(), vec![super::disconnected()]);
    let denied = deployment.run(&format!("provider credentials {ACCOUNT} --role-name Third"));
    assert_eq!(denied.exit, 4, "{}", denied.stderr);
    assert!(denied.stdout.contains("assume_role_denied"), "{}", denied.stdout);
}

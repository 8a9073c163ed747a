//! The output of `permissions`, `audit`, and `man`, connection tests of credentials, and errors of a failing deployment.

use super::{ACCOUNT, Deployment};

#[test]
fn permissions_are_printed_for_the_role_of_an_integration() {
    let deployment = Deployment::new();
    deployment.json(&format!(
        "integration create --provider {ACCOUNT} --role-name Exporter --external-id the-right-one --auto-accept-product"
    ));
    let ended = deployment.run(&format!("permissions print --integration {ACCOUNT} --stack one"));
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    for needed in [
        "securityhub:BatchImportFindings",
        "securityhub:DescribeHub",
        "securityhub:EnableImportFindingsForProduct",
        "securityhub:GetFindings",
        "securityhub:ListEnabledProductsForImport",
        "ec2:DescribeRegions",
        "\"sts:ExternalId\": \"the-right-one\"",
        "arn:aws:iam::111122223333:role/Export",
        "arn:aws:iam::111122223333:role/Check",
    ] {
        assert!(ended.stdout.contains(needed), "{needed}: {}", ended.stdout);
    }
    let template =
        deployment.run(&format!("permissions print --integration {ACCOUNT} --format cloudformation --stack one"));
    assert!(template.stdout.contains("AWS::IAM::Role") && template.stdout.contains("the-right-one"));
}

#[test]
fn permissions_of_an_account_name_the_create_command() {
    let deployment = Deployment::new();
    let line = "permissions print --account o-a1b2c3d4e5 --external-id the-right-one --format terraform --stack one";
    let ended = deployment.run(line);
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("aws_iam_role"), "{}", ended.stdout);
    insta::assert_snapshot!("permissions_then", ended.stderr);
}

/// Commands contain a Region of the partition, and a `StackSet` doesn't include the management account.
#[test]
fn commands_of_an_organization_are_right_in_every_partition() {
    let deployment = Deployment::new();
    for (region, partition) in [
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("eusc-de-east-1", "aws-eusc"),
        ("eu-west-1", "aws"),
    ] {
        let print = format!(
            "permissions print --external-id the-right-one --format cloudformation --stack one --region {region}"
        );
        let ended = deployment.run(&format!("{print} --account o-a1b2c3d4e5"));
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("Exporter") && !ended.stderr.contains("us-east-1"), "{}", ended.stderr);
        let commands: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("    aws ")).collect();
        let [set, itself] = commands[..] else { panic!("{}", ended.stderr) };
        assert!(set.contains(&format!(" --regions {region} --region {region}")), "{set}");
        assert_eq!(set.matches(&format!("--region {region}")).count(), 3, "{set}");
        assert!(
            itself.contains("cloudformation deploy") && itself.ends_with(&format!("--region {region}")),
            "{itself}"
        );
        let of_one = deployment.run(&format!("{print} --account {ACCOUNT}")).stderr;
        assert!(of_one.contains(&format!("CAPABILITY_NAMED_IAM --region {region}\n")), "{of_one}");
        let policy = deployment.run(&format!("permissions print --account {ACCOUNT} --region {region}")).stdout;
        assert!(policy.contains(&format!("arn:{partition}:")), "{policy}");
    }
}

/// Without trusted principals, no trust policy is printed: they are not known from the name of the function.
#[test]
fn trusted_principals_are_known_only_from_the_stack() {
    let deployment = Deployment::new();
    let print = format!("permissions print --account {ACCOUNT} --role-name path/Exporter --external-id the-right-one");
    for form in ["cloudformation", "terraform"] {
        let refused = deployment.run(&format!("{print} --auto-accept-product --format {form}"));
        assert_eq!((refused.exit, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
        let remediations = format!("hint: hubctl {print} --auto-accept-product --format {form} --stack NAME");
        assert!(refused.stderr.contains(&remediations), "{}", refused.stderr);
        let (_, remediations) = remediations.split_once("hubctl ").unwrap();
        let fixed = deployment.run(&remediations.replace("NAME", "one"));
        assert_eq!(fixed.exit, 0, "{}", fixed.stderr);
        assert!(fixed.stdout.contains("arn:aws:iam::111122223333:role/Check"), "{}", fixed.stdout);
    }
    let permissions = deployment.run(&print);
    assert_eq!(permissions.exit, 0, "the permissions don't depend on the trusted principals");
    assert!(permissions.stdout.contains("BatchImportFindings") && !permissions.stdout.contains("Principal"));
    assert!(permissions.stderr.contains(&format!("    hubctl {print} --stack NAME")), "{}", permissions.stderr);
    assert_eq!(deployment.json(&print)["trust"], serde_json::Value::Null);
}

/// Commands that change or show an integration or a provider succeed, and print the command that prints the trust policy.
#[test]
fn a_resource_of_the_function_names_the_trust_policy_command() {
    let deployment = Deployment::new();
    let print = format!("    hubctl permissions print --integration {ACCOUNT} --stack NAME\n");
    let lines = [
        format!("integration create --provider {ACCOUNT} --role-name Exporter"),
        format!("integration credentials {ACCOUNT} --role-name Another --output json"),
        format!("integration show {ACCOUNT} --output json"),
    ];
    for line in lines {
        let ended = deployment.run(&line);
        assert_eq!(ended.exit, 0, "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(&print), "{line}: {}", ended.stderr);
        assert!(!ended.stdout.contains("Principal"), "{line}: {}", ended.stdout);
    }
    let provider = deployment.run(&format!("provider show {ACCOUNT}"));
    assert!(
        provider.stderr.contains(&format!("    hubctl provider show {ACCOUNT} --stack NAME")),
        "{}",
        provider.stderr
    );
    let shown = deployment.run(&format!("provider show {ACCOUNT} --stack one"));
    assert!(shown.stdout.contains("arn:aws:iam::111122223333:role/Export") && shown.stderr.is_empty());
}

#[test]
fn the_audit_log_shows_who_changed_what() {
    let deployment = Deployment::new();
    assert_eq!(deployment.run("audit").stderr, "No changes recorded.\n");
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.json(&format!("integration configure {ACCOUNT} --archive --severity-min medium"));
    insta::assert_snapshot!("audit", deployment.run("audit").stdout);
}

#[test]
fn a_failing_deployment_is_distinguished_from_a_rejection() {
    let deployment = Deployment::new();
    deployment.memory.contents().faults.fail_all("ProvisionedThroughputExceededException: slow down".to_owned());
    let down = deployment.run("integration list");
    assert_eq!(down.exit, 1);
    assert!(down.stderr.contains("slow down") && down.stderr.contains("retry"), "{}", down.stderr);
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
fn new_provider_credentials_are_tested_if_an_integration_uses_them() {
    let deployment = Deployment::new();
    deployment.json(&format!("provider create {ACCOUNT}"));
    let unused = deployment.run(&format!("provider credentials {ACCOUNT} --role-name First"));
    assert_eq!(unused.exit, 0, "{}", unused.stderr);
    assert!(unused.stderr.contains("Not tested: unused by integrations."), "{}", unused.stderr);
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let passed = deployment.run(&format!("provider credentials {ACCOUNT} --role-name Second"));
    assert_eq!(passed.exit, 0, "{}", passed.stderr);
    assert!(passed.stdout.contains("Test passed"), "{}", passed.stdout);
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![super::disconnected()]);
    let denied = deployment.run(&format!("provider credentials {ACCOUNT} --role-name Third"));
    assert_eq!(denied.exit, 4, "{}", denied.stderr);
    assert!(denied.stdout.contains("assume_role_denied"), "{}", denied.stdout);
}

#[test]
fn a_test_that_finds_a_region_unavailable_is_not_a_success() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(deployment.run(&format!("integration test {ACCOUNT}")).exit, 0);
    {
        let mut contents = deployment.memory.contents();
        let lost = contents.connection_tests.get_mut(ACCOUNT).unwrap().connections[0]
            .regions
            .get_mut(&"eu-west-2".parse().unwrap())
            .unwrap();
        lost.unavailable_since = Some("2026-11-23T08:30:00Z".parse().unwrap());
        lost.status = exporter::connection::RegionStatus::HubNotEnabled;
    }
    let tested = deployment.run(&format!("integration test {ACCOUNT}"));
    assert_eq!(tested.exit, 5, "{}", tested.stdout);
    assert!(tested.stdout.contains("1 Region no longer available"), "{}", tested.stdout);
}

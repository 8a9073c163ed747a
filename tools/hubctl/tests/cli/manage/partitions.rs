//! Values of another partition than the deployment's, and secrets of another account: a file with such a value changes nothing,
//! and an option with it is rejected as well.

use super::{ACCOUNT, Deployment, connected};

/// Partitions, each with one of its Regions.
const PARTITIONS: [(&str, &str); 3] = [("aws", "eu-west-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")];

fn reason(own: &str, other: &str) -> String {
    format!("must be in partition {own}, the deployment's, not in partition {other}")
}

fn role(partition: &str) -> String {
    format!("arn:{partition}:iam::{ACCOUNT}:role/Exporter")
}

fn secret(partition: &str, region: &str, account: &str) -> String {
    format!("arn:{partition}:secretsmanager:{region}:{account}:secret:securityhub-exporter/x-AbCdEf")
}

/// A file with these credentials of a provider, and these settings of its integration.
fn file(credentials: &str, settings: &str) -> String {
    format!(
        "providers: [{{id: {ACCOUNT}, credentials: {{{credentials}}}}}]\nintegrations: [{{provider: {ACCOUNT}{settings}}}]\n"
    )
}

/// A deployment whose account can be reached only in this Region.
fn deployment_of(partition: &str, region: &str) -> Deployment {
    let deployment = Deployment::of(partition);
    let mut connection = connected();
    let enabled = connection.regions.values().next().unwrap().clone();
    connection.regions = [(region.parse().unwrap(), enabled)].into();
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![connection]);
    deployment
}

/// The file must be rejected before the first change, with this reason.
fn refused(deployment: &Deployment, region: &str, file: &str, why: &str) {
    deployment.file("wrong.yaml", file);
    for line in ["apply -f wrong.yaml", "config diff -f wrong.yaml"] {
        let ended = deployment.run(&format!("{line} --region {region}"));
        assert_eq!(ended.exit, 2, "{line}: {file}\n{}", ended.stderr);
        assert!(ended.stderr.contains("nothing was changed") && ended.stderr.contains(why), "{why}\n{}", ended.stderr);
    }
    assert!(deployment.actions().is_empty(), "{file}");
}

#[test]
fn a_file_with_values_of_another_partition_changes_nothing() {
    for (own, home) in PARTITIONS {
        let deployment = deployment_of(own, home);
        for (other, region) in PARTITIONS.into_iter().filter(|(other, _)| *other != own) {
            let why = |field: &str| format!("{field} {}", reason(own, other));
            let none = "kind: default";
            let of_role = format!("kind: default, role: {{arn: '{}'}}", role(other));
            let of_secret = format!("kind: static, secret: '{}'", secret(other, region, "111122223333"));
            for (credentials, settings, field) in [
                (none, format!(", regions: [{region}]"), "regions.0"),
                (none, format!(", fallback_region: {region}"), "fallback_region"),
                (none, format!(", credentials: {{{of_role}}}"), "credentials.role.arn"),
                (none, format!(", credentials: {{{of_secret}}}"), "credentials.secret"),
                (&of_role, String::new(), "credentials.role.arn"),
                (&of_secret, String::new(), "credentials.secret"),
            ] {
                refused(&deployment, home, &file(credentials, &settings), &why(field));
            }
        }
        let foreign = format!("kind: static, secret: '{}'", secret(own, home, ACCOUNT));
        let why = "credentials.secret must be in account 111122223333, the deployment's, not in account 123456789012";
        refused(&deployment, home, &file(&foreign, ""), why);
    }
}

#[test]
fn a_file_with_values_of_the_deployments_partition_is_applied() {
    for (own, home) in PARTITIONS {
        let deployment = deployment_of(own, home);
        let of_secret = secret(own, home, "111122223333");
        let settings = format!(
            ", regions: [{home}], fallback_region: {home}, credentials: {{kind: static, secret: '{of_secret}'}}"
        );
        let of_role = format!("kind: default, role: {{arn: '{}'}}", role(own));
        deployment.file("right.yaml", &file(&of_role, &settings));
        let ended = deployment.run(&format!("apply -f right.yaml --region {home}"));
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        assert_eq!(deployment.actions(), ["provider.create", "integration.create"]);
    }
}

#[test]
fn invalid_options_are_reported_by_name() {
    for (own, home) in PARTITIONS {
        let deployment = deployment_of(own, home);
        for (other, region) in PARTITIONS.into_iter().filter(|(other, _)| *other != own) {
            for (option, value) in [
                ("regions", region.to_owned()),
                ("fallback-region", region.to_owned()),
                ("role-arn", role(other)),
                ("secret", secret(other, region, "111122223333")),
            ] {
                let line = format!("integration create --account {ACCOUNT} --{option} {value} --region {home}");
                let ended = deployment.run(&line);
                assert_eq!(ended.exit, 2, "{line}\n{}", ended.stderr);
                let why = format!("(--{option}): {}", reason(own, other));
                assert!(ended.stderr.contains(&why), "{line}\n{}", ended.stderr);
                assert!(deployment.memory.contents().providers.is_empty(), "{line}");
            }
        }
        let line = format!("integration create --account {ACCOUNT} --regions {home} --role-arn {}", role(own));
        let ended = deployment.run(&format!("{line} --external-id the-right-one --region {home}"));
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
    }
}

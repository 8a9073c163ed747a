//! Invalid command lines, and deployments that can't be reached.

use super::{Ended, hubctl, run};

fn with_env(line: &str, env: &[(&str, &str)]) -> Ended {
    let output = hubctl().args(line.split_whitespace()).envs(env.iter().copied()).output();
    Ended::of(output.unwrap())
}

#[test]
fn an_invalid_command_line_has_exit_code_2() {
    let lines = [
        "",
        "converts",
        "convert",
        "validate x.json --severity-min urgent",
        "validate x.json --regions us-east-1,cn-north-1",
        "validate x.json --regions eu-wst-1",
        "export s3://bucket-alone",
        "integration create",
        "integration create --account 1234",
        "integration create --account 123456789012 --external-id abc",
        "integration create --account 123456789012 --secret-access-key abc",
        "integration credentials 123456789012 --region us-east-1",
        "provider configure 123456789012 --region us-east-1",
        "integration configure 123456789012 --region us-east-1",
        "integration delete 123456789012 --region us-east-1",
        "provider delete 123456789012 --yes --table t --state-bucket b --stack s --region us-east-1",
        "apply",
        "permissions print",
        "doctor --integration everything",
        "doctor --remote --stack s --region us-east-1",
        "doctor --table t --state-bucket b --region us-east-1",
        "doctor --region us-east-1",
        "run list --limit 0",
        "run list",
        "run undo-archive",
        "run undo-archive r --local --no-wait --table t --state-bucket b --region us-east-1",
        "run undo-archive r --calls-per-second 5 --manage-function f --region us-east-1",
        "reconcile --account 1234",
        "reconcile --regions eu-wst-1",
        "quarantine redrive --code",
        "explain not-an-id --local --table t --state-bucket b --region us-east-1",
        "explain",
        "export - --table t --state-bucket b --region us-east-1",
    ];
    for line in lines {
        let ended = run(line);
        assert_eq!(ended.exit, 2, "{line}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{line}");
        assert!(!ended.stderr.is_empty(), "{line}");
    }
}

#[test]
fn missing_options_are_reported_with_a_remediation() {
    insta::assert_snapshot!("no_stack", run("run list --region us-east-1").stderr);
    insta::assert_snapshot!("no_region", run("run list --stack exporter").stderr);
}

#[test]
fn missing_credentials_have_their_own_exit_code() {
    let ended = run("integration list --local --table t --state-bucket b --region us-east-1");
    assert_eq!(ended.exit, 4, "{}", ended.stderr);
    insta::assert_snapshot!("no_credentials", ended.stderr);
}

#[test]
fn the_sdks_environment_variables_are_used() {
    // No server listens at this endpoint: the error message shows that the SDK tried it.
    let env = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("HUBCTL_STACK", "exporter"),
    ];
    let ended = with_env("run list", &env);
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("error: failed to get the caller identity: "), "{}", ended.stderr);
}

/// An environment variable that a command doesn't use is not an error, so that one shell can be used with a deployment and
/// without one.
#[test]
fn an_unused_environment_variable_is_not_an_error() {
    let env = [
        ("HUBCTL_STACK", "exporter"),
        ("HUBCTL_TABLE", "t"),
        ("HUBCTL_STATE_BUCKET", "b"),
        ("HUBCTL_MANAGE_FUNCTION", "f"),
    ];
    let place = tempfile::tempdir().unwrap();
    let listed = with_env(&format!("run list --state {}", place.path().display()), &env);
    assert_eq!(listed.exit, 0, "{}", listed.stderr);
    assert_eq!(with_env("completion bash", &env).exit, 0);
    let refused = with_env("integration list --table t --region us-east-1", &env);
    assert_eq!(refused.exit, 2);
    assert!(
        refused.stderr.contains("--table would be ignored") && refused.stderr.contains("--local"),
        "{}",
        refused.stderr
    );
}

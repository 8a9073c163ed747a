//! `hubctl apply`: validates everything before the first change, and reports the connection test of each change.

use super::{ACCOUNT, Deployment, OTHER, connected, disconnected};
use crate::Ended;

const PROVIDERS: &str = "providers: [{id: 123456789012}, {id: 210987654321}]\n";

/// Applies an invalid file, with and without `--dry-run`, and compares it; each command must report the reason and change
/// nothing.
fn refused(deployment: &Deployment, file: &str, exit: i32, why: &str) {
    deployment.file("wrong.yaml", file);
    let before = deployment.actions();
    for line in ["apply -f wrong.yaml", "apply -f wrong.yaml --dry-run", "config diff -f wrong.yaml"] {
        let ended = deployment.run(line);
        assert_eq!(ended.exit, exit, "{line}: {file}\n{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{line}: {file}\n{}", ended.stderr);
        assert_eq!(deployment.actions(), before, "{line}: {file}");
    }
}

/// A connection with one Region that is no longer available.
fn lost() -> exporter::connection::Connection {
    let mut lost = connected();
    let region = lost.regions.get_mut(&"eu-west-2".parse().unwrap()).unwrap();
    region.unavailable_since = Some("2026-11-23T08:30:00Z".parse().unwrap());
    lost
}

fn applied(deployment: &Deployment, file: &str) -> Ended {
    deployment.file("file.yaml", file);
    deployment.run("apply -f file.yaml")
}

#[test]
fn an_invalid_setting_is_found_before_the_first_change() {
    let deployment = Deployment::new();
    let integration = |setting: &str| format!("{PROVIDERS}integrations: [{{provider: {ACCOUNT}, {setting}}}]\n");
    for (setting, why) in [
        ("archive_limit_percent: 101", "integration 123456789012: archive_limit_percent must be 0 to 100"),
        ("absent_scans: 0", "absent_scans must be 1 to 14"),
        ("regions: [mars-1]", "regions.0 must be a Region"),
        ("regions: []", "regions must be 1 to 100 Regions"),
        ("regions: [eu-west-1], fallback_region: us-east-1", "fallback_region must be in `regions`"),
        ("credentials: {kind: magic}", "credentials.kind must be provider, default, or static"),
        ("credentials: {kind: static}", "credentials must have secret or access_key_file: no access key is stored yet"),
        ("credentials: {kind: provider, secret: x}", "credentials.kind must be `static`"),
        (
            "credentials: {kind: default, role: {arn: 'arn:aws:iam::210987654321:role/X'}}",
            "a role in account 123456789012",
        ),
        (
            "credentials: {kind: default, role: {arn: 'arn:aws:iam::123456789012:role/X', duration_seconds: 60}}",
            "900 to 3600",
        ),
    ] {
        refused(&deployment, &integration(setting), 2, why);
    }
    refused(
        &deployment,
        "providers: [{id: 123456789012, scan_schedule: daily}]\n",
        2,
        "provider 123456789012: scan_schedule",
    );
    refused(&deployment, "providers: [{id: 123456789012, alias: ' '}]\n", 2, "alias must have 1 to 128 characters");
    refused(&deployment, "providers: [{id: o-a1b2c3d4e5}]\n", 2, "an organization needs a role");
    refused(
        &deployment,
        "integrations: [{provider: 210987654321}]\n",
        2,
        "its provider neither exists nor is declared",
    );
    assert!(deployment.memory.contents().providers.is_empty());
}

#[test]
fn all_problems_are_reported_at_once() {
    let deployment = Deployment::new();
    deployment.file("wrong.yaml", &format!("{PROVIDERS}integrations:\n- {{provider: 123456789012, absent_scans: 20}}\n- {{provider: 333333333333, regions: []}}\n"));
    let ended = deployment.run("apply -f wrong.yaml");
    assert_eq!(ended.exit, 2);
    insta::assert_snapshot!("examined", ended.text(deployment.place.path()));
}

#[test]
fn a_key_file_is_opened_before_the_first_change() {
    let deployment = Deployment::new();
    let with = |file: &str| {
        format!(
            "{PROVIDERS}integrations: [{{provider: {ACCOUNT}, credentials: {{kind: static, access_key_file: {file}}}}}]\n"
        )
    };
    refused(&deployment, &with("nowhere.json"), 1, "failed to open nowhere.json");
    deployment.file("empty.json", "{}");
    refused(&deployment, &with("empty.json"), 2, "empty.json contains no access key");
    deployment.file("short.json", r#"{"access_key_id":"AKIA","secret_access_key":"abc"}"#);
    refused(&deployment, &with("short.json"), 2, "credentials.access_key_id must be an access key ID");
    // A key that is already stored is not sent, so that its file need not exist.
    deployment.file("key.json", r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"abc"}"#);
    assert_eq!(applied(&deployment, &with("key.json")).exit, 0);
    std::fs::remove_file(deployment.place.path().join("key.json")).unwrap();
    assert_eq!(applied(&deployment, &with("key.json")).exit, 0);
    assert_eq!(deployment.run("apply -f file.yaml --renew-keys").exit, 1);
}

#[test]
fn the_secret_prefix_is_known_from_the_stack() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.file(
        "x.yaml",
        &format!(
            "{PROVIDERS}integrations: [{{provider: {ACCOUNT}, credentials: {{kind: static, secret: another/key}}}}]\n"
        ),
    );
    let before = deployment.actions();
    let ended = deployment.run("apply -f x.yaml --stack one");
    assert_eq!(ended.exit, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("whose name begins with securityhub-exporter/"), "{}", ended.stderr);
    assert_eq!(deployment.actions(), before);
}

/// An ARN with a typing error is not a success, whichever command set it, and for providers as well as for integrations.
#[test]
fn the_test_of_a_change_is_reported_and_sets_the_exit_code() {
    let deployment = Deployment::new();
    let role = |name: &str| {
        format!(
            "providers:\n- {{id: {ACCOUNT}, credentials: {{kind: default, role: {{arn: 'arn:aws:iam::{ACCOUNT}:role/{name}'}}}}}}\nintegrations: [{{provider: {ACCOUNT}}}]\n"
        )
    };
    let first = applied(&deployment, &role("Right"));
    assert_eq!(first.exit, 0, "{}", first.stderr);
    assert!(first.stderr.contains("    test passed: connected in 2 Regions"), "{}", first.stderr);
    let found = |connection| deployment.memory.contents().put_connection_test(ACCOUNT, vec![connection]);
    found(disconnected());
    let wrong = applied(&deployment, &role("Wrnog"));
    assert_eq!(wrong.exit, 4, "{}", wrong.stderr);
    let warning = "provider 123456789012: changed\nwarning: 123456789012: test failed: the role can't be assumed";
    assert!(
        wrong.stderr.contains(warning) && wrong.stderr.contains("hint: hubctl integration test"),
        "{}",
        wrong.stderr
    );
    found(lost());
    assert_eq!(applied(&deployment, &role("Half")).exit, 5, "a Region became unavailable");
    deployment.memory.contents().connection_tests.clear();
    let unknown = applied(&deployment, &role("Unknown"));
    assert_eq!(unknown.exit, 1, "an unknown result is not a success: {}", unknown.stderr);
    found(connected());
    assert_eq!(applied(&deployment, &role("Right")).exit, 0);
}

#[test]
fn the_most_severe_test_decides() {
    let deployment = Deployment::new();
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![disconnected()]);
    deployment.memory.contents().put_connection_test(OTHER, vec![lost()]);
    let file = format!("{PROVIDERS}integrations: [{{provider: {ACCOUNT}}}, {{provider: {OTHER}}}]\n");
    assert_eq!(applied(&deployment, &file).exit, 4);
    assert_eq!(deployment.memory.contents().integrations.len(), 2, "a failed test does not stop the apply");
}

#[test]
fn a_stopped_apply_reports_the_applied_changes() {
    let deployment = Deployment::new();
    // No stack is given, so that only the deployment knows its secret prefix.
    let file = format!(
        "{PROVIDERS}integrations: [{{provider: {ACCOUNT}, credentials: {{kind: static, secret: another/key}}}}]\n"
    );
    let stopped = applied(&deployment, &file);
    assert_eq!(stopped.exit, 1, "it is not a usage error: {}", stopped.stderr);
    insta::assert_snapshot!("stopped", stopped.stderr);
    let file = format!(
        "integrations: [{{provider: {ACCOUNT}, only_failed: false, credentials: {{kind: static, secret: another/key}}}}]\n"
    );
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let half = applied(&deployment, &file);
    assert_eq!(half.exit, 1, "{}", half.stderr);
    assert!(half.stderr.contains("its settings were changed, its credentials were not"), "{}", half.stderr);
}

/// A provider can't be deleted while its integration is being deleted.
#[test]
fn a_provider_is_required_until_its_integration_is_deleted() {
    let deployment = Deployment::new();
    assert_eq!(applied(&deployment, &format!("{PROVIDERS}integrations: [{{provider: {ACCOUNT}}}]\n")).exit, 0);
    deployment.json(&format!("integration delete {ACCOUNT} --archive --yes"));
    deployment.file("without.yaml", "providers: [{id: 210987654321}]\nintegrations: []\n");
    assert_eq!(deployment.run("config diff -f without.yaml").exit, 0);
    let pruned = deployment.run("apply -f without.yaml --prune --prune-all --yes");
    assert_eq!((pruned.exit, pruned.stderr.as_str()), (0, "No differences.\n"));
    refused(
        &deployment,
        &format!("integrations: [{{provider: {ACCOUNT}, only_failed: false}}]\n"),
        1,
        "is being deleted",
    );
    deployment.json(&format!("integration delete {ACCOUNT} --yes"));
    assert_eq!(deployment.run("apply -f without.yaml --prune --yes").exit, 0);
    assert!(!deployment.memory.contents().providers.contains_key(ACCOUNT));
}

/// The files were exported with the name of the key's secret before the key was rotated.
#[test]
fn a_key_that_is_no_longer_stored_is_found_before_the_first_change() {
    let deployment = Deployment::new();
    deployment.file("key.json", r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"abc"}"#);
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let rotate = format!("integration credentials {ACCOUNT} --access-key-file key.json");
    let first = deployment.json(&rotate)["credentials"]["secret"].as_str().unwrap().to_owned();
    let file = |secret: &str| {
        format!(
            "providers: [{{id: {ACCOUNT}, alias: new}}]\n\
             integrations: [{{provider: {ACCOUNT}, credentials: {{kind: static, secret: {secret}}}}}]\n"
        )
    };
    deployment.file("file.yaml", &file(&first));
    assert_eq!(deployment.run("config diff -f file.yaml").exit, 6, "only the alias differs");
    deployment.json(&rotate);
    refused(&deployment, &file(&first), 2, "names a key that is no longer stored");
}

//! `hubctl apply`, `config export` and `config diff`: what a file declares is what there is.

use serde_json::Value;

use super::{ACCOUNT, Deployment};

const FILE: &str = "\
providers:
- id: 123456789012
  alias: production
  credentials:
    kind: default
    role: {arn: 'arn:aws:iam::123456789012:role/Exporter', external_id: the-right-one}
- id: 210987654321
integrations:
- provider: 123456789012
  archive_previous_findings: true
  regions: [eu-west-1, us-east-1]
- provider: 210987654321
  enabled: false
  credentials: {kind: static, access_key_file: key.json}
";

#[test]
fn a_file_is_applied_once() {
    let deployment = Deployment::new();
    deployment.file("all.yaml", FILE);
    deployment.file(
        "key.json",
        r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01"}"#,
    );
    let dry = deployment.run("apply -f all.yaml --dry-run");
    assert_eq!(dry.exit, 6);
    insta::assert_snapshot!("apply_dry", dry.text(deployment.place.path()));
    assert!(deployment.actions().is_empty(), "a dry run changes nothing");

    let applied = deployment.run("apply -f all.yaml");
    assert_eq!(applied.exit, 0, "{}", applied.stderr);
    assert_eq!(deployment.memory.kept().integrations.len(), 2);
    let done = deployment.actions().len();

    let again = deployment.run("apply -f all.yaml");
    assert_eq!((again.exit, again.stderr.as_str()), (0, "There is no difference.\n"));
    assert_eq!(deployment.actions().len(), done);
    assert_eq!(deployment.run("config diff -f all.yaml").exit, 0);
    assert_eq!(deployment.run("apply -f all.yaml --renew-keys").exit, 0);
    assert!(deployment.actions().len() > done, "a key is sent again where that is asked for");
}

#[test]
fn what_is_exported_can_be_applied() {
    let deployment = Deployment::new();
    deployment.file(
        "key.json",
        r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01"}"#,
    );
    deployment.file("all.yaml", FILE);
    assert_eq!(deployment.run("apply -f all.yaml").exit, 0);
    let exported = deployment.run("config export");
    deployment.file("exported.yaml", &exported.stdout);
    let diff = deployment.run("config diff -f exported.yaml");
    assert_eq!(diff.exit, 0, "{}{}", diff.stdout, exported.stdout);
    assert!(exported.stdout.contains("secret: ") && !exported.stdout.contains("access_key"), "{}", exported.stdout);
}

#[test]
fn drift_is_shown_and_mended() {
    let deployment = Deployment::new();
    deployment.file("all.yaml", "providers: [{id: 123456789012}]\nintegrations: [{provider: 123456789012}]\n");
    assert_eq!(deployment.run("apply -f all.yaml").exit, 0);
    deployment.json(&format!("integration configure {ACCOUNT} --only-failed=false --severity-min high"));
    deployment.json(&format!("integration credentials {ACCOUNT} --role-name Other --external-id the-other"));
    deployment.json("provider create 210987654321");
    let diff = deployment.run("config diff -f all.yaml");
    assert_eq!(diff.exit, 6);
    insta::assert_snapshot!("drift", diff.text(deployment.place.path()));
    let json: Value = serde_json::from_str(&deployment.run("config diff -f all.yaml --output json").stdout).unwrap();
    assert_eq!((&json[0]["action"], &json[0]["settings"]["only_failed"]["to"]), (&"change".into(), &true.into()));

    let unasked = deployment.run("apply -f all.yaml --prune");
    assert_eq!(unasked.exit, 2, "{}", unasked.stderr);
    assert_eq!(deployment.memory.kept().providers.len(), 2, "nothing is deleted unasked");
    assert_eq!(deployment.run("apply -f all.yaml --prune --yes").exit, 0);
    assert_eq!(deployment.memory.kept().providers.len(), 1);
    assert_eq!(deployment.run("config diff -f all.yaml").exit, 0);
}

#[test]
fn a_wrong_file_is_refused_with_the_line() {
    let deployment = Deployment::new();
    deployment.file("wrong.yaml", "integrations:\n- provider: 123456789012\n  only_failde: true\n");
    let ended = deployment.run("apply -f wrong.yaml");
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("only_failde") && ended.stderr.contains("line 3"), "{}", ended.stderr);
    assert!(deployment.sent.lock().unwrap().is_empty(), "nothing is asked for a wrong file");
}

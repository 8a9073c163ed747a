//! `hubctl apply`, `config export`, and `config diff`: after an apply, the deployment equals the file.

use serde_json::Value;

use super::{ACCOUNT, Deployment, OTHER, connected};

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
    deployment.memory.contents().put_connection_test(OTHER, vec![connected()]);
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
    assert_eq!(deployment.memory.contents().integrations.len(), 2);
    let done = deployment.actions().len();

    let again = deployment.run("apply -f all.yaml");
    assert_eq!((again.exit, again.stderr.as_str()), (0, "No differences.\n"));
    assert_eq!(deployment.actions().len(), done);
    assert_eq!(deployment.run("config diff -f all.yaml").exit, 0);
    assert_eq!(deployment.run("apply -f all.yaml --renew-keys").exit, 0);
    assert!(deployment.actions().len() > done, "with --renew-keys, the key is sent again");
}

#[test]
fn an_exported_file_can_be_applied() {
    let deployment = Deployment::new();
    deployment.file(
        "key.json",
        r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01"}"#,
    );
    deployment.file("all.yaml", FILE);
    deployment.memory.contents().put_connection_test(OTHER, vec![connected()]);
    assert_eq!(deployment.run("apply -f all.yaml").exit, 0);
    let exported = deployment.run("config export");
    deployment.file("exported.yaml", &exported.stdout);
    let diff = deployment.run("config diff -f exported.yaml");
    assert_eq!(diff.exit, 0, "{}{}", diff.stdout, exported.stdout);
    assert!(!exported.stdout.contains("secret: ") && !exported.stdout.contains("access_key"), "{}", exported.stdout);

    // A new key is stored in a secret with another name; the file that was exported before still applies.
    deployment.json(&format!("integration credentials {OTHER} --access-key-file key.json"));
    let diff = deployment.run("config diff -f exported.yaml");
    assert_eq!(diff.exit, 0, "{}{}", diff.stdout, diff.stderr);
    deployment.json(&format!("integration configure {OTHER} --severity-min high"));
    let applied = deployment.run("apply -f exported.yaml");
    assert_eq!(applied.exit, 0, "{}", applied.stderr);
    assert_eq!(deployment.run("config export").stdout, exported.stdout);
    assert_eq!(deployment.memory.contents().secrets.len(), 1, "the current key is still stored");
}

#[test]
fn drift_is_shown_and_fixed() {
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
    assert_eq!(deployment.memory.contents().providers.len(), 2, "without --prune, nothing is deleted");
    assert_eq!(deployment.run("apply -f all.yaml --prune --yes").exit, 0);
    assert_eq!(deployment.memory.contents().providers.len(), 1);
    assert_eq!(deployment.run("config diff -f all.yaml").exit, 0);
}

#[test]
fn an_invalid_file_is_rejected_with_its_line() {
    let deployment = Deployment::new();
    deployment.file("wrong.yaml", "integrations:\n- provider: 123456789012\n  only_failde: true\n");
    let ended = deployment.run("apply -f wrong.yaml");
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("only_failde") && ended.stderr.contains("line 3"), "{}", ended.stderr);
    assert!(deployment.sent.lock().unwrap().is_empty(), "an invalid file causes no requests");
}

/// A deployment with two providers and integrations.
fn two() -> Deployment {
    let deployment = Deployment::new();
    deployment.memory.contents().put_connection_test(OTHER, vec![connected()]);
    deployment.file(
        "two.yaml",
        "providers: [{id: 123456789012}, {id: 210987654321}]\n\
         integrations: [{provider: 123456789012}, {provider: 210987654321, enabled: false}]\n",
    );
    let applied = deployment.run("apply -f two.yaml");
    assert_eq!(deployment.memory.contents().integrations.len(), 2, "{}", applied.stderr);
    deployment
}

#[test]
fn a_file_without_resources_is_rejected_and_deletes_nothing() {
    let deployment = two();
    for (name, text) in [("empty", ""), ("comment", "# nothing yet\n"), ("null", "null\n"), ("nulls", "providers:\n")] {
        deployment.file(name, text);
        for line in ["apply --prune --prune-all --yes", "apply", "config diff"] {
            let ended = deployment.run(&format!("{line} -f {name}"));
            assert_eq!(ended.exit, 2, "{line}, {name}: {}", ended.stderr);
            assert!(ended.stderr.contains("no providers or integrations"), "{}", ended.stderr);
        }
    }
    let contents = deployment.memory.contents();
    assert_eq!((contents.providers.len(), contents.integrations.len()), (2, 2));
}

#[test]
fn resources_of_an_omitted_kind_are_unchanged() {
    let deployment = two();
    // Without `integrations`, a provider is deleted only if it has no integration, which would be deleted with it.
    deployment.file("providers.yaml", "providers: [{id: 123456789012}]\n");
    assert_eq!(deployment.run("config diff -f providers.yaml").exit, 0);
    let ended = deployment.run("apply -f providers.yaml --prune --yes");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert_eq!(deployment.memory.contents().integrations.len(), 2);
    deployment.file("integrations.yaml", "integrations: [{provider: 123456789012}]\n");
    let ended = deployment.run("apply -f integrations.yaml --prune --yes");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let contents = deployment.memory.contents();
    assert_eq!((contents.providers.len(), contents.integrations.len()), (2, 1));
}

#[test]
fn all_resources_of_a_kind_are_deleted_only_with_prune_all() {
    let deployment = two();
    deployment.file("none.yaml", "providers: [{id: 123456789012}, {id: 210987654321}]\nintegrations: []\n");
    let dry = deployment.run("apply -f none.yaml --prune --dry-run");
    assert_eq!(dry.exit, 6);
    assert!(dry.stderr.contains("--prune-all"), "{}", dry.stderr);
    let ended = deployment.run("apply -f none.yaml --prune --yes");
    assert_eq!(ended.exit, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("all 2 integrations") && ended.stderr.contains("--prune-all"), "{}", ended.stderr);
    assert_eq!(deployment.memory.contents().integrations.len(), 2);
    assert_eq!(
        deployment.run("apply -f none.yaml --prune --prune-all").exit,
        2,
        "--prune-all still requires confirmation"
    );
    assert_eq!(deployment.memory.contents().integrations.len(), 2);
    assert_eq!(deployment.run("apply -f none.yaml --prune --prune-all --yes").exit, 0);
    assert_eq!(deployment.memory.contents().integrations.len(), 0);
}

#[test]
fn a_provider_can_not_have_the_credentials_of_a_provider() {
    let deployment = Deployment::new();
    deployment.file("wrong.yaml", "providers:\n- id: 123456789012\n  credentials: {kind: provider}\n");
    let ended = deployment.run("apply -f wrong.yaml");
    assert_eq!(ended.exit, 2);
    assert!(
        ended.stderr.contains("123456789012") && ended.stderr.contains("`default` or `static`"),
        "{}",
        ended.stderr
    );
    assert!(deployment.memory.contents().providers.is_empty());
}

//! The actions of Prowler App's page "Integration Management", one after another.

use exporter::jobs::Job;
use exporter::testing::Operation;
use serde_json::json;

use super::{ACCOUNT, Deployment, disconnected};

/// Configure: the provider, only failed findings, archive; "Create integration" enables it and tests the connection.
#[test]
fn create_also_creates_the_provider_and_shows_the_test() {
    let deployment = Deployment::new();
    let ended = deployment.run(&format!(
        "integration create --provider {ACCOUNT} --alias production --archive --role-name SecurityHubExporter \
         --external-id the-right-one --stack one"
    ));
    insta::assert_snapshot!("create", ended.text(deployment.place.path()));
    assert_eq!(deployment.actions(), ["provider.create", "integration.create"]);
    let again = deployment.run(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(again.exit, 1);
    assert!(again.stderr.contains("hint: to see it: hubctl integration show 123456789012"), "{}", again.stderr);
    assert_eq!(deployment.memory.contents().audit_log[0].by, "arn:aws:iam::111122223333:user/ada");
}

/// A rejected creation leaves no resources.
#[test]
fn a_rejected_create_leaves_no_provider() {
    let deployment = Deployment::new();
    let ended = deployment.run(&format!("integration create --account {ACCOUNT} --regions us-east-1,cn-north-1"));
    assert_eq!(ended.exit, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains(" (--regions): must be in partition aws, the deployment's, not in partition aws-cn"),
        "{}",
        ended.stderr
    );
    assert!(deployment.memory.contents().providers.is_empty());
}

/// A role can't know an External ID that was just generated, so that a failed test is not an error.
#[test]
fn create_with_a_new_external_id_prints_the_trust_policy() {
    let deployment = Deployment::new();
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![disconnected()]);
    let ended = deployment.run(&format!("integration create --provider {ACCOUNT} --role-name Exporter --stack one"));
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let shown = deployment.json(&format!("integration show {ACCOUNT} --stack one"));
    let external_id =
        deployment.json(&format!("provider show {ACCOUNT}"))["credentials"]["role"]["external_id"].clone();
    let external_id = external_id.as_str().unwrap();
    assert!(ended.stdout.contains(&format!("\"sts:ExternalId\": \"{external_id}\"")), "{}", ended.stdout);
    assert!(ended.stderr.contains("hubctl integration test 123456789012"), "{}", ended.stderr);
    assert_eq!(shown["trust_policy"]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"], external_id);
    let known = deployment.run(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(known.exit, 1, "the integration exists");
}

/// Each integration displays: Connection Status, Provider, Finding Filters, Last Checked, Regions.
#[test]
fn list_and_show_have_the_fields_of_the_page() {
    let deployment = Deployment::new();
    insta::assert_snapshot!("list_empty", deployment.run("integration list").text(deployment.place.path()));
    deployment
        .json(&format!("integration create --provider {ACCOUNT} --alias production --scan-schedule 'rate(1 day)'"));
    deployment.memory.contents().connections.insert(ACCOUNT.parse().unwrap(), super::connected());
    insta::assert_snapshot!("list", deployment.run("integration list").text(deployment.place.path()));
    insta::assert_snapshot!(
        "show",
        deployment.run(&format!("integration show {ACCOUNT}")).text(deployment.place.path())
    );
    let yaml = deployment.run(&format!("provider show {ACCOUNT} --output yaml"));
    insta::assert_snapshot!("show_yaml", yaml.stdout);
    insta::assert_snapshot!("provider_list", deployment.run("provider list").stdout);
}

/// An overdue scan is not shown as a future date.
#[test]
fn an_overdue_scan_is_shown_as_overdue() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.json(&format!("provider configure {ACCOUNT} --scan-schedule 'rate(1 day)'"));
    deployment.memory.contents().put_newest_scan(ACCOUNT.parse().unwrap(), "2026-11-23T10:00:00Z".parse().unwrap());
    let later = "2026-11-24T16:00:01Z".parse().unwrap();
    deployment.memory.contents().clock = exporter::testing::TestClock::Fixed(later);
    let shown = deployment.run(&format!("integration show {ACCOUNT}")).stdout;
    assert!(shown.contains("Next Scan          overdue since 2026-11-24 10:00:00 UTC"), "{shown}");
    let listed = deployment.run("integration list").stdout;
    assert!(listed.contains("overdue") && !listed.contains("10:00"), "{listed}");
}

/// Test: credential validity, Security Hub's accessibility, Regions, permission to export.
#[test]
fn the_exit_code_of_a_test_states_the_problem() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let test = || deployment.run(&format!("integration test {ACCOUNT}"));
    assert_eq!(test().exit, 0);
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![disconnected()]);
    let denied = test();
    assert_eq!(denied.exit, 4);
    insta::assert_snapshot!("test_denied", denied.text(deployment.place.path()));
    let mut off = super::connected();
    off.status = exporter::connection::ConnectionStatus::Disconnected;
    off.regions.retain(|_, region| region.problem.is_some());
    deployment.memory.contents().put_connection_test(ACCOUNT, vec![off]);
    assert_eq!(test().exit, 5);
    deployment.memory.contents().connection_tests.clear();
    assert_eq!(test().exit, 1, "the test itself could not be run");
    assert_eq!(deployment.run("integration test 999999999999").exit, 1);
}

/// Config: filters, archive preferences, provider selection.
#[test]
fn configure_changes_only_the_given_settings() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT} --archive"));
    let options = "--only-failed=false --severity-min high --archive-limit-percent 10 --regions eu-west-1";
    let after = deployment.json(&format!("integration configure {ACCOUNT} {options}"));
    assert_eq!((&after["only_failed"], &after["severity_min"]), (&json!(false), &json!("HIGH")));
    assert_eq!((&after["archive_previous_findings"], &after["archive_limit_percent"]), (&json!(true), &json!(10)));
    assert_eq!(after["regions"], json!(["eu-west-1"]));
    let after = deployment.json(&format!("integration configure {ACCOUNT} --severity-min none --regions all"));
    assert_eq!((&after["severity_min"], &after["regions"]), (&json!(null), &json!(null)));
    assert_eq!(deployment.run(&format!("integration configure {ACCOUNT}")).exit, 2);

    deployment.json("provider create 210987654321");
    deployment.memory.contents().put_connection_test("210987654321", vec![super::connected()]);
    let moved = deployment.json(&format!("integration configure {ACCOUNT} --provider 210987654321 --yes"));
    assert_eq!(moved["provider"], "210987654321");
    assert_eq!(deployment.run(&format!("integration show {ACCOUNT}")).exit, 1);
}

/// If two users change the same resource, one gets an error.
#[test]
fn a_concurrent_change_is_rejected() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.memory.contents().faults.before_next(Operation::Commit, |contents| {
        let stored = contents.integrations.get_mut(ACCOUNT).unwrap();
        stored.value.only_failed = false;
        stored.version += 1;
    });
    let ended = deployment.run(&format!("integration configure {ACCOUNT} --archive"));
    assert_eq!(ended.exit, 1);
    insta::assert_snapshot!("changed_meanwhile", ended.stderr);
}

/// Enable/Disable: takes effect immediately; uploads to a disabled integration are recorded.
#[test]
fn disable_records_uploads_and_enable_replays_them() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(deployment.json(&format!("integration disable {ACCOUNT}"))["enabled"], false);
    let enabled = deployment.run(&format!("integration enable {ACCOUNT} --replay"));
    assert_eq!(enabled.exit, 0, "{}", enabled.stderr);
    assert!(enabled.stdout.contains("enabled") && enabled.stdout.contains("Test passed"), "{}", enabled.stdout);
}

/// Delete: can't be undone, requires confirmation, and offers to archive the findings.
#[test]
fn delete_asks_and_offers_to_archive() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let unasked = deployment.run_with(&format!("integration delete {ACCOUNT}"), "yes\nyes\n");
    assert_eq!(unasked.exit, 2, "a pipe can't confirm");
    insta::assert_snapshot!("delete_unasked", unasked.stderr);

    let archived = deployment.run(&format!("integration delete {ACCOUNT} --archive --yes"));
    assert_eq!(archived.exit, 0, "{}", archived.stderr);
    assert_eq!(
        deployment.memory.contents().submitted_jobs(),
        [Job::ArchiveAll {
            provider: ACCOUNT.parse().unwrap(),
            deletion_requested_at: Some("2026-11-23T09:00:00Z".parse().unwrap())
        }]
    );
    let shown = deployment.run(&format!("integration show {ACCOUNT}")).stdout;
    assert!(shown.contains("being deleted since") && shown.contains("Next Scan          none"), "{shown}");
    let busy = deployment.run(&format!("provider delete {ACCOUNT} --yes"));
    assert_eq!(busy.exit, 1);
    assert!(busy.stderr.contains("hint: delete the integration first: hubctl integration delete"), "{}", busy.stderr);

    deployment.json(&format!("integration delete {ACCOUNT} --yes"));
    deployment.json(&format!("provider delete {ACCOUNT} --yes"));
    assert_eq!(deployment.run(&format!("integration delete {ACCOUNT} --yes")).exit, 1);
    assert!(deployment.memory.contents().providers.is_empty());
}

/// A change is not retried after a lost response, which would report a conflict with the change itself.
#[test]
fn a_change_with_a_lost_response_is_not_repeated() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT} --role-name R --external-id the-right-one"));
    let before = deployment.actions().len();
    deployment.loses_answers.store(true, std::sync::atomic::Ordering::Relaxed);
    let ended = deployment.run(&format!("integration configure {ACCOUNT} --only-failed=false"));
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("may have succeeded") && !ended.stderr.contains("modified by another"),
        "{}",
        ended.stderr
    );
    assert_eq!(deployment.actions().len(), before + 1);
    let sent = deployment.sent.lock().unwrap();
    assert_eq!(sent.iter().filter(|request| request.contains(r#""method":"PATCH""#)).count(), 1);
}

#[test]
fn an_integration_moves_only_after_the_user_confirms() {
    let deployment = Deployment::new();
    deployment.json("provider create 210987654321");
    deployment.json(&format!("integration create --provider {ACCOUNT} --role-name R --external-id the-right-one"));
    let ended = deployment.run(&format!("integration configure {ACCOUNT} --provider 210987654321"));
    assert_eq!(ended.exit, 2, "{}", ended.stderr);
    assert!(deployment.memory.contents().integrations.contains_key(ACCOUNT));
    let moved = deployment.run(&format!("integration configure {ACCOUNT} --provider 210987654321 --yes"));
    assert!(moved.stderr.contains(&format!("hubctl integration delete {ACCOUNT} --archive")), "{}", moved.stderr);
    assert!(!deployment.memory.contents().integrations.contains_key(ACCOUNT));
}

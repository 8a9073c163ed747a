//! The page "Integration Management", verb by verb.

use exporter::jobs::Job;
use exporter::testing::Operation;
use serde_json::json;

use super::{ACCOUNT, Deployment, disconnected};

/// Configure: the provider, only failed findings, archive; "Create integration" enables it and tests the connection.
#[test]
fn create_makes_the_provider_too_and_shows_the_test_by_region() {
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

/// What was refused leaves nothing behind.
#[test]
fn create_that_is_refused_leaves_no_provider() {
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

/// A role can't know an External ID that was made a moment ago: that its test fails is no error.
#[test]
fn create_with_a_new_external_id_prints_what_to_put_on_the_role() {
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
    assert_eq!(known.exit, 1, "there is one");
}

/// Each integration displays: Connection Status, Provider, Finding Filters, Last Checked, Regions.
#[test]
fn list_and_show_say_what_the_page_says() {
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

/// A scan that should have come by now is not shown as a date in the past.
#[test]
fn a_scan_that_is_overdue_is_shown_so() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    deployment.json(&format!("provider configure {ACCOUNT} --scan-schedule 'rate(1 day)'"));
    deployment.memory.contents().put_newest_scan(ACCOUNT.parse().unwrap(), "2026-11-22T08:00:00Z".parse().unwrap());
    let shown = deployment.run(&format!("integration show {ACCOUNT}")).stdout;
    assert!(shown.contains("Next Scan          overdue since 2026-11-23 08:00:00 UTC"), "{shown}");
    let listed = deployment.run("integration list").stdout;
    assert!(listed.contains("overdue") && !listed.contains("08:00"), "{listed}");
}

/// Test: credential validity, Security Hub's accessibility, Regions, permission to export.
#[test]
fn test_ends_with_an_exit_code_that_says_what_is_wrong() {
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
fn configure_changes_what_is_named_and_nothing_else() {
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

/// Of two who change the same thing, one is told so.
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

/// Enable/Disable: takes effect at once; uploads while it is off wait.
#[test]
fn disable_parks_and_enable_replays() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    assert_eq!(deployment.json(&format!("integration disable {ACCOUNT}"))["enabled"], false);
    let enabled = deployment.run(&format!("integration enable {ACCOUNT} --replay"));
    assert_eq!(enabled.exit, 0, "{}", enabled.stderr);
    assert!(enabled.stdout.contains("enabled") && enabled.stdout.contains("Test passed"), "{}", enabled.stdout);
}

/// Delete: cannot be undone, confirm before deleting; offers to archive what was sent.
#[test]
fn delete_asks_and_offers_to_archive() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let unasked = deployment.run_with(&format!("integration delete {ACCOUNT}"), "yes\nyes\n");
    assert_eq!(unasked.exit, 2, "nobody sits at a pipe");
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
    assert!(deployment.run(&format!("integration show {ACCOUNT}")).stdout.contains("being deleted since"));
    let busy = deployment.run(&format!("provider delete {ACCOUNT} --yes"));
    assert_eq!(busy.exit, 1);
    assert!(busy.stderr.contains("hint: delete the integration first: hubctl integration delete"), "{}", busy.stderr);

    deployment.json(&format!("integration delete {ACCOUNT} --yes"));
    deployment.json(&format!("provider delete {ACCOUNT} --yes"));
    assert_eq!(deployment.run(&format!("integration delete {ACCOUNT} --yes")).exit, 1);
    assert!(deployment.memory.contents().providers.is_empty());
}

/// A retry after a lost response does not report a conflict with itself.
#[test]
fn a_change_whose_answer_is_lost_is_not_made_twice_and_may_have_been_done() {
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

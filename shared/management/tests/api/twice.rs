//! Repeated, lost, and concurrent requests. Each takes effect once, is in the audit log, and reverts no other change.

use exporter::jobs::Job;
use exporter::model::upload::UploadInfo;
use exporter::report::{AccountReport, Fate, RunReport, RunStatus, undelivered};
use exporter::testing::Operation;
use serde_json::json;

use crate::client::{ACCOUNT, Api};
use crate::stack::{OTHER, Stack, integration};

const FIRST: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/first/1";

#[tokio::test]
async fn a_key_is_retained_if_its_integration_moved_during_a_failed_deletion() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let key = json!({"kind": "static", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "abc"});
    let etag = api.put(&format!("{path}/credentials"), &etag, &key).await.etag();
    api.memory.contents().faults.before_next(Operation::Commit, |contents| {
        let mut moved = contents.integrations.remove(ACCOUNT).unwrap();
        moved.value.provider = OTHER.parse().unwrap();
        moved.version += 1;
        contents.integrations.insert(OTHER.to_owned(), moved);
    });
    api.memory.contents().faults.fail_next(Operation::Commit);
    let deleted = api.delete(&path, &etag).await;
    assert_eq!(deleted.status, 404, "{}", deleted.text);
    let contents = api.memory.contents();
    let secret = contents.integrations[OTHER].value.credentials.as_ref().and_then(|own| own.secret()).unwrap();
    assert!(contents.secrets.contains_key(secret), "the moved integration references {secret}");
}

#[tokio::test]
async fn a_deletion_with_a_lost_response_succeeds() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let key = json!({"kind": "static", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "abc"});
    let etag = api.put(&format!("{path}/credentials"), &etag, &key).await.etag();
    api.memory.contents().faults.lose_next_response(Operation::Commit);
    assert_eq!(api.delete(&path, &etag).await.status, 204);
    assert!(api.memory.contents().secrets.is_empty());
}

#[tokio::test]
async fn a_repeated_no_op_update_does_not_revert_a_later_one() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let same = stack.event("Update", Some(&it), &integration(ACCOUNT), &integration(ACCOUNT));
    assert_eq!(stack.send(same.clone()).await.status, "SUCCESS");
    let low = json!({"Provider": ACCOUNT, "SeverityMin": "LOW"});
    assert_eq!(stack.update(&it, integration(ACCOUNT), low).await.status, "SUCCESS");
    assert_eq!(stack.send(same).await.status, "SUCCESS");
    assert_eq!(api.get(&format!("/integrations/{ACCOUNT}")).await.body["severity_min"], "LOW");
}

#[tokio::test]
async fn the_deletion_of_a_stack_does_not_cancel_archiving() {
    let api = Api::new();
    let (stack, it) = Stack::with(&api, FIRST, &integration(ACCOUNT)).await;
    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&format!("{path}?archive=true"), &etag).await.status, 202);
    let rejected = stack.delete(&it, integration(ACCOUNT)).await;
    assert_eq!(rejected.status, "FAILED");
    assert!(rejected.reason.contains("is being deleted"), "{}", rejected.reason);
    let etag = api.get(&path).await.etag();
    assert_eq!(api.delete(&path, &etag).await.status, 204, "a manual deletion is possible");
    assert_eq!(stack.delete(&it, integration(ACCOUNT)).await.status, "SUCCESS");
}

#[tokio::test]
async fn each_job_is_in_the_audit_log() {
    let api = Api::with_integration().await;
    let upload =
        UploadInfo { source: "s3://b/k".into(), etag: "e".into(), bytes: 1, modified_at: None, requester: None };
    let mut run = RunReport::new("run-1".into(), upload, "2026-11-23T08:00:00Z".parse().unwrap());
    run.status = RunStatus::Degraded;
    let mut part = AccountReport { integration: ACCOUNT.parse().ok(), ..AccountReport::default() };
    for counts in [&mut run.counts, &mut part.counts] {
        counts.add(Fate::Undelivered(undelivered::INTEGRATION_DISABLED.to_owned()), 1);
    }
    run.accounts.insert(ACCOUNT.parse().unwrap(), part);
    api.memory.contents().runs.push(run);
    let enabled = api.post(&format!("/integrations/{ACCOUNT}/enable?replay=true"), &json!(null)).await;
    assert_eq!(enabled.body["pending_uploads"]["replayed"], 1, "{}", enabled.text);
    assert_eq!(api.actions().last().unwrap(), "integration.replay");
    let (path, etag) = api.integration().await;
    let etag = api.delete(&format!("{path}?archive=true"), &etag).await.etag();
    api.delete(&format!("{path}?archive=true"), &etag).await;
    assert_eq!(api.actions()[api.actions().len() - 2..], ["integration.archive_all", "integration.archive_all"]);
    let archive_all_jobs =
        api.memory.contents().submitted_jobs().iter().filter(|job| matches!(job, Job::ArchiveAll { .. })).count();
    assert_eq!(archive_all_jobs, 2);
}

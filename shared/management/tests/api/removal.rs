//! Deleting an integration.

use exporter::jobs::Job;
use management::{Caller, Service, Settings};
use serde_json::json;

use crate::client::{ACCOUNT, Api};

/// Time of the requests to delete. The clock of the API is fixed.
const SINCE: &str = "2026-11-23T09:00:00Z";

#[tokio::test]
async fn an_integration_is_deleted_with_its_connections() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&path, &etag).await.status, 204);
    assert_eq!(api.get(&path).await.problem(), "not-found");
    let contents = api.memory.contents();
    assert!(contents.connections.is_empty() && contents.jobs.is_empty());
    assert_eq!(contents.audit_log.last().unwrap().action, "integration.delete");
}

#[tokio::test]
async fn findings_are_archived_before_the_integration_is_deleted() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "s"});
    let etag = api.put(&format!("{path}/credentials"), &etag, &key).await.etag();
    let accepted = api.delete(&format!("{path}?archive=true"), &etag).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body["enabled"]), (202, &json!(false)), "{}", accepted.text);
    assert_eq!(accepted.body["deletion_requested_at"], SINCE);
    let job =
        Job::ArchiveAll { provider: ACCOUNT.parse().unwrap(), deletion_requested_at: Some(SINCE.parse().unwrap()) };
    assert_eq!(api.memory.contents().submitted_jobs(), std::slice::from_ref(&job));
    let view = api.get(&format!("/jobs/{}", accepted.body["job_id"].as_str().unwrap())).await;
    assert_eq!((&view.body["job"], &view.body["target"]), (&json!("archive_all"), &json!(ACCOUNT)));
    assert_eq!(api.memory.contents().secrets.len(), 1, "archiving requires the key");

    let etag = accepted.etag();
    for rejected in [
        api.patch(&path, &etag, &json!({"only_failed": false})).await,
        api.post(&format!("{path}/disable"), &json!(null)).await,
    ] {
        assert_eq!((rejected.status.as_u16(), rejected.problem()), (409, "deletion-in-progress"));
        let remediation = rejected.body["remediation"].as_str().unwrap();
        for way in ["hubctl integration enable 123456789012", "hubctl integration delete 123456789012 --archive"] {
            assert!(remediation.contains(way), "{remediation}");
        }
    }
    let again = api.delete(&format!("{path}?archive=true"), &etag).await;
    assert_eq!((again.status.as_u16(), again.etag()), (202, etag), "a repeated request submits another job");
    assert_eq!(api.memory.contents().submitted_jobs(), [job.clone(), job]);

    let service = Service::new(api.memory.clone(), api.settings.clone());
    let exporter = Caller("export-findings".to_owned());
    let archived = async |since: &str| {
        service.delete_after_archive(&exporter, &ACCOUNT.parse().unwrap(), since.parse().unwrap()).await.unwrap()
    };
    assert!(!archived("2026-11-23T08:00:00Z").await, "the deletion was requested at another time");
    assert!(archived(SINCE).await);
    assert_eq!(api.get(&path).await.status, 404);
    assert_eq!(api.memory.contents().secrets.len(), 0, "the key is deleted, too");
    assert!(!archived(SINCE).await, "it is already deleted");
}

#[tokio::test]
async fn the_exporter_deletes_only_integrations_with_a_requested_deletion() {
    let api = Api::with_integration().await;
    let service = Service::new(api.memory.clone(), Settings::default());
    assert!(
        !service
            .delete_after_archive(&Caller::default(), &ACCOUNT.parse().unwrap(), SINCE.parse().unwrap())
            .await
            .unwrap()
    );
    assert_eq!(api.integration().await.0, format!("/integrations/{ACCOUNT}"));
}

#[tokio::test]
async fn a_blocked_deletion_continues_with_other_credentials() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let etag = api.delete(&format!("{path}?archive=true"), &etag).await.etag();
    let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "s"});
    let given = api.put(&format!("{path}/credentials"), &etag, &key).await;
    assert_eq!((given.status.as_u16(), &given.body["test"]["outcome"]), (200, &json!("passed")), "{}", given.text);
    assert_eq!(given.body["deletion_requested_at"], SINCE, "the integration is still being deleted");
    let back = api.delete(&format!("{path}/credentials"), &given.etag()).await;
    assert_eq!((back.status.as_u16(), &back.body["credentials"]["kind"]), (200, &json!("provider")), "{}", back.text);
    let again = api.delete(&format!("{path}?archive=true"), &back.etag()).await;
    assert_eq!((again.status.as_u16(), api.memory.contents().submitted_jobs().len()), (202, 2), "{}", again.text);
}

#[tokio::test]
async fn enabling_cancels_a_deletion_and_is_in_the_audit_log() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.delete(&format!("{path}?archive=true"), &etag).await;
    let on = api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!((on.status.as_u16(), &on.body["enabled"]), (200, &json!(true)), "{}", on.text);
    assert!(on.body["deletion_requested_at"].is_null(), "{}", on.text);
    let entry = api.memory.contents().audit_log.last().unwrap().clone();
    let change = &entry.changes["deletion_requested_at"];
    assert_eq!((entry.action.as_str(), &change.to), ("integration.enable", &None));
    assert_eq!(change.from, Some(json!(SINCE)));
    let service = Service::new(api.memory.clone(), Settings::default());
    let late =
        service.delete_after_archive(&Caller::default(), &ACCOUNT.parse().unwrap(), SINCE.parse().unwrap()).await;
    assert!(!late.unwrap(), "a late job deletes nothing");
    assert_eq!(
        api.patch(&path, &on.etag(), &json!({"only_failed": false})).await.status,
        200,
        "the integration exists and can be changed"
    );
}

#[tokio::test]
async fn the_reason_of_switching_or_deleting_is_in_the_audit_log() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let reasons =
        || api.memory.contents().audit_log.iter().filter_map(|entry| entry.reason.clone()).collect::<Vec<_>>();
    assert_eq!(api.post(&format!("{path}/disable"), &json!({ "reason": "migration" })).await.status, 200);
    assert_eq!(api.post(&format!("{path}/enable?replay=true"), &json!({ "reason": "done" })).await.status, 200);
    assert_eq!(reasons(), ["migration", "done"]);
    let (_, etag) = api.integration().await;
    let rejected = api.delete(&format!("{path}?archive=true&reason=%0A"), &etag).await;
    assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec!["reason"]));
    let accepted = api.delete(&format!("{path}?archive=true&reason=account%20closed"), &etag).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let job = api.get(&format!("/jobs/{}", accepted.body["job_id"].as_str().unwrap())).await;
    assert_eq!(job.body["reason"], "account closed");
    assert_eq!(api.delete(&format!("{path}?reason=now"), &accepted.etag()).await.status, 204);
    assert_eq!(reasons(), ["migration", "done", "account closed", "now"]);
}

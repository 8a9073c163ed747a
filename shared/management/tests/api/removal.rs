//! Deleting an integration.

use exporter::jobs::Job;
use management::{Caller, Service, Settings};
use serde_json::json;

use crate::client::{ACCOUNT, Api};

/// When the tests begin: when a removal begins that they ask for.
const SINCE: &str = "2026-11-23T09:00:00Z";

#[tokio::test]
async fn an_integration_is_deleted_with_all_that_was_known_of_it() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    assert_eq!(api.delete(&path, &etag).await.status, 204);
    assert_eq!(api.get(&path).await.problem(), "not-found");
    let kept = api.memory.kept();
    assert!(kept.connections.is_empty() && kept.jobs.is_empty());
    assert_eq!(kept.trail.last().unwrap().action, "integration.delete");
}

#[tokio::test]
async fn what_was_sent_is_archived_before_the_integration_goes() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "s"});
    let etag = api.put(&format!("{path}/credentials"), &etag, &key).await.etag();
    let accepted = api.delete(&format!("{path}?archive=true"), &etag).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body["enabled"]), (202, &json!(false)), "{}", accepted.text);
    assert_eq!(accepted.body["deletion_requested_at"], SINCE);
    let job =
        Job::ArchiveAll { provider: ACCOUNT.parse().unwrap(), deletion_requested_at: Some(SINCE.parse().unwrap()) };
    assert_eq!(api.memory.ordered(), std::slice::from_ref(&job));
    let standing = api.get(&format!("/jobs/{}", accepted.body["job_id"].as_str().unwrap())).await;
    assert_eq!((&standing.body["job"], &standing.body["target"]), (&json!("archive_all"), &json!(ACCOUNT)));
    assert_eq!(api.memory.kept().secrets.len(), 1, "the key is needed until the end");

    let etag = accepted.etag();
    for refused in [
        api.patch(&path, &etag, &json!({"only_failed": false})).await,
        api.post(&format!("{path}/disable"), &json!(null)).await,
    ] {
        assert_eq!((refused.status.as_u16(), refused.problem()), (409, "deletion-in-progress"));
        let remediation = refused.body["remediation"].as_str().unwrap();
        for way in ["hubctl integration enable 123456789012", "hubctl integration delete 123456789012 --archive"] {
            assert!(remediation.contains(way), "{remediation}");
        }
    }
    let again = api.delete(&format!("{path}?archive=true"), &etag).await;
    assert_eq!((again.status.as_u16(), again.etag()), (202, etag), "asked again, it is ordered again");
    assert_eq!(api.memory.ordered(), [job.clone(), job]);

    let service = Service::new(api.memory.clone(), api.settings.clone());
    let exporter = Caller("export-findings".to_owned());
    let archived = async |since: &str| {
        service.archived(&exporter, &ACCOUNT.parse().unwrap(), since.parse().unwrap()).await.unwrap()
    };
    assert!(!archived("2026-11-23T08:00:00Z").await, "that of another removal stays");
    assert!(archived(SINCE).await);
    assert_eq!(api.get(&path).await.status, 404);
    assert_eq!(api.memory.kept().secrets.len(), 0, "and the key goes with it");
    assert!(!archived(SINCE).await, "the second time nothing is there");
}

#[tokio::test]
async fn the_reason_of_a_change_of_state_is_in_the_audit_log() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    let reasons = || api.memory.kept().trail.iter().filter_map(|entry| entry.reason.clone()).collect::<Vec<_>>();
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

#[tokio::test]
async fn an_integration_that_nobody_removes_is_not_deleted_by_the_exporter() {
    let api = Api::with_integration().await;
    let service = Service::new(api.memory.clone(), Settings::default());
    assert!(!service.archived(&Caller::default(), &ACCOUNT.parse().unwrap(), SINCE.parse().unwrap()).await.unwrap());
    assert_eq!(api.integration().await.0, format!("/integrations/{ACCOUNT}"));
}

#[tokio::test]
async fn a_removal_that_can_not_end_is_fixed_with_other_credentials() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let etag = api.delete(&format!("{path}?archive=true"), &etag).await.etag();
    let key = json!({"kind": "static", "access_key_id": "AKIA0123456789ABCDEF", "secret_access_key": "s"});
    let given = api.put(&format!("{path}/credentials"), &etag, &key).await;
    assert_eq!((given.status.as_u16(), &given.body["test"]["outcome"]), (200, &json!("passed")), "{}", given.text);
    assert_eq!(given.body["deletion_requested_at"], SINCE, "it is still being deleted");
    let back = api.delete(&format!("{path}/credentials"), &given.etag()).await;
    assert_eq!((back.status.as_u16(), &back.body["credentials"]["kind"]), (200, &json!("provider")), "{}", back.text);
    let again = api.delete(&format!("{path}?archive=true"), &back.etag()).await;
    assert_eq!((again.status.as_u16(), api.memory.ordered().len()), (202, 2), "{}", again.text);
}

#[tokio::test]
async fn enabling_calls_a_removal_off_and_the_trail_says_so() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    api.delete(&format!("{path}?archive=true"), &etag).await;
    let on = api.post(&format!("{path}/enable"), &json!(null)).await;
    assert_eq!((on.status.as_u16(), &on.body["enabled"]), (200, &json!(true)), "{}", on.text);
    assert!(on.body["deletion_requested_at"].is_null(), "{}", on.text);
    let entry = api.memory.kept().trail.last().unwrap().clone();
    let change = &entry.changes["deletion_requested_at"];
    assert_eq!((entry.action.as_str(), &change.to), ("integration.enable", &None));
    assert_eq!(change.from, Some(json!(SINCE)));
    let service = Service::new(api.memory.clone(), Settings::default());
    let late = service.archived(&Caller::default(), &ACCOUNT.parse().unwrap(), SINCE.parse().unwrap()).await;
    assert!(!late.unwrap(), "a job that comes late deletes nothing");
    assert_eq!(api.patch(&path, &on.etag(), &json!({"only_failed": false})).await.status, 200, "it is there");
}

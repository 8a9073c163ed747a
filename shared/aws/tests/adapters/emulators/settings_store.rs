//! Providers and integrations: changed in transactions, each with an entry in the audit log.

use aws::Cloud;
use exporter::connection::targets::CheckTargets;
use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::ports::Integrations as _;
use exporter::ports::settings_store::{
    Audit as _, AuditEntry, CommitError, ExpectedVersion, IdempotencyRecord, Page, SettingsStore, Stored, Write,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Place, on_each_emulator};
use crate::ACCOUNT;

const ORGANIZATION: &str = "o-a1b2c3d4e5";

on_each_emulator![
    a_change_is_committed_with_its_audit_entry_or_not_at_all,
    only_one_of_concurrent_changes_is_committed,
    an_idempotency_record_is_created_once_per_key,
    a_list_continues_where_the_previous_page_ended,
    an_account_without_an_integration_uses_its_organizations,
];

fn id() -> ProviderId {
    ACCOUNT.parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn entry() -> AuditEntry {
    AuditEntry {
        id: Uuid::now_v7().to_string(),
        at: now(),
        by: String::new(),
        action: "integration.update".to_owned(),
        target: ACCOUNT.to_owned(),
        reason: None,
        changes: [].into(),
    }
}

fn integration(id: &ProviderId) -> Stored<Integration> {
    Stored::new(Integration::new(id.clone()), now(), "ada")
}

async fn entries(cloud: &Cloud) -> usize {
    cloud.audit_log(&Page { limit: 100, after: None }).await.unwrap().entries.len()
}

fn conflict(outcome: Result<(), CommitError>) -> Option<usize> {
    match outcome {
        Ok(()) => None,
        Err(CommitError::Conflict { step }) => Some(step),
        Err(error) => panic!("{error}"),
    }
}

async fn a_change_is_committed_with_its_audit_entry_or_not_at_all(place: Place) {
    let cloud = &place.cloud;
    let provider = Stored::new(Provider::new(id()), now(), "ada");
    let first = integration(&id());
    let needed = [Write::RequireProvider(id()), Write::PutIntegration(first.clone(), ExpectedVersion::Nothing)];
    assert_eq!(conflict(cloud.commit(&needed, &entry()).await), Some(0), "the provider doesn't exist");
    assert_eq!((entries(cloud).await, cloud.stored_integration(&id()).await.unwrap()), (0, None));
    cloud.commit(&[Write::PutProvider(provider.clone(), ExpectedVersion::Nothing)], &entry()).await.unwrap();
    cloud.commit(&needed, &entry()).await.unwrap();
    assert_eq!(SettingsStore::provider(cloud, &id()).await.unwrap(), Some(provider.clone()));
    assert_eq!(cloud.stored_integration(&id()).await.unwrap(), Some(first.clone()));
    assert_eq!(conflict(cloud.commit(&needed, &entry()).await), Some(1), "the resource exists");

    let second = first.changed(first.value.clone().with(|settings| settings.enabled = false), now(), "eve");
    let change = [Write::PutIntegration(second.clone(), ExpectedVersion::This(first.revision()))];
    cloud.commit(&change, &entry()).await.unwrap();
    assert_eq!(conflict(cloud.commit(&change, &entry()).await), Some(0), "the version has changed");
    assert_eq!(cloud.stored_integration(&id()).await.unwrap(), Some(second.clone()));
    let removal = |revision| {
        let account = ACCOUNT.parse().unwrap();
        [Write::DeleteIntegration(id(), revision), Write::DeleteConnection(account)]
    };
    assert_eq!(conflict(cloud.commit(&removal(first.revision()), &entry()).await), Some(0));
    cloud.commit(&removal(second.revision()), &entry()).await.unwrap();
    let unneeded = [Write::DeleteProvider(id(), provider.revision()), Write::RequireNoIntegration(id())];
    cloud.commit(&unneeded, &entry()).await.unwrap();
    assert_eq!(
        (SettingsStore::provider(cloud, &id()).await.unwrap(), cloud.stored_integration(&id()).await.unwrap()),
        (None, None)
    );
    assert_eq!(entries(cloud).await, 5);
}

async fn only_one_of_concurrent_changes_is_committed(place: Place) {
    let (cloud, first) = (&place.cloud, integration(&id()));
    cloud.commit(&[Write::PutIntegration(first.clone(), ExpectedVersion::Nothing)], &entry()).await.unwrap();
    let changes = (0..4).map(async |author| {
        let after = first.changed(first.value.clone(), now(), &format!("author {author}"));
        cloud.commit(&[Write::PutIntegration(after, ExpectedVersion::This(first.revision()))], &entry()).await
    });
    let made = futures::future::join_all(changes).await.into_iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((made, entries(cloud).await), (1, 2));
}

async fn an_idempotency_record_is_created_once_per_key(place: Place) {
    let cloud = &place.cloud;
    let until = Timestamp::from_second(now().as_second()).unwrap() + SignedDuration::from_hours(1);
    let idempotency_record = IdempotencyRecord { key: "k".to_owned(), fingerprint: String::new(), made: id(), until };
    cloud.commit(&[Write::SaveIdempotencyRecord(idempotency_record.clone())], &entry()).await.unwrap();
    assert_eq!(
        conflict(cloud.commit(&[Write::SaveIdempotencyRecord(idempotency_record.clone())], &entry()).await),
        Some(0)
    );
    assert_eq!(cloud.idempotency_record("k", now()).await.unwrap(), Some(idempotency_record.clone()));
    assert_eq!(cloud.idempotency_record("k", until).await.unwrap(), None, "the record has expired");
    let later = AuditEntry { at: until, ..entry() };
    cloud.commit(&[Write::SaveIdempotencyRecord(idempotency_record)], &later).await.unwrap();
    assert_eq!(cloud.idempotency_record("", now()).await.unwrap(), None);
}

async fn a_list_continues_where_the_previous_page_ended(place: Place) {
    let cloud = &place.cloud;
    let ids: Vec<ProviderId> = (1..=5).map(|number| format!("{number:012}").parse().unwrap()).collect();
    for id in &ids {
        cloud.commit(&[Write::PutIntegration(integration(id), ExpectedVersion::Nothing)], &entry()).await.unwrap();
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = SettingsStore::integrations(cloud, &Page { limit: 2, after }).await.unwrap();
        assert!(page.entries.len() <= 2);
        found.extend(page.entries.into_iter().map(|stored| stored.value.provider));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
    let first = cloud.audit_log(&Page { limit: 4, after: None }).await.unwrap();
    let rest = cloud.audit_log(&Page { limit: 4, after: first.next }).await.unwrap();
    let times: Vec<Timestamp> = first.entries.into_iter().chain(rest.entries).map(|entry| entry.at).collect();
    assert!(times.len() == 5 && times.is_sorted_by(|left, right| left >= right), "newest first: {times:?}");
}

async fn an_account_without_an_integration_uses_its_organizations(place: Place) {
    let (cloud, account) = (&place.cloud, ACCOUNT.parse().unwrap());
    let organization: ProviderId = ORGANIZATION.parse().unwrap();
    assert_eq!(cloud.integration(&account).await.unwrap(), None);
    cloud
        .commit(&[Write::PutIntegration(integration(&organization), ExpectedVersion::Nothing)], &entry())
        .await
        .unwrap();
    assert_eq!(cloud.integration(&account).await.unwrap().map(|found| found.provider), Some(organization.clone()));
    let member = |number: u64| aws::Member {
        account: format!("{number:012}").parse().unwrap(),
        name: Some(String::new()),
        organization: Some(ORGANIZATION.to_owned()),
    };
    cloud.store_members(&organization, &[member(1), member(2)]).await.unwrap();
    cloud.store_members(&organization, &[member(2), member(3)]).await.unwrap();
    assert_eq!(cloud.members(&organization).await.unwrap(), [member(2).account, member(3).account]);
    assert_eq!(CheckTargets::exported_accounts(cloud).await.unwrap(), []);
}

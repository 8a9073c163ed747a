//! Tests that the in-memory implementation has the guarantees of the ports, so that tests can rely on them.

use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, RegionName};
use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::model::integration::Integration;
use crate::model::provider::ProviderId;
use crate::ports::settings_store::{AuditEntry, CommitError, ExpectedVersion, SettingsStore as _, Stored, Write};
use crate::ports::{
    AccountLocks as _, Acquired, CallError, Claim, Clock as _, Hub as _, Hubs as _, ObjectWriter as _, Objects as _,
    PortError, PutMode, UploadLocks as _,
};

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn region() -> RegionName {
    "eu-west-1".parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn put(memory: &InMemory, key: &str, mode: PutMode, text: &'static str) -> Result<(), PortError> {
    let mut writer = memory.create(key, mode).await?;
    writer.write(text.into()).await?;
    writer.finish().await
}

#[tokio::test]
async fn an_upload_is_locked_by_one_run_until_completion_or_expiry() {
    let memory = InMemory::default();
    let claim = async |run: &str, again: bool, now: i64| memory.claim("a", run, again, at(now), at(now + 10)).await;
    assert_eq!(claim("1", false, 0).await.unwrap(), Claim::Granted);
    assert_eq!(claim("2", false, 5).await.unwrap(), Claim::InProgress { run_id: "1".to_owned() });
    assert!(
        memory.renew_claim("a", "1", at(20)).await.unwrap() && !memory.renew_claim("a", "2", at(90)).await.unwrap()
    );
    assert_eq!(claim("2", false, 15).await.unwrap(), Claim::InProgress { run_id: "1".to_owned() });
    assert_eq!(claim("2", false, 21).await.unwrap(), Claim::Granted, "the claim expired");
    memory.finish_claim("a", "1", true).await.unwrap();
    assert_eq!(
        claim("3", false, 22).await.unwrap(),
        Claim::InProgress { run_id: "2".to_owned() },
        "run 1 no longer has the claim"
    );
    memory.finish_claim("a", "2", true).await.unwrap();
    assert_eq!(claim("3", false, 99).await.unwrap(), Claim::Completed { run_id: "2".to_owned() });
    assert_eq!(claim("3", true, 99).await.unwrap(), Claim::Granted);
    memory.finish_claim("a", "3", false).await.unwrap();
    assert_eq!(claim("4", false, 99).await.unwrap(), Claim::Granted, "the claim was released");
}

#[tokio::test]
async fn an_account_is_locked_by_one_run_and_in_doubt_until_it_ends() {
    let memory = InMemory::default();
    let acquire = async |run: &str, scan: i64, now: i64| {
        memory.acquire(account(), run, run, at(scan), at(now), at(now + 10)).await.unwrap()
    };
    assert!(matches!(acquire("1", 100, 0).await, Acquired::Granted { in_doubt } if in_doubt == Default::default()));
    assert_eq!(acquire("2", 200, 5).await, Acquired::Locked { run_id: "1".to_owned() });
    assert_eq!(memory.locked_by(account(), at(5)).await.unwrap().as_deref(), Some("1"));
    assert_eq!(memory.locked_by(account(), at(10)).await.unwrap(), None);
    let Acquired::Granted { in_doubt } = acquire("2", 200, 10).await else { panic!("the lock expired") };
    assert!(in_doubt.everywhere, "run 1 did not release the account");
    assert!(!memory.renew(account(), "1", at(99)).await.unwrap());
    memory.release(account(), "1", Default::default(), Some(at(1))).await.unwrap();
    assert_eq!(
        memory.locked_by(account(), at(11)).await.unwrap().as_deref(),
        Some("2"),
        "run 1 has no lock to release"
    );
    memory.release(account(), "2", Default::default(), Some(at(12))).await.unwrap();
    let (newest, in_doubt) = memory.lock_status(account()).await.unwrap().unwrap();
    assert_eq!((newest.newest, newest.exported_at, in_doubt.everywhere), (at(200), Some(at(12)), false));
    assert_eq!(acquire("3", 150, 50).await, Acquired::Superseded { newest: at(200) });
}

#[tokio::test]
async fn an_object_is_put_as_a_whole_under_its_condition() {
    let memory = InMemory::default();
    let mut unfinished = memory.create("state/a", PutMode::Create).await.unwrap();
    unfinished.write("half".into()).await.unwrap();
    assert!(memory.object("state/a").await.unwrap().is_none());
    put(&memory, "state/a", PutMode::Create, "first").await.unwrap();
    unfinished.finish().await.unwrap_err();
    let etag = memory.object("state/a").await.unwrap().unwrap().etag;
    put(&memory, "state/a", PutMode::Update(etag.clone()), "second").await.unwrap();
    put(&memory, "state/a", PutMode::Update(etag), "third").await.unwrap_err();
    put(&memory, "other", PutMode::Overwrite, "").await.unwrap();
    let body = memory.object("state/a").await.unwrap().unwrap().body;
    assert_eq!(body.try_collect::<Vec<Bytes>>().await.unwrap().concat(), b"second");
    assert_eq!(memory.keys("state/").await.unwrap(), ["state/a"]);
}

#[tokio::test]
async fn a_change_is_made_as_a_whole_or_not_at_all() {
    let memory = InMemory::new(TestClock::Fixed(at(0)));
    let id: ProviderId = account().into();
    let entry: AuditEntry = serde_json::from_value(json!({
        "id": "1", "at": at(0), "by": "me", "action": "integration.create", "target": id.as_str(),
    }))
    .unwrap();
    let stored = Stored::new(Integration::new(account()), memory.now(), "me");
    let create = Write::PutIntegration(stored.clone(), ExpectedVersion::Nothing);
    let steps = [create.clone(), Write::RequireProvider(id.clone())];
    let conflict = memory.commit(&steps, &entry).await.unwrap_err();
    assert!(matches!(conflict, CommitError::Conflict { step: 1 }));
    assert!(memory.contents().integrations.is_empty() && memory.contents().audit_log.is_empty());
    // A concurrent writer changes the integration once.
    memory.contents().faults.before_next(Operation::Commit, |contents| {
        contents.put_integration(Integration::new(account()));
    });
    let conflict = memory.commit(std::slice::from_ref(&create), &entry).await.unwrap_err();
    assert!(matches!(conflict, CommitError::Conflict { step: 0 }));
    let current = memory.stored_integration(&id).await.unwrap().unwrap().revision();
    let replace = Write::PutIntegration(stored, ExpectedVersion::This(current));
    memory.contents().faults.add(Fault::on(Operation::Commit, Effect::LoseResponse("lost".to_owned())).times(1));
    assert!(matches!(memory.commit(&[replace], &entry).await.unwrap_err(), CommitError::Failed(_)));
    assert_eq!(memory.contents().audit_log.len(), 1, "only the response was lost");
}

#[tokio::test]
async fn faults_affect_only_matching_calls() {
    let memory = InMemory::default();
    put(&memory, "a", PutMode::Overwrite, "").await.unwrap();
    memory.contents().faults.add(Fault::fail(Operation::ReadObject).target("a").after(1).times(2));
    let mut failed = Vec::new();
    for _ in 0..5 {
        failed.push(memory.object("a").await.is_err());
        assert!(memory.object("b").await.is_ok() && memory.keys("a").await.is_ok());
    }
    assert_eq!(failed, [false, true, true, false, false]);
    memory.contents().faults.fail_all("no network");
    assert_eq!(memory.keys("").await.unwrap_err().message, "no network");
    memory.contents().faults.clear();
    memory.contents().faults.add(Fault::on(Operation::ListObjects, Effect::Hang));
    tokio::time::timeout(Duration::from_millis(1), memory.keys("")).await.unwrap_err();
}

#[tokio::test]
async fn a_run_is_killed_at_a_call_before_or_after_its_effect() {
    for takes_effect in [false, true] {
        let memory = InMemory::default();
        let killed = memory.clone().with_lifetime(Arc::new(Lifetime::until(Some(2), takes_effect)));
        // The calls 0 and 1 create and write the object; call 2 puts it.
        let outcome = tokio::select! {
            outcome = put(&killed, "a", PutMode::Create, "") => Some(outcome),
            () = killed.lifetime().ended() => None,
        };
        assert!(outcome.is_none(), "the call never returns");
        assert_eq!(memory.object("a").await.unwrap().is_some(), takes_effect, "the effect is visible to another run");
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_advances_with_tokios() {
    let memory = InMemory::new(TestClock::tokio(at(0)));
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(memory.now().duration_since(at(0)), SignedDuration::from_secs(90));
}

fn finding(id: &str, second: i64) -> Value {
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": "p", "GeneratorId": "g", "AwsAccountId": account().as_str(),
        "CreatedAt": at(0), "UpdatedAt": at(second), "Title": "t", "Description": "d", "Resources": [{}],
    })
}

fn body(findings: &[Value]) -> Bytes {
    json!({ "Findings": findings }).to_string().into()
}

async fn hub(hubs: &FakeHubs) -> FakeHub {
    hubs.connect(account(), &Integration::new(account())).await.unwrap()
}

#[tokio::test]
async fn a_finding_is_replaced_only_by_a_newer_one() {
    let hub = hub(&FakeHubs::default()).await;
    for (second, stored) in [(5, 5), (5, 5), (4, 5), (6, 6)] {
        let outcome = hub.import(&region(), body(&[finding("a", second)])).await.unwrap();
        assert_eq!((outcome.success_count, outcome.failed_count), (1, 0), "an older version is accepted and ignored");
        let found: Value = serde_json::from_slice(&hub.finding(&region(), "a").await.unwrap().unwrap()).unwrap();
        assert_eq!(found["UpdatedAt"], json!(at(stored)));
    }
}

#[tokio::test]
async fn a_malformed_finding_fails_alone_and_a_bad_batch_as_a_whole() {
    let hub = hub(&FakeHubs::default()).await;
    let mut malformed = finding("b", 1);
    malformed.as_object_mut().unwrap().remove("Title");
    let large = json!({ "Id": "c", "Note": "x".repeat(300_000) });
    let outcome = hub.import(&region(), body(&[finding("a", 1), malformed, large])).await.unwrap();
    let failed: Vec<_> = outcome.failed.iter().map(|failed| (failed.id.as_str(), failed.code.as_str())).collect();
    assert_eq!((outcome.success_count, failed), (1, vec![("b", "InvalidInput"), ("c", "InvalidInput")]));
    let many: Vec<_> = (0..101).map(|number| finding(&number.to_string(), 1)).collect();
    for findings in [&many[..], &[]] {
        let error = hub.import(&region(), body(findings)).await.unwrap_err();
        assert!(matches!(error, CallError::Rejected { .. }), "{error}");
    }
    let mut foreign = finding("d", 1);
    foreign["AwsAccountId"] = "210987654321".into();
    assert!(matches!(hub.import(&region(), body(&[foreign])).await, Err(CallError::AccessDenied(_))));
}

#[tokio::test]
async fn active_findings_are_paged_within_one_region() {
    let hub = hub(&FakeHubs::default()).await;
    let all: Vec<_> = (0..150).map(|number| finding(&format!("{number:03}"), 1)).collect();
    for batch in all.chunks(100) {
        hub.import(&region(), body(batch)).await.unwrap();
    }
    let mut archived = finding("000", 2);
    archived["RecordState"] = "ARCHIVED".into();
    hub.import(&region(), body(&[archived])).await.unwrap();
    hub.import(&"us-east-1".parse().unwrap(), body(&[finding("elsewhere", 1)])).await.unwrap();
    let first = hub.findings(&region(), None).await.unwrap();
    let second = hub.findings(&region(), first.next).await.unwrap();
    assert_eq!((first.findings.len(), second.findings.len(), second.next), (100, 49, None));
}

#[tokio::test]
async fn a_disabled_hub_or_unaccepted_product_denies_imports() {
    let hubs = FakeHubs::default();
    let hub = hub(&hubs).await;
    hubs.contents().disabled.insert(region());
    assert!(matches!(hub.import(&region(), body(&[finding("a", 1)])).await, Err(CallError::AccessDenied(_))));
    assert!(matches!(hub.state(&region()).await, Err(CallError::InvalidAccess(_))));
    assert!(matches!(hub.findings(&region(), None).await, Err(CallError::InvalidAccess(_))));
    hubs.contents().disabled.clear();
    hubs.contents().product_not_accepted.insert(region());
    assert!(matches!(hub.import(&region(), body(&[finding("a", 1)])).await, Err(CallError::AccessDenied(_))));
    assert!(!hub.state(&region()).await.unwrap().product_accepted);
}

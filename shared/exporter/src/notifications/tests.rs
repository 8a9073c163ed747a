use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::connection::{Problem, RegionConnection};
use crate::testing::{InMemory, Operation};

const ACCOUNT: &str = "123456789012";
const REGIONS: [&str; 4] = ["ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1"];

/// The types of the published events, each with its Region.
fn published(memory: &InMemory) -> Vec<String> {
    let kind_and_region = |event: &Event| {
        let place = event.detail.region.map(|region| format!(" {region}")).unwrap_or_default();
        format!("{}{place}", event.kind.as_str())
    };
    memory.contents().events.iter().map(kind_and_region).collect()
}

/// The notification state of the account.
fn notified(memory: &InMemory) -> Notified {
    memory.contents().notified[&ACCOUNT.parse().unwrap()].0.clone()
}

pub(super) fn at(minute: i64) -> Timestamp {
    "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

/// A connection in which all Regions were checked, and these are available.
fn connection(minute: i64, enabled: &[&str]) -> Connection {
    let region = |name: &str| {
        let on = enabled.contains(&name);
        let problem = Problem {
            reason: "hub_not_enabled".to_owned(),
            message: format!("Security Hub is not enabled\nin {name}"),
            remediation: Some(format!("aws securityhub enable-security-hub --region {name}")),
        };
        let found = RegionConnection {
            status: if on { RegionStatus::Enabled } else { RegionStatus::HubNotEnabled },
            since: at(minute),
            problem: (!on).then_some(problem),
            unavailable_since: None,
            stale_since: None,
        };
        (name.parse().unwrap(), found)
    };
    Connection {
        account: ACCOUNT.parse().unwrap(),
        provider: ACCOUNT.parse().unwrap(),
        status: if enabled.is_empty() { ConnectionStatus::Disconnected } else { ConnectionStatus::Connected },
        checked_at: at(minute),
        stale_since: None,
        identity: None,
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: REGIONS.into_iter().map(region).collect::<BTreeMap<_, _>>(),
    }
}

fn changes(connection: &Connection) -> StatusChanges<'_> {
    StatusChanges {
        connection,
        schedule: None,
        exported_since: None,
        newest_scan: None,
        exported_at: None,
        now: connection.checked_at,
    }
}

async fn check(memory: &InMemory, minute: i64, enabled: &[&str]) -> Vec<Event> {
    publish_status_changes(memory, changes(&connection(minute, enabled))).await.unwrap().events
}

#[tokio::test]
async fn each_change_is_published_once() {
    let memory = InMemory::default();
    for (minute, enabled) in [
        (0, &["eu-west-1", "us-east-1"][..]),
        (1, &["eu-west-1", "us-east-1"]),
        (2, &["eu-west-1"]),
        (3, &["eu-west-1"]),
        (4, &[]),
        (5, &[]),
        (6, &["eu-west-1", "sa-east-1"]),
        (7, &["eu-west-1", "sa-east-1", "us-east-1"]),
    ] {
        check(&memory, minute, enabled).await;
    }
    let published = published(&memory);
    let expected = [
        "Integration Connected",
        "Region Unavailable us-east-1",
        "Integration Disconnected",
        "Integration Connected",
        "Region Available us-east-1",
    ];
    assert_eq!(published, expected);
    assert!(notified(&memory).waiting.is_empty());
}

#[tokio::test]
async fn a_lost_region_event_has_its_remediation_in_one_line() {
    let memory = InMemory::default();
    check(&memory, 0, &["eu-west-1", "us-east-1"]).await;
    let [event] = check(&memory, 1, &["us-east-1"]).await.try_into().unwrap();
    let detail = serde_json::to_value(&event.detail).unwrap();
    assert_eq!(detail, expected());
}

fn expected() -> serde_json::Value {
    let sample = include_str!("../../../../events/emitted/region-unavailable.json");
    serde_json::from_str::<serde_json::Value>(sample).unwrap()["detail"].take()
}

#[tokio::test]
async fn a_region_that_is_no_longer_checked_is_not_lost() {
    let memory = InMemory::default();
    check(&memory, 0, &["eu-west-1", "us-east-1"]).await;
    let mut fewer = connection(1, &["eu-west-1"]);
    fewer.regions.remove(&"us-east-1".parse().unwrap());
    assert_eq!(publish_status_changes(&memory, changes(&fewer)).await.unwrap().events, []);
}

#[tokio::test]
async fn a_rejected_event_is_published_later_by_one_check() {
    let memory = InMemory::default();
    memory.contents().events_accepted_max = Some(0);
    publish_status_changes(&memory, changes(&connection(0, &["eu-west-1"]))).await.unwrap_err();
    memory.contents().events_accepted_max = None;
    // While the first check may still send the event, no other check does.
    assert_eq!(check(&memory, 4, &["eu-west-1"]).await, []);
    assert_eq!(check(&memory, 5, &["eu-west-1"]).await.len(), 1);
    assert_eq!(check(&memory, 11, &["eu-west-1"]).await, []);
    // If the bus accepts only some events, the others are sent later.
    memory.contents().events_accepted_max = Some(1);
    check(&memory, 12, &["ap-southeast-2", "eu-west-1", "sa-east-1"]).await;
    memory.contents().events_accepted_max = None;
    check(&memory, 20, &["ap-southeast-2", "eu-west-1", "sa-east-1"]).await;
    assert_eq!(
        published(&memory),
        ["Integration Connected", "Region Available ap-southeast-2", "Region Available sa-east-1"]
    );
}

#[tokio::test]
async fn overlapping_checks_publish_a_change_once() {
    let memory = InMemory::default();
    check(&memory, 0, &["eu-west-1", "us-east-1"]).await;
    // Another check finds the same loss, and saves it between this check's read and write.
    let before = notified(&memory);
    let lost = connection(1, &["eu-west-1"]);
    let (theirs, events) = before.updated(&changes(&lost));
    assert_eq!(events.len(), 1);
    memory.contents().faults.before_next(Operation::WriteNotified, |contents| {
        let known = contents.notified.get_mut(&ACCOUNT.parse().unwrap()).unwrap();
        *known = (theirs, known.1 + 1);
    });
    assert_eq!(publish_status_changes(&memory, changes(&lost)).await.unwrap().events, []);
}

#[tokio::test]
async fn a_bus_that_stays_down_does_not_fill_the_table() {
    let memory = InMemory::default();
    memory.contents().events_accepted_max = Some(0);
    for minute in 0..200 {
        let enabled: &[&str] = if minute % 2 == 0 { &["eu-west-1"] } else { &[] };
        publish_status_changes(&memory, changes(&connection(minute, enabled))).await.unwrap_err();
    }
    assert_eq!(notified(&memory).waiting.len(), OUTBOX_MAX);
}

#[tokio::test]
async fn a_missing_scan_is_published_once_until_a_scan_arrives() {
    let memory = InMemory::default();
    let daily: Schedule = "rate(1 day)".parse().unwrap();
    let hour = |hour: i64| at(hour * 60);
    let look = async |now: Timestamp, newest: Option<Timestamp>| {
        let connection = connection(0, &["eu-west-1"]);
        publish_status_changes(
            &memory,
            StatusChanges { schedule: Some(&daily), newest_scan: newest, now, ..changes(&connection) },
        )
        .await
        .unwrap()
        .events
    };
    assert_eq!(look(hour(0), None).await.len(), 1, "connected");
    assert_eq!(look(hour(30), None).await, []);
    let [missing] = look(hour(31), None).await.try_into().unwrap();
    assert_eq!((missing.kind, missing.detail.due_at), (EventKind::ScanMissing, Some(hour(24))));
    assert!(
        missing.detail.message.contains("rate(1 day)") && missing.detail.message.contains("no scan was ever exported")
    );
    assert_eq!(look(hour(60), None).await, []);
    assert_eq!(look(hour(61), Some(hour(60))).await, []);
    let [again] = look(hour(91), Some(hour(60))).await.try_into().unwrap();
    assert_eq!((again.detail.due_at, again.detail.newest_scan_at), (Some(hour(84)), Some(hour(60))));
}

#[tokio::test]
async fn an_export_is_due_until_one_completes_even_if_scans_arrive() {
    let memory = InMemory::default();
    let daily: Schedule = "rate(1 day)".parse().unwrap();
    let hour = |hour: i64| at(hour * 60);
    let due = async |now: i64, exported: Option<i64>| {
        let connection = connection(0, &["eu-west-1"]);
        let (newest_scan, exported_at) = (Some(hour(now)), exported.map(hour));
        let schedule = Some(&daily);
        publish_status_changes(
            &memory,
            StatusChanges { schedule, newest_scan, exported_at, now: hour(now), ..changes(&connection) },
        )
        .await
        .unwrap()
        .export_due_at
    };
    assert_eq!(due(0, None).await, None);
    assert_eq!(due(30, None).await, None, "a scan may arrive and be exported up to six hours late");
    assert_eq!(due(31, None).await, Some(hour(24)), "scans arrive, and no export completes");
    assert_eq!(due(32, Some(31)).await, None);
    assert_eq!(due(62, Some(31)).await, Some(hour(55)));
}

#[tokio::test]
async fn scans_of_another_schedule_or_before_enabling_are_not_awaited() {
    let memory = InMemory::default();
    let hour = |hour: i64| at(hour * 60);
    let look = async |schedule: &str, since: i64, now: i64, newest: i64| {
        let connection = connection(0, &["eu-west-1"]);
        let schedule: Schedule = schedule.parse().unwrap();
        let (newest_scan, exported_since) = (Some(hour(newest)), Some(hour(since)));
        let changes = StatusChanges {
            schedule: Some(&schedule),
            newest_scan,
            exported_since,
            now: hour(now),
            ..changes(&connection)
        };
        publish_status_changes(&memory, changes)
            .await
            .unwrap()
            .events
            .iter()
            .map(|event| event.kind.as_str())
            .collect::<Vec<_>>()
    };
    const DAILY: &str = "rate(1 day)";
    assert_eq!(look("rate(7 days)", 0, 0, 0).await, ["Integration Connected"]);
    // The schedule changes from weekly to daily on the fourth day: the first scan is due a day later.
    assert!(look(DAILY, 0, 90, 0).await.is_empty());
    assert!(look(DAILY, 0, 119, 0).await.is_empty());
    assert_eq!(look(DAILY, 0, 121, 0).await, ["Scan Missing"]);
    // The integration was disabled for days while scans arrived, and is enabled again.
    assert!(look(DAILY, 200, 200, 0).await.is_empty());
    assert!(look(DAILY, 200, 229, 0).await.is_empty());
    assert_eq!(look(DAILY, 200, 231, 0).await, ["Scan Missing"]);
    assert!(look(DAILY, 200, 250, 0).await.is_empty(), "published once");
}

proptest! {
    /// For any results of checks and any failed sends, the published events in order result in the state of the hubs.
    #[test]
    fn the_events_are_complete(checks in prop::collection::vec((prop::collection::btree_set(0..4_usize, 0..=4), 0..3_usize), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let memory = InMemory::default();
        let mut last = Vec::new();
        for (minute, (enabled, accepts)) in checks.iter().enumerate() {
            last = enabled.iter().map(|index| REGIONS[*index]).collect();
            memory.contents().events_accepted_max = Some(*accepts);
            let found = connection(i64::try_from(minute).unwrap(), &last);
            let _ = runtime.block_on(publish_status_changes(&memory, changes(&found)));
        }
        // The bus is available again: two checks with the same result, each after the first sender's time.
        memory.contents().events_accepted_max = None;
        for minute in [1_000, 2_000] {
            runtime.block_on(publish_status_changes(&memory, changes(&connection(minute, &last)))).unwrap();
        }
        let contents = memory.contents();
        let bus = &contents.events;
        let ids: BTreeSet<_> = bus.iter().map(|event| &event.detail.id).collect();
        prop_assert_eq!(ids.len(), bus.len(), "an event was published twice");
        let mut ordered: Vec<_> = bus.iter().collect();
        ordered.sort_by_key(|event| event.detail.at);
        let connected = ordered.iter().rev().find_map(|event| match event.kind {
            EventKind::Connected => Some(true),
            EventKind::Disconnected => Some(false),
            _ => None,
        });
        prop_assert_eq!(connected, Some(!last.is_empty()));
        if !last.is_empty() {
            let notified: BTreeSet<_> = ordered.last().unwrap().detail.regions.iter().map(ToString::to_string).collect();
            prop_assert_eq!(notified, last.iter().map(ToString::to_string).collect::<BTreeSet<_>>());
        }
    }
}

//! Connections and notification states: conditional writes require the current version.

use std::collections::BTreeMap;

use aws::Member;
use exporter::connection::targets::CheckTargets as _;
use exporter::connection::{Connection, ConnectionStatus, Connections as _, Problem, RegionConnection, RegionStatus};
use exporter::model::provider::ProviderId;
use exporter::notifications::{Event, EventKind, Notifications as _, Notified, OutboxEntry};
use exporter::ports::settings_store::{CheckLog as _, Page};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Place, on_each_emulator};
use crate::ACCOUNT;

/// Maximum number of events in the outbox (`exporter::notifications`).
const WAITING: usize = 80;

on_each_emulator![
    only_one_of_concurrent_checks_is_saved,
    connections_of_a_provider_are_deleted_unless_replaced,
    a_departed_member_is_known_until_it_rejoins,
    the_largest_connection_fits_the_table,
    a_notification_state_is_replaced_only_if_it_is_unchanged,
];

fn connection(checked_at: Timestamp, regions: usize) -> Connection {
    let problem = |text: &str| Problem {
        reason: "hub_not_enabled".to_owned(),
        message: text.repeat(1_000),
        remediation: Some(text.repeat(1_000)),
    };
    let region = |number: usize| {
        let state = RegionConnection {
            status: RegionStatus::HubNotEnabled,
            since: checked_at,
            problem: Some(problem("ü")),
            unavailable_since: Some(checked_at),
            stale_since: None,
        };
        (format!("eu-west-{number}").parse().unwrap(), state)
    };
    let account: asff::AccountId = ACCOUNT.parse().unwrap();
    Connection {
        account,
        provider: account.into(),
        status: ConnectionStatus::Degraded,
        checked_at,
        stale_since: None,
        identity: Some(String::new()),
        problem: Some(problem("p")),
        risks: Vec::new(),
        external_id_check: None,
        regions: (0..regions).map(region).collect::<BTreeMap<_, _>>(),
    }
}

async fn only_one_of_concurrent_checks_is_saved(place: Place) {
    let (cloud, now, account) = (&place.cloud, Timestamp::now(), ACCOUNT.parse().unwrap());
    let first = connection(now, 1);
    assert_eq!(cloud.connection(account).await.unwrap(), None);
    assert!(cloud.save(&first, None).await.unwrap());
    assert!(!cloud.save(&first, None).await.unwrap(), "a connection exists");
    let second = connection(now + SignedDuration::from_secs(1), 2);
    assert!(cloud.save(&second, Some(now)).await.unwrap());
    assert!(!cloud.save(&first, Some(now)).await.unwrap(), "the connection was replaced");
    assert_eq!(cloud.connection(account).await.unwrap(), Some(second.clone()));
    let page = Page { limit: 5, after: None };
    assert_eq!(cloud.connections(&account.into(), &page).await.unwrap().entries, std::slice::from_ref(&second));
    // The provider has no integration, so that its connection is orphaned.
    assert!(cloud.delete_orphaned(&first).await.unwrap());
    assert_eq!(
        cloud.list_connections().await.unwrap(),
        std::slice::from_ref(&second),
        "a newer connection is not deleted"
    );
    assert!(cloud.delete_orphaned(&second).await.unwrap());
    assert_eq!(cloud.list_connections().await.unwrap(), []);
}

async fn connections_of_a_provider_are_deleted_unless_replaced(place: Place) {
    let (cloud, now) = (&place.cloud, Timestamp::now());
    let organization: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
    let of = |number: u64, provider: Option<&ProviderId>| {
        let account: asff::AccountId = format!("{number:012}").parse().unwrap();
        let provider = provider.cloned().unwrap_or_else(|| account.into());
        Connection { account, provider, ..connection(now, 1) }
    };
    for number in 0..40 {
        assert!(cloud.save(&of(number, Some(&organization).filter(|_| number > 0)), None).await.unwrap());
    }
    let mut seen = cloud.stored_connections().await.unwrap();
    assert_eq!(seen.len(), 40);
    let later = Connection { checked_at: now + SignedDuration::from_secs(1), ..of(5, Some(&organization)) };
    assert!(cloud.save(&later, Some(now)).await.unwrap());
    seen.retain(|holding| ["000000000004", "000000000005"].contains(&holding.account.as_str()));
    cloud.delete_outdated(&seen).await.unwrap();
    assert_eq!(
        cloud.list_connections().await.unwrap().len(),
        39,
        "a connection that was replaced in the meantime is not deleted"
    );
    cloud.delete_connections(&organization).await.unwrap();
    assert_eq!(cloud.list_connections().await.unwrap(), [of(0, None)]);
}

async fn a_departed_member_is_known_until_it_rejoins(place: Place) {
    let cloud = &place.cloud;
    let organization: ProviderId = "o-a1b2c3d4e5".parse().unwrap();
    let member = |digit: &str| Member { account: digit.repeat(12).parse().unwrap(), name: None, organization: None };
    let both = [member("1"), member("2")];
    cloud.store_members(&organization, &both).await.unwrap();
    assert!(cloud.former_members(&organization).await.unwrap().is_empty());
    cloud.store_members(&organization, &both[..1]).await.unwrap();
    assert_eq!(cloud.members(&organization).await.unwrap(), [both[0].account]);
    assert_eq!(cloud.former_members(&organization).await.unwrap().into_iter().collect::<Vec<_>>(), [both[1].account]);
    cloud.store_members(&organization, &both).await.unwrap();
    assert_eq!(cloud.members(&organization).await.unwrap().len(), 2);
    assert!(cloud.former_members(&organization).await.unwrap().is_empty());
}

async fn the_largest_connection_fits_the_table(place: Place) {
    let largest = connection(Timestamp::now(), 60);
    assert!(place.cloud.save(&largest, None).await.unwrap());
    assert_eq!(place.cloud.list_connections().await.unwrap(), [largest]);
}

async fn a_notification_state_is_replaced_only_if_it_is_unchanged(place: Place) {
    let (cloud, account) = (&place.cloud, ACCOUNT.parse().unwrap());
    let sample: Value =
        serde_json::from_str(include_str!("../../../../../events/emitted/region-unavailable.json")).unwrap();
    let mut event =
        Event { kind: EventKind::RegionUnavailable, detail: serde_json::from_value(sample["detail"].clone()).unwrap() };
    (event.detail.message, event.detail.remediation) = ("m".repeat(1_200), "f".repeat(1_000));
    let waiting = OutboxEntry { event, until: Timestamp::now() };
    let first = Notified { connected: Some(true), waiting: vec![waiting; WAITING], ..Notified::default() };
    assert!(cloud.write_notified(account, &first, 0).await.unwrap());
    assert!(!cloud.write_notified(account, &Notified::default(), 0).await.unwrap());
    assert_eq!(cloud.notified(account).await.unwrap(), (first, 1));
    assert!(cloud.write_notified(account, &Notified::default(), 1).await.unwrap());
    assert!(!cloud.write_notified(account, &Notified::default(), 1).await.unwrap());
    assert_eq!(cloud.notified(account).await.unwrap(), (Notified::default(), 2));
}

//! What checks find and what is published of it: the later writer must have seen what is there.

use std::collections::BTreeMap;

use exporter::connection::{Connection, ConnectionStatus, Connections as _, Problem, RegionConnection, RegionStatus};
use exporter::registry::{CheckLog as _, Page};
use exporter::telling::{Event, EventKind, Telling as _, Told, Waiting};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Place, on_each_emulator};
use crate::ACCOUNT;

/// Events that may wait (`exporter::telling`).
const WAITING: usize = 80;

on_each_emulator![
    of_checks_at_the_same_time_one_is_kept,
    the_largest_connection_fits_the_table,
    what_was_published_is_replaced_only_while_it_is_what_was_read,
];

fn connection(checked_at: Timestamp, regions: usize) -> Connection {
    let problem = |text: &str| Problem {
        reason: "hub_not_enabled".to_owned(),
        message: text.repeat(1_000),
        mend: Some(text.repeat(1_000)),
    };
    let region = |number: usize| {
        let state = RegionConnection {
            status: RegionStatus::HubNotEnabled,
            since: checked_at,
            problem: Some(problem("ü")),
            lost_at: Some(checked_at),
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

async fn of_checks_at_the_same_time_one_is_kept(place: Place) {
    let (cloud, now, account) = (&place.cloud, Timestamp::now(), ACCOUNT.parse().unwrap());
    let first = connection(now, 1);
    assert_eq!(cloud.connection(account).await.unwrap(), None);
    assert!(cloud.keep(&first, None).await.unwrap());
    assert!(!cloud.keep(&first, None).await.unwrap(), "there is one");
    let second = connection(now + SignedDuration::from_secs(1), 2);
    assert!(cloud.keep(&second, Some(now)).await.unwrap());
    assert!(!cloud.keep(&first, Some(now)).await.unwrap(), "there is another");
    assert_eq!(cloud.connection(account).await.unwrap(), Some(second.clone()));
    let page = Page { limit: 5, after: None };
    assert_eq!(cloud.connections(&account.into(), &page).await.unwrap().entries, [second]);
    cloud.forget_connection(account).await.unwrap();
    cloud.forget_connection(account).await.unwrap();
    assert_eq!(cloud.list_connections().await.unwrap(), []);
}

async fn the_largest_connection_fits_the_table(place: Place) {
    let largest = connection(Timestamp::now(), 60);
    assert!(place.cloud.keep(&largest, None).await.unwrap());
    assert_eq!(place.cloud.list_connections().await.unwrap(), [largest]);
}

async fn what_was_published_is_replaced_only_while_it_is_what_was_read(place: Place) {
    let (cloud, account) = (&place.cloud, ACCOUNT.parse().unwrap());
    let sample: Value = serde_json::from_str(include_str!("../../../../../events/told/region-lost.json")).unwrap();
    let mut event =
        Event { kind: EventKind::RegionLost, detail: serde_json::from_value(sample["detail"].clone()).unwrap() };
    (event.detail.message, event.detail.mend) = ("m".repeat(1_200), "f".repeat(1_000));
    let waiting = Waiting { event, until: Timestamp::now() };
    let first = Told { connected: Some(true), waiting: vec![waiting; WAITING], ..Told::default() };
    assert!(cloud.write_told(account, &first, 0).await.unwrap());
    assert!(!cloud.write_told(account, &Told::default(), 0).await.unwrap());
    assert_eq!(cloud.told(account).await.unwrap(), (first, 1));
    assert!(cloud.write_told(account, &Told::default(), 1).await.unwrap());
    assert!(!cloud.write_told(account, &Told::default(), 1).await.unwrap());
    assert_eq!(cloud.told(account).await.unwrap(), (Told::default(), 2));
}

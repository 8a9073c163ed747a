//! Notifications: each change of a connection and each missing scan becomes one event.
//!
//! The notification state of an account ([`Notified`]) and its outbox of unsent events are saved in the same write; an event
//! stays in the outbox until the bus has accepted it. A change is therefore published once even if checks repeat or overlap,
//! and it isn't lost if a check dies: after `SEND_BUDGET`, another check sends the event. Only a check that dies after it
//! sent an event and before it recorded that causes the event to be sent again, with the same [`Detail::id`].

mod coverage;
mod event;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use asff::{AccountId, RegionName};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::coverage::{Coverage, publish_coverage};
pub use self::event::{Detail, Event, EventKind, SOURCE};
pub use self::source::{Unauthorized, publish_unauthorized};
use crate::connection::{Connection, ConnectionStatus, RegionStatus};
use crate::model::schedule::Schedule;
use crate::ports::PortError;

/// Time in which only the check that saved an event sends it; after that, another check does. Longer than a send with all
/// its retries.
const SEND_BUDGET: SignedDuration = SignedDuration::from_mins(5);
/// Maximum number of unsent events of one account: two for each Region. The oldest are dropped.
const OUTBOX_MAX: usize = 80;
/// Number of attempts to save the notification state while other checks of the account save it too.
const WRITE_ATTEMPTS_MAX: usize = 5;

/// The notification state of an account: what was published about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// Whether the account was last published as connected. `None` if nothing was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// The Regions that were published as available while the account was last connected.
    #[serde(default)]
    pub regions: BTreeSet<RegionName>,
    /// Since when scans are expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Timestamp>,
    /// The schedule according to which scans are expected since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// When the scan was due that was published as missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Timestamp>,
    /// The services whose coverage was published as lost, by Region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncovered: BTreeMap<RegionName, BTreeSet<String>>,
    /// When the run ended whose coverage was published last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_at: Option<Timestamp>,
    /// The sources that were published as not authorized, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Timestamp>,
    /// The outbox: events that the bus has not accepted yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<OutboxEntry>,
}

/// An event in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The event.
    pub event: Event,
    /// Until then, only the check that saved the event sends it.
    pub until: Timestamp,
}

/// The findings of a connection check.
#[derive(Clone, Copy, Debug)]
pub struct StatusChanges<'a> {
    /// The verdict of the check.
    pub connection: &'a Connection,
    /// The schedule of the account's scans. `None` if its scans have no schedule.
    pub schedule: Option<&'a Schedule>,
    /// Since when scans are exported: when the integration was created or enabled. `None` if unknown.
    pub exported_since: Option<Timestamp>,
    /// The time of the account's newest scan.
    pub newest_scan: Option<Timestamp>,
    /// When a scan of the account was last exported completely.
    pub exported_at: Option<Timestamp>,
    /// The time now.
    pub now: Timestamp,
}

/// The result of [`publish_status_changes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedChanges {
    /// The events that the bus accepted.
    pub events: Vec<Event>,
    /// When the export was due that is missing: no scan was uploaded, or no export completed.
    pub export_due_at: Option<Timestamp>,
}

/// Stores the notification state and publishes events.
pub trait Notifications {
    /// The notification state of an account, and a number that changes with each write. Read consistently.
    fn notified(&self, account: AccountId) -> impl Future<Output = Result<(Notified, u64), PortError>> + Send;

    /// Writes the notification state if the number is unchanged. Returns false if it is not.
    fn write_notified(
        &self,
        account: AccountId,
        notified: &Notified,
        number: u64,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Sends events to the bus. Returns the indexes of the events that the bus accepted. The implementation retries only
    /// those that were not accepted. Fails only if the bus accepted none.
    fn publish(&self, events: &[Event]) -> impl Future<Output = Result<BTreeSet<usize>, PortError>> + Send;
}

/// Publishes the changes since the last publication, and the events that earlier checks could not send.
///
/// # Errors
///
/// If the notification state can't be read or written, or the bus accepts no event: then the next check publishes the
/// changes.
pub async fn publish_status_changes<P: Notifications>(
    ports: &P,
    changes: StatusChanges<'_>,
) -> Result<PublishedChanges, PortError> {
    let (after, events) =
        update_and_publish(ports, changes.connection.account, |before| before.updated(&changes)).await?;
    let due = |schedule: &Schedule| schedule.missing(changes.exported_at, after.waits_since?, changes.now);
    Ok(PublishedChanges { events, export_due_at: changes.schedule.and_then(due) })
}

/// Updates the notification state of an account, sends the events that are due, and removes the ones that the bus accepted
/// from the outbox. Returns the new state and the accepted events.
async fn update_and_publish<P: Notifications>(
    ports: &P,
    account: AccountId,
    change: impl Fn(&Notified) -> (Notified, Vec<Event>) + Sync,
) -> Result<(Notified, Vec<Event>), PortError> {
    for _ in 0..WRITE_ATTEMPTS_MAX {
        let (before, number) = ports.notified(account).await?;
        let (after, mine) = change(&before);
        if after == before {
            return Ok((after, Vec::new()));
        }
        if !ports.write_notified(account, &after, number).await? {
            continue;
        }
        if mine.is_empty() {
            return Ok((after, Vec::new()));
        }
        let accepted = ports.publish(&mine).await?;
        let sent: Vec<_> = mine.into_iter().enumerate().filter(|(index, _)| accepted.contains(index)).collect();
        let sent: Vec<_> = sent.into_iter().map(|(_, event)| event).collect();
        remove_sent(ports, account, &sent).await?;
        return Ok((after, sent));
    }
    Err(contended(account))
}

/// Removes sent events from the outbox.
async fn remove_sent<P: Notifications>(ports: &P, account: AccountId, sent: &[Event]) -> Result<(), PortError> {
    for _ in 0..WRITE_ATTEMPTS_MAX {
        let (mut notified, number) = ports.notified(account).await?;
        let waited = notified.waiting.len();
        notified.waiting.retain(|waiting| !sent.iter().any(|event| event.detail.id == waiting.event.detail.id));
        if notified.waiting.len() == waited || ports.write_notified(account, &notified, number).await? {
            return Ok(());
        }
    }
    Err(contended(account))
}

fn contended(account: AccountId) -> PortError {
    PortError {
        action: format!("save the notification state of account {account}"),
        message: format!("other checks saved it {WRITE_ATTEMPTS_MAX} times in the meantime"),
    }
}

impl Notified {
    /// The state after these changes, and the events that the caller must send.
    fn updated(&self, changes: &StatusChanges<'_>) -> (Self, Vec<Event>) {
        let mut after = self.clone();
        let mut events = after.connection_changed(changes.connection);
        events.extend(after.scan_missed(changes));
        after.enqueue(events, changes.now)
    }

    /// Adds new events to the outbox. Returns the new state and the events that the caller must send.
    fn enqueue(self, mut events: Vec<Event>, now: Timestamp) -> (Self, Vec<Event>) {
        let mut after = self;
        let until = now.checked_add(SEND_BUDGET).unwrap_or(Timestamp::MAX);
        // Events that another check saved and did not send in time are now sent by this one.
        let mut mine = Vec::new();
        for waiting in &mut after.waiting {
            if waiting.until <= now {
                waiting.until = until;
                mine.push(waiting.event.clone());
            }
        }
        after.waiting.extend(events.iter().map(|event| OutboxEntry { event: event.clone(), until }));
        mine.append(&mut events);
        let too_many = after.waiting.len().saturating_sub(OUTBOX_MAX);
        for dropped in after.waiting.drain(..too_many) {
            tracing::warn!(
                event.id = dropped.event.detail.id,
                "event dropped: the event bus did not accept it in time"
            );
        }
        (after, mine)
    }

    fn connection_changed(&mut self, connection: &Connection) -> Vec<Event> {
        let connected = connection.status != ConnectionStatus::Disconnected;
        let was_connected = self.connected.replace(connected);
        if !connected {
            let changes = was_connected != Some(false);
            return changes.then(|| Event::disconnected(connection)).into_iter().collect();
        }
        let accepts = |region: &RegionName| {
            connection.regions.get(region).is_some_and(|found| found.status == RegionStatus::Enabled)
        };
        let now: BTreeSet<RegionName> = connection.regions.keys().filter(|region| accepts(region)).copied().collect();
        // A Region that the settings exclude was not checked, and is not lost.
        let is_checked = |region: &&RegionName| connection.regions.contains_key(region);
        let lost = self
            .regions
            .difference(&now)
            .filter(is_checked)
            .map(|region| Event::region_unavailable(connection, *region));
        let mut events: Vec<_> = lost.collect();
        if was_connected == Some(true) {
            events.extend(now.difference(&self.regions).map(|region| Event::region_available(connection, *region)));
        } else {
            // This event lists all Regions, so events for the new ones would only repeat it.
            events.insert(0, Event::connected(connection));
        }
        self.regions = now;
        events
    }

    fn scan_missed(&mut self, changes: &StatusChanges<'_>) -> Option<Event> {
        let Some(schedule) = changes.schedule else {
            (self.waits_since, self.schedule, self.missing) = (None, None, None);
            return None;
        };
        // After a change of the schedule, and after a time without an integration, earlier due times no longer count.
        let waits = self.waits_since.filter(|since| {
            self.schedule.as_deref() == Some(schedule.as_str())
                && changes.exported_since.is_none_or(|exported| exported <= *since)
        });
        if waits.is_none() {
            (self.schedule, self.missing) = (Some(schedule.as_str().to_owned()), None);
        }
        let since = waits.unwrap_or(changes.now);
        self.waits_since = Some(since);
        let due = schedule.missing(changes.newest_scan, since, changes.now);
        // Of consecutive missing scans, only the first is published.
        let notified = self.missing;
        self.missing = due.map(|due| notified.unwrap_or(due));
        let due = due.filter(|_| notified.is_none())?;
        Some(Event::scan_missing(changes.connection, schedule, due, changes.newest_scan, changes.now))
    }
}

#[cfg(test)]
mod tests;

//! Telling: a change of a connection, or a scan that did not come, becomes an event, once.
//!
//! What was told of an account is kept ([`Notified`]), and each event is kept with it, in the same write, until the bus took it.
//! So a change is told once even where checks repeat or overlap, and is not lost where one dies: another sends it after
//! `SEND_BUDGET`. Only a check that dies between sending and noting it makes the same event (by [`Detail::id`]) twice.

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
use crate::ports::PortError;
use crate::schedule::Schedule;

/// Time in which a check sends the events that it wrote down; then they are another's. Longer than a send with all retries.
const SEND_BUDGET: SignedDuration = SignedDuration::from_mins(5);
/// Events of one account that wait to be sent, at most: all Regions, twice. The oldest fall out.
const OUTBOX_MAX: usize = 80;
/// Tries to write what was told while other checks of the account write as well.
const WRITE_ATTEMPTS_MAX: usize = 5;

/// What was told of an account so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// Whether the account was said to be connected. None: nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// The Regions that were said to accept findings, when it was connected last.
    #[serde(default)]
    pub regions: BTreeSet<RegionName>,
    /// Since when we wait for scans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Timestamp>,
    /// The schedule by which we wait since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The scan that was said to be missing, by the time it was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Timestamp>,
    /// The services, by Region, whose coverage was said to be lost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncovered: BTreeMap<RegionName, BTreeSet<String>>,
    /// When the run ended whose coverage was published last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_at: Option<Timestamp>,
    /// The sources that were said not to be authorized, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Timestamp>,
    /// Events that the bus did not take yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<OutboxEntry>,
}

/// An event that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The event.
    pub event: Event,
    /// Until then the check that wrote it sends it, and nobody else.
    pub until: Timestamp,
}

/// What a check brings.
#[derive(Clone, Copy, Debug)]
pub struct StatusChanges<'a> {
    /// The verdict on an account.
    pub connection: &'a Connection,
    /// When its scans are due. None: whenever they like.
    pub schedule: Option<&'a Schedule>,
    /// Since when scans are exported: since its integration was created or enabled, as far as that is known.
    pub exported_since: Option<Timestamp>,
    /// The time of its newest scan.
    pub newest_scan: Option<Timestamp>,
    /// When a scan of it was last exported completely.
    pub exported_at: Option<Timestamp>,
    /// The time now.
    pub now: Timestamp,
}

/// The result of [`publish_status_changes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedChanges {
    /// The events that the bus accepted.
    pub events: Vec<Event>,
    /// When an export was due that is missing now: no scan came, or the exports of those that came did not complete.
    pub export_due_at: Option<Timestamp>,
}

/// Remembers what was told, and tells.
pub trait Notifications {
    /// What was told of an account, and a number that changes with each write; read consistently.
    fn notified(&self, account: AccountId) -> impl Future<Output = Result<(Notified, u64), PortError>> + Send;

    /// Writes what was told, if the number is still the same. False, if it is not.
    fn write_notified(
        &self,
        account: AccountId,
        notified: &Notified,
        number: u64,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Puts events on the bus and says which it took, by their place. Retried by the implementer, those alone that were not
    /// taken. An error only where none was.
    fn publish(&self, events: &[Event]) -> impl Future<Output = Result<BTreeSet<usize>, PortError>> + Send;
}

/// Tells what changed since it was told last, and what earlier checks could not tell.
///
/// # Errors
///
/// When what was told can't be read or written, or the bus takes nothing: the next check tells it.
pub async fn publish_status_changes<P: Notifications>(
    ports: &P,
    changes: StatusChanges<'_>,
) -> Result<PublishedChanges, PortError> {
    let (after, events) =
        update_and_publish(ports, changes.connection.account, |before| before.updated(&changes)).await?;
    let due = |schedule: &Schedule| schedule.missing(changes.exported_at, after.waits_since?, changes.now);
    Ok(PublishedChanges { events, export_due_at: changes.schedule.and_then(due) })
}

/// Writes what an account's notifications become, publishes the events that this makes due, and notes which the bus took. The
/// notifications, and the events that the bus took.
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
        let taken = ports.publish(&mine).await?;
        let sent: Vec<_> = mine.into_iter().enumerate().filter(|(place, _)| taken.contains(place)).collect();
        let sent: Vec<_> = sent.into_iter().map(|(_, event)| event).collect();
        remove_sent(ports, account, &sent).await?;
        return Ok((after, sent));
    }
    Err(contended(account))
}

/// Takes events that were sent from those that wait.
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
        action: format!("write down what was told of account {account}"),
        message: format!("other checks wrote it {WRITE_ATTEMPTS_MAX} times meanwhile"),
    }
}

impl Notified {
    /// What will have been told after these news, and the events that the caller must send.
    fn updated(&self, changes: &StatusChanges<'_>) -> (Self, Vec<Event>) {
        let mut after = self.clone();
        let mut events = after.connection_changed(changes.connection);
        events.extend(after.scan_missed(changes));
        after.enqueue(events, changes.now)
    }

    /// Puts new events in the outbox. With it, the events that the caller must send.
    fn enqueue(self, mut events: Vec<Event>, now: Timestamp) -> (Self, Vec<Event>) {
        let mut after = self;
        let until = now.checked_add(SEND_BUDGET).unwrap_or(Timestamp::MAX);
        // What another wrote and did not send in time is ours now.
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
        for lost in after.waiting.drain(..too_many) {
            tracing::warn!(event.id = lost.event.detail.id, "event dropped: the bus took none for too long");
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
        // A Region that was not looked at, since the settings leave it out, is not lost.
        let looked_at = |region: &&RegionName| connection.regions.contains_key(region);
        let lost = self
            .regions
            .difference(&now)
            .filter(looked_at)
            .map(|region| Event::region_unavailable(connection, *region));
        let mut events: Vec<_> = lost.collect();
        if was_connected == Some(true) {
            events.extend(now.difference(&self.regions).map(|region| Event::region_available(connection, *region)));
        } else {
            // It names all Regions; what of them is new would only repeat it.
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
        // By another schedule, or after a time without an integration, scans were due that nobody waited for.
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
        // Once for a row of scans that do not come: the first of them is what is told.
        let notified = self.missing;
        self.missing = due.map(|due| notified.unwrap_or(due));
        let due = due.filter(|_| notified.is_none())?;
        Some(Event::scan_missing(changes.connection, schedule, due, changes.newest_scan, changes.now))
    }
}

#[cfg(test)]
mod tests;

//! Notifications: events on the account's default bus. The table records what was published, so that each change is published
//! once.

use std::collections::BTreeSet;
use std::time::Duration;

use asff::AccountId;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::DateTime;
use backon::{ExponentialBuilder, RetryableWithContext as _};
use exporter::notifications::{Event, Notifications, Notified, SOURCE};
use exporter::ports::PortError;

use crate::Cloud;
use crate::dynamodb::item::{get, get_number, number, text, to_attribute};
use crate::errors::{failure, is_written, port_error};

/// Partition of the notification states.
const PARTITION: &str = "notification";
/// Action in error messages.
const PUT_EVENTS: &str = "put events on the default bus";
/// Maximum number of entries per call (EventBridge API, `PutEvents`).
const ENTRIES_MAX: usize = 10;
/// Maximum number of retries of entries that a successful call rejected. Failed calls are retried by the SDK.
const RETRIES_MAX: usize = 3;
/// Delay before the first retry; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

impl Notifications for Cloud {
    async fn notified(&self, account: AccountId) -> Result<(Notified, u64), PortError> {
        let action = || format!("read the notification state of account {account}");
        let request = self.dynamodb.get_item().table_name(&self.names.table).consistent_read(true);
        let response = request.key("pk", text(PARTITION)).key("sk", text(account.as_str())).send().await;
        let response = response.map_err(|error| port_error(action(), &error))?;
        let Some(item) = response.item else { return Ok((Notified::default(), 0)) };
        let notified = get(&item, "notified").map_err(|error| failure(action(), error))?;
        Ok((notified, get_number(&item, "version").and_then(|number| u64::try_from(number).ok()).unwrap_or_default()))
    }

    async fn write_notified(&self, account: AccountId, notified: &Notified, before: u64) -> Result<bool, PortError> {
        let action = || format!("save the notification state of account {account}");
        let notified = to_attribute(notified).map_err(|error| failure(action(), error))?;
        let version = |version: u64| number(i64::try_from(version).unwrap_or(i64::MAX));
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.names.table)
            .item("pk", text(PARTITION))
            .item("sk", text(account.as_str()))
            .item("notified", notified)
            .item("version", version(before.saturating_add(1)));
        let request = match before {
            0 => request.condition_expression("attribute_not_exists(pk)"),
            _ => request
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", version(before)),
        };
        is_written(request.send().await, action)
    }

    async fn publish(&self, events: &[Event]) -> Result<BTreeSet<usize>, PortError> {
        let mut published = BTreeSet::new();
        let mut rejection = None;
        let all: Vec<usize> = (0..events.len()).collect();
        for indexes in all.chunks(ENTRIES_MAX) {
            let backoff = ExponentialBuilder::new().with_min_delay(PAUSE).with_max_times(RETRIES_MAX);
            let attempt = |rest: Vec<usize>| self.put_events(events, rest);
            let is_rejected = |error: &PutError| matches!(error, PutError::Rejected(_));
            let (rest, put) = attempt.retry(backoff).context(indexes.to_vec()).when(is_rejected).await;
            published.extend(indexes.iter().filter(|index| !rest.contains(index)));
            match put {
                Ok(()) => {}
                Err(PutError::Rejected(reason)) => rejection = Some(reason),
                Err(PutError::Failed(error)) if published.is_empty() => return Err(error),
                Err(PutError::Failed(_)) => return Ok(published),
            }
        }
        match rejection {
            Some(message) if published.is_empty() => Err(failure(PUT_EVENTS, message)),
            _ => Ok(published),
        }
    }
}

/// Why events were not published.
enum PutError {
    /// EventBridge rejected entries. The value is the reason for the first one.
    Rejected(String),
    /// The call failed after the SDK's retries.
    Failed(PortError),
}

impl Cloud {
    /// Puts the events with these indexes on the bus in one call. Returns the indexes that remain.
    async fn put_events(&self, events: &[Event], indexes: Vec<usize>) -> (Vec<usize>, Result<(), PutError>) {
        let client = self.eventbridge.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.config));
        let entries: Result<Vec<_>, _> = indexes.iter().filter_map(|index| events.get(*index)).map(entry).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return (indexes, Err(PutError::Failed(error))),
        };
        let response = match client.put_events().set_entries(Some(entries)).send().await {
            Ok(response) => response,
            Err(error) => return (indexes, Err(PutError::Failed(port_error(PUT_EVENTS, &error)))),
        };
        let mut rest = indexes;
        let mut rejection = None;
        let mut results = response.entries().iter();
        rest.retain(|_| match results.next() {
            Some(entry) if entry.event_id().is_some() && entry.error_code().is_none() => false,
            Some(entry) => {
                let reason = entry.error_message().unwrap_or("no error message");
                rejection = Some(format!("{}: {reason}", entry.error_code().unwrap_or("rejected")));
                true
            }
            None => true,
        });
        let missing = || "no error message".to_owned();
        let result = if rest.is_empty() { Ok(()) } else { Err(PutError::Rejected(rejection.unwrap_or_else(missing))) };
        (rest, result)
    }
}

fn entry(event: &Event) -> Result<PutEventsRequestEntry, PortError> {
    let detail = serde_json::to_string(&event.detail).map_err(|error| failure(PUT_EVENTS, error))?;
    let entry = PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(event.kind.as_str())
        .time(DateTime::from_millis(event.detail.at.as_millisecond()))
        .detail(detail);
    Ok(entry.build())
}

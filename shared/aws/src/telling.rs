//! Telling: events on the account's default bus, and what was told in the table, so that it is told once.

use std::collections::BTreeSet;
use std::time::Duration;

use asff::AccountId;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::DateTime;
use exporter::ports::PortError;
use exporter::telling::{Event, SOURCE, Telling, Told};

use crate::Cloud;
use crate::errors::port_error;
use crate::item::{ItemError, from_attribute, get_number, number, text, to_attribute};

/// The partition of what was told.
const PARTITION: &str = "told";
/// Entries of one call (EventBridge API, `PutEvents`).
const ENTRIES_MAX: usize = 10;
/// Calls for the same events. The SDK retries a call that fails; what a call that succeeded did not take is ours to retry.
const ATTEMPTS_MAX: u32 = 4;
/// The first pause before what was not taken is put again; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

impl Telling for Cloud {
    async fn told(&self, account: AccountId) -> Result<(Told, u64), PortError> {
        let action = || format!("read what was told of account {account}");
        let request = self.dynamodb.get_item().table_name(&self.names.table).consistent_read(true);
        let answer = request.key("pk", text(PARTITION)).key("sk", text(account.as_str())).send().await;
        let answer = answer.map_err(|error| port_error(action(), &error))?;
        let Some(item) = answer.item else { return Ok((Told::default(), 0)) };
        let told = item.get("told").ok_or(ItemError::Missing("told")).and_then(from_attribute);
        let told = told.map_err(|error| PortError { action: action(), message: error.to_string() })?;
        Ok((told, get_number(&item, "version").and_then(|number| u64::try_from(number).ok()).unwrap_or_default()))
    }

    async fn write_told(&self, account: AccountId, told: &Told, before: u64) -> Result<bool, PortError> {
        let action = || format!("write down what was told of account {account}");
        let told = to_attribute(told).map_err(|error| PortError { action: action(), message: error.to_string() })?;
        let version = |version: u64| number(i64::try_from(version).unwrap_or(i64::MAX));
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.names.table)
            .item("pk", text(PARTITION))
            .item("sk", text(account.as_str()))
            .item("told", told)
            .item("version", version(before.saturating_add(1)));
        let request = match before {
            0 => request.condition_expression("attribute_not_exists(pk)"),
            _ => request
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", version(before)),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(port_error(action(), &error)),
        }
    }

    async fn publish(&self, events: &[Event]) -> Result<BTreeSet<usize>, PortError> {
        let mut taken = BTreeSet::new();
        let mut refusal = None;
        let all: Vec<usize> = (0..events.len()).collect();
        for places in all.chunks(ENTRIES_MAX) {
            let mut rest = places.to_vec();
            for attempt in 0..ATTEMPTS_MAX {
                if attempt > 0 {
                    tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
                }
                match self.put_events(events, &rest).await {
                    Ok((put, refused)) => {
                        taken.extend(rest.iter().filter(|place| put.contains(place)));
                        rest.retain(|place| !put.contains(place));
                        refusal = refused.or(refusal);
                    }
                    // The SDK has retried it.
                    Err(error) if taken.is_empty() => return Err(error),
                    Err(_) => return Ok(taken),
                }
                if rest.is_empty() {
                    break;
                }
            }
        }
        match refusal {
            Some(refusal) if taken.is_empty() => {
                Err(PortError { action: "put events on the default bus".to_owned(), message: refusal })
            }
            _ => Ok(taken),
        }
    }
}

impl Cloud {
    /// One call: which of the events at these places the bus took, and why it did not take one of the others.
    async fn put_events(
        &self,
        events: &[Event],
        places: &[usize],
    ) -> Result<(BTreeSet<usize>, Option<String>), PortError> {
        const ACTION: &str = "put events on the default bus";
        let client = self.eventbridge.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.config));
        let mut entries = Vec::with_capacity(places.len());
        for event in places.iter().filter_map(|place| events.get(*place)) {
            let detail = serde_json::to_string(&event.detail)
                .map_err(|error| PortError { action: ACTION.to_owned(), message: error.to_string() })?;
            let entry = PutEventsRequestEntry::builder()
                .source(SOURCE)
                .detail_type(event.kind.as_str())
                .time(DateTime::from_millis(event.detail.at.as_millisecond()))
                .detail(detail);
            entries.push(entry.build());
        }
        let answer = client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| port_error(ACTION, &error))?;
        let mut refusal = None;
        let mut taken = BTreeSet::new();
        for (place, entry) in places.iter().zip(answer.entries()) {
            match (entry.event_id(), entry.error_code()) {
                (Some(_), None) => {
                    taken.insert(*place);
                }
                (_, code) => {
                    let words = entry.error_message().unwrap_or("no reason was given");
                    refusal = Some(format!("{}: {words}", code.unwrap_or("refused")));
                }
            }
        }
        Ok((taken, refusal))
    }
}

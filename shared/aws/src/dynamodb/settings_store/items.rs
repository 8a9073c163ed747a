//! Items of providers, integrations, and idempotency records.

use aws_sdk_dynamodb::types::AttributeValue;
use exporter::ports::settings_store::{IdempotencyRecord, Stored};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::item::{Item, ItemError, get, get_number, get_text, number, text, to_attribute};

/// Partition of all providers.
pub(crate) const PROVIDERS: &str = "provider";
/// Partition of all integrations.
pub(crate) const INTEGRATIONS: &str = "integration";
/// Partition of idempotency records.
pub(crate) const IDEMPOTENCY_RECORDS: &str = "request";

/// An item with its keys and attributes.
pub(crate) fn keyed(
    partition: &str,
    key: &str,
    rest: impl IntoIterator<Item = (&'static str, AttributeValue)>,
) -> Item {
    let keys = [("pk", text(partition)), ("sk", text(key))];
    keys.into_iter().chain(rest).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Converts a provider or an integration to an item.
pub(crate) fn to_item<T: Serialize>(partition: &str, key: &str, stored: &Stored<T>) -> Result<Item, ItemError> {
    let Stored { value, version, created_at, updated_at, updated_by, last_applied } = stored;
    let last_applied = last_applied.as_ref().map(to_attribute).transpose()?;
    let rest = [
        ("settings", to_attribute(value)?),
        ("version", number(i64::try_from(*version).unwrap_or(i64::MAX))),
        ("created_at", text(created_at.to_string())),
        ("updated_at", text(updated_at.to_string())),
        ("updated_by", text(updated_by)),
    ];
    Ok(keyed(partition, key, rest.into_iter().chain(last_applied.map(|last_applied| ("last_applied", last_applied)))))
}

/// Converts an item to a provider or an integration.
pub(crate) fn stored<T: DeserializeOwned>(item: &Item) -> Result<Stored<T>, ItemError> {
    let time = |name| get_text(item, name).and_then(|time| time.parse::<Timestamp>().ok());
    let created_at = time("created_at").unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Stored {
        value: get(item, "settings")?,
        version: get_number(item, "version").and_then(|version| u64::try_from(version).ok()).unwrap_or_default(),
        created_at,
        updated_at: time("updated_at").unwrap_or(created_at),
        updated_by: get_text(item, "updated_by").unwrap_or_default().to_owned(),
        last_applied: item.contains_key("last_applied").then(|| get(item, "last_applied")).transpose()?,
    })
}

/// Converts an idempotency record to an item with an expiration time.
pub(crate) fn idempotency_item(idempotency_record: &IdempotencyRecord) -> Item {
    let rest = [
        ("fingerprint", text(&idempotency_record.fingerprint)),
        ("made", text(idempotency_record.made.as_str())),
        ("expires_at", number(idempotency_record.until.as_second())),
    ];
    keyed(IDEMPOTENCY_RECORDS, &idempotency_record.key, rest)
}

/// Converts an item to an idempotency record.
pub(crate) fn idempotency_record(key: &str, item: &Item) -> Result<IdempotencyRecord, ItemError> {
    let until = get_number(item, "expires_at").and_then(|second| Timestamp::from_second(second).ok());
    Ok(IdempotencyRecord {
        key: key.to_owned(),
        fingerprint: get_text(item, "fingerprint").unwrap_or_default().to_owned(),
        made: get_text(item, "made").and_then(|id| id.parse().ok()).ok_or(ItemError::Missing("made"))?,
        until: until.ok_or(ItemError::Missing("expires_at"))?,
    })
}

//! The items of providers, integrations and remembered requests.

use aws_sdk_dynamodb::types::AttributeValue;
use exporter::registry::{IdempotencyRecord, Stored};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::item::{Item, ItemError, get, get_number, get_text, number, text, to_attribute};

/// The partition of all providers.
pub(crate) const PROVIDERS: &str = "provider";
/// The partition of all integrations.
pub(crate) const INTEGRATIONS: &str = "integration";
/// The partition of requests that can be sent again.
pub(crate) const REMEMBERED: &str = "request";

/// An item from its parts.
pub(crate) fn keyed(
    partition: &str,
    key: &str,
    rest: impl IntoIterator<Item = (&'static str, AttributeValue)>,
) -> Item {
    let keys = [("pk", text(partition)), ("sk", text(key))];
    keys.into_iter().chain(rest).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The item of a provider or an integration.
pub(crate) fn to_item<T: Serialize>(partition: &str, key: &str, stored: &Stored<T>) -> Result<Item, ItemError> {
    let Stored { value, version, created_at, updated_at, updated_by, declared } = stored;
    let declared = declared.as_ref().map(to_attribute).transpose()?;
    let rest = [
        ("settings", to_attribute(value)?),
        ("version", number(i64::try_from(*version).unwrap_or(i64::MAX))),
        ("created_at", text(created_at.to_string())),
        ("updated_at", text(updated_at.to_string())),
        ("updated_by", text(updated_by)),
    ];
    Ok(keyed(partition, key, rest.into_iter().chain(declared.map(|declared| ("declared", declared)))))
}

/// A provider or an integration of an item.
pub(crate) fn stored<T: DeserializeOwned>(item: &Item) -> Result<Stored<T>, ItemError> {
    let time = |name| get_text(item, name).and_then(|time| time.parse::<Timestamp>().ok());
    let created_at = time("created_at").unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Stored {
        value: get(item, "settings")?,
        version: get_number(item, "version").and_then(|version| u64::try_from(version).ok()).unwrap_or_default(),
        created_at,
        updated_at: time("updated_at").unwrap_or(created_at),
        updated_by: get_text(item, "updated_by").unwrap_or_default().to_owned(),
        declared: item.contains_key("declared").then(|| get(item, "declared")).transpose()?,
    })
}

/// The item of a request that can be sent again; the table forgets it.
pub(crate) fn of_remembered(idempotency_record: &IdempotencyRecord) -> Item {
    let rest = [
        ("fingerprint", text(&idempotency_record.fingerprint)),
        ("made", text(idempotency_record.made.as_str())),
        ("expires_at", number(idempotency_record.until.as_second())),
    ];
    keyed(REMEMBERED, &idempotency_record.key, rest)
}

/// A request of an item.
pub(crate) fn idempotency_record(key: &str, item: &Item) -> Result<IdempotencyRecord, ItemError> {
    let until = get_number(item, "expires_at").and_then(|second| Timestamp::from_second(second).ok());
    Ok(IdempotencyRecord {
        key: key.to_owned(),
        fingerprint: get_text(item, "fingerprint").unwrap_or_default().to_owned(),
        made: get_text(item, "made").and_then(|id| id.parse().ok()).ok_or(ItemError::Missing("made"))?,
        until: until.ok_or(ItemError::Missing("expires_at"))?,
    })
}

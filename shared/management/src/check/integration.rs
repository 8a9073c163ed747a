//! Validates integrations.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use asff::{RegionName, Regions};
use exporter::model::integration::{Integration, SETTINGS, Setting, SettingKind};
use exporter::model::provider::ProviderId;
use exporter::model::scan_source::{PREFIX_BYTES_MAX, SOURCES_MAX, ScanSource};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::provider::ID_FORM;
use super::{Errors, Settings};
use crate::problem::ApiError;
use crate::wire::IntegrationBody;

/// Maximum number of Regions of an integration; about forty exist.
pub(crate) const REGIONS_MAX: usize = 100;
/// Validates an integration in a body, without its credentials.
///
/// # Errors
///
/// Lists all invalid fields.
pub fn integration(body: &IntegrationBody, deployment: &Settings) -> Result<Integration, ApiError> {
    let mut errors = Errors::default();
    let id = body.provider.parse::<ProviderId>();
    if id.is_err() {
        errors.add("provider", ID_FORM);
    }
    let mut valid = Map::new();
    for setting in SETTINGS {
        let Some(value) = body.settings.get(setting) else { continue };
        if let Some(value) = checked(setting, value, deployment, &mut errors) {
            valid.insert(setting.name.to_owned(), value);
        }
    }
    if let (Some(region), Some(Value::Array(regions))) = (valid.get("fallback_region"), valid.get("regions"))
        && !regions.contains(region)
    {
        errors.add("fallback_region", "must be in `regions`, if that is set");
    }
    let Ok(id) = id else { return Err(errors.into_error()) };
    let valid = errors.into_result(Value::Object(valid))?;
    let settings = serde_json::from_value(valid).map_err(|error| ApiError::Malformed(error.to_string()))?;
    Ok(Integration { settings, ..Integration::new(id) })
}

/// The settings that a patch can change, as a request body.
pub fn patchable_settings(integration: &Integration) -> Value {
    let fields = integration.settings.values().chain([("provider", json!(integration.provider))]);
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The value of a setting in the form that the exporter reads. `None` if the value is invalid; `errors` then has the reason.
fn checked(setting: &Setting, value: &Value, deployment: &Settings, errors: &mut Errors) -> Option<Value> {
    let name = setting.name;
    match &setting.kind {
        SettingKind::Boolean => Some(value.clone()),
        SettingKind::Integer(range) => integer(name, value, range, errors),
        SettingKind::Word(words) => word(name, value, words, errors),
        SettingKind::Region => match region(value.as_str().unwrap_or_default(), deployment) {
            Ok(region) => Some(json!(region)),
            Err(message) => {
                errors.add(name, message);
                None
            }
        },
        SettingKind::Regions => regions(name, value, deployment, errors),
        SettingKind::ScanSources => scan_sources(name, value, errors),
    }
}

/// Validates a number against its range.
fn integer(name: &str, value: &Value, range: &RangeInclusive<u8>, errors: &mut Errors) -> Option<Value> {
    let number = value.as_i64().and_then(|number| u8::try_from(number).ok()).filter(|number| range.contains(number));
    if number.is_none() {
        errors.add(name, format!("must be {} to {}", range.start(), range.end()));
    }
    number.map(Value::from)
}

/// Validates a keyword of a setting.
fn word(name: &str, value: &Value, words: &[&str], errors: &mut Errors) -> Option<Value> {
    let text = value.as_str().unwrap_or_default();
    // Prowler writes severities in lowercase, Security Hub in uppercase.
    let label = text.to_ascii_uppercase();
    let word = words.iter().find(|word| **word == text || **word == label);
    if word.is_none() {
        errors.add(name, format!("must be {}", listed(words)));
    }
    word.map(|word| json!(word))
}

/// Formats words as a list in a sentence: `a or b`, `a, b, or c`.
fn listed(words: &[&str]) -> String {
    match words {
        [one, other] => format!("{one} or {other}"),
        [all @ .., last] => format!("{}, or {last}", all.join(", ")),
        [] => String::new(),
    }
}

fn regions(name: &str, value: &Value, deployment: &Settings, errors: &mut Errors) -> Option<Value> {
    let names: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() || names.len() > REGIONS_MAX {
        errors.add(name, format!("must be 1 to {REGIONS_MAX} Regions, or omitted for every Region"));
        return None;
    }
    let known = Regions::known();
    let mut partitions = BTreeSet::new();
    let mut regions = Vec::new();
    for (index, text) in names.into_iter().enumerate() {
        match region(text, deployment) {
            Ok(region) if regions.contains(&region) => errors.add(&format!("{name}.{index}"), "is a duplicate"),
            Ok(region) => {
                partitions.extend(known.partition_of(region));
                regions.push(region);
            }
            Err(message) => errors.add(&format!("{name}.{index}"), message),
        }
    }
    // If the deployment's partition is unknown, `region` accepts every
    // partition, so that the Regions are compared with each other.
    if partitions.len() > 1 {
        errors.add(name, "must be in one partition: credentials are not valid across partitions");
    }
    Some(json!(regions))
}

fn scan_sources(name: &str, value: &Value, errors: &mut Errors) -> Option<Value> {
    let sources = Vec::<ScanSource>::deserialize(value).unwrap_or_default();
    if sources.is_empty() || sources.len() > SOURCES_MAX {
        errors.add(name, format!("must be 1 to {SOURCES_MAX} sources, or omitted for any"));
        return None;
    }
    for (index, source) in sources.iter().enumerate() {
        let field = format!("{name}.{index}");
        if *source == ScanSource::default() {
            errors.add(&field, "must have a prefix, an uploader_account, or both");
        } else if sources.iter().take(index).any(|earlier| earlier == source) {
            errors.add(&field, "is a duplicate");
        }
        if !source.has_valid_prefix() {
            let form = format!("must be 1 to {PREFIX_BYTES_MAX} bytes, without braces, except in {{account_id}}");
            errors.add(&format!("{field}.prefix"), form);
        }
        if !source.has_valid_uploader() {
            errors.add(&format!("{field}.uploader_account"), "must be a 12-digit account ID, or {account_id}");
        }
    }
    Some(json!(sources))
}

/// Parses a known Region of the deployment's partition. The error is the message for the user.
fn region(name: &str, deployment: &Settings) -> Result<RegionName, String> {
    let no_region = || format!("must be a Region name, for example {}", deployment.example_region());
    let region: RegionName = name.parse().map_err(|_| no_region())?;
    if let Some(message) = deployment.region_mismatch(region) {
        return Err(message);
    }
    Regions::known().get(region).map(|_| region).ok_or_else(no_region)
}

//! Converts the properties of a custom resource to a request body of the API: names become snake case, and strings, which
//! CloudFormation sends for all values, become numbers and booleans. The validation of the API checks the values.

use exporter::model::integration::{Setting, SettingKind};
use serde_json::{Map, Value};

/// Properties that CloudFormation adds.
const RESERVED: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// The request body. Empty strings and lists are omitted, so that a template parameter with an empty default means that the
/// setting is not set.
pub(super) fn request_body(properties: &Map<String, Value>) -> Value {
    let properties = properties.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
    Value::Object(fields(properties))
}

fn fields<'a>(properties: impl Iterator<Item = (&'a String, &'a Value)>) -> Map<String, Value> {
    let named = properties.map(|(name, value)| {
        let name = snake_case(name);
        let value = setting(&name, value);
        (name, value)
    });
    named.filter(|(_, value)| !is_empty(value)).collect()
}

fn setting(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(inner) => Value::Object(fields(inner.iter())),
        Value::Array(values) => {
            let values = values.iter().filter(|value| !is_empty(value));
            Value::Array(values.map(|value| setting(name, value)).collect())
        }
        Value::String(text) if is_boolean(name) => match text.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ => value.clone(),
        },
        Value::String(text) if is_integer(name) => text.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
        _ => value.clone(),
    }
}

fn is_boolean(name: &str) -> bool {
    Setting::named(name).is_some_and(|setting| setting.kind == SettingKind::Boolean)
}

fn is_integer(name: &str) -> bool {
    // A field of a role, not a setting.
    name == "duration_seconds"
        || Setting::named(name).is_some_and(|setting| matches!(setting.kind, SettingKind::Integer(_)))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Converts `ScanSchedule` to `scan_schedule`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Converts `credentials.role.arn` to `Credentials.Role.Arn`.
pub(super) fn property(field: &str) -> String {
    let words = |part: &str| part.split('_').map(capitalize).collect::<String>();
    field.split('.').map(words).collect::<Vec<_>>().join(".")
}

fn capitalize(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_become_numbers_and_booleans() {
        let properties = json!({
            "ServiceToken": "arn", "Provider": "123456789012", "OnlyFailed": "false", "ArchiveLimitPercent": "20",
            "AbsentScans": "3", "PartialScanPercent": "0", "ArchiveScope": "observed",
            "Regions": ["eu-west-1", ""], "SeverityMin": "", "FallbackRegion": null, "Muted": "true",
            "Credentials": {"Kind": "default", "Role": {"Arn": "a", "DurationSeconds": "900", "SessionName": ""}},
            "Enabled": "perhaps",
            "ScanSources": [{"Prefix": "scans/{account_id}/", "UploaderAccount": ""}, {"UploaderAccount": "123456789012"}],
        });
        let expected = json!({
            "provider": "123456789012", "only_failed": false, "archive_limit_percent": 20, "regions": ["eu-west-1"],
            "absent_scans": 3, "partial_scan_percent": 0, "archive_scope": "observed",
            "muted": "true", "credentials": {"kind": "default", "role": {"arn": "a", "duration_seconds": 900}},
            "enabled": "perhaps",
            "scan_sources": [{"prefix": "scans/{account_id}/"}, {"uploader_account": "123456789012"}],
        });
        assert_eq!(request_body(properties.as_object().unwrap()), expected);
        assert_eq!(property("credentials.role.duration_seconds"), "Credentials.Role.DurationSeconds");
        assert_eq!(property("scan_sources.0.uploader_account"), "ScanSources.0.UploaderAccount");
    }
}

//! Converts settings and credentials between forms and the API.

use std::collections::BTreeMap;

use exporter::model::integration::Integration;
use exporter::model::scan_source::ScanSource;
use management::wire::CredentialsKind;
use management::wire::{CredentialsView, IntegrationView, ProviderView};
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::control::Fields;
use super::fields::{Kind, SETTINGS, find};
use crate::form::Form;

/// Capacity that is reserved for a body, in bytes. A buffer that grows would leave copies of a secret in memory.
const BODY_BYTES: usize = 64 * 1024;
/// Settings that belong to the provider.
pub(crate) const OF_PROVIDER: [&str; 2] = ["alias", "scan_schedule"];

/// The initial values of the form of a new integration: the defaults.
pub(crate) fn defaults() -> Fields {
    // The defaults don't depend on the account.
    let id = "000000000000".parse::<asff::AccountId>();
    let settings = id.map(Integration::new).ok().and_then(|settings| serde_json::to_value(settings).ok());
    let mut fields = of_json(settings.as_ref().unwrap_or(&Value::Null));
    fields.set("provider", "");
    fields.set("own", "no");
    fields
}

/// The values of an integration and its provider.
pub(crate) fn of_view(view: &IntegrationView, provider: Option<&ProviderView>) -> Fields {
    let mut fields = of_json(&serde_json::to_value(view).unwrap_or_default());
    let sources = view.settings.scan_sources.iter().flatten().map(ScanSource::option_value);
    fields.set("scan_sources", sources.collect::<Vec<_>>().join("\n"));
    if let Some(provider) = provider {
        fields.set("alias", provider.alias.clone().unwrap_or_default());
        fields.set("scan_schedule", provider.scan_schedule.clone().unwrap_or_default());
    }
    fields
}

/// The fields of settings in JSON. An unchecked checkbox has no value.
fn of_json(json: &Value) -> Fields {
    let mut values = BTreeMap::new();
    for field in SETTINGS {
        let value = match &json[field.name] {
            Value::Bool(true) => Some("on".to_owned()),
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(names) if field.kind != Kind::Lines => {
                Some(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
            }
            _ => None,
        };
        if let Some(value) = value.or_else(|| (field.kind != Kind::Check).then(String::new)) {
            values.insert(field.name.to_owned(), value);
        }
    }
    Fields::new(values)
}

/// Converts a field's value for the API. An empty value becomes null,
/// which selects the default. The error is the message for the user.
pub(crate) fn value(fields: &Fields, name: &str) -> Result<Value, &'static str> {
    let text = fields.get(name).trim();
    let kind = find(name).map(|field| field.kind);
    match kind {
        Some(Kind::Check) => Ok(Value::Bool(fields.has(name))),
        _ if text.is_empty() => Ok(Value::Null),
        Some(Kind::Number) => text.parse::<i64>().map(Value::from).map_err(|_| "must be a whole number"),
        Some(Kind::Lines) => sources(text),
        _ if name == "regions" => {
            let names = text.split([',', ' ', '\n']).map(str::trim).filter(|name| !name.is_empty());
            Ok(names.map(Value::from).collect())
        }
        _ => Ok(Value::from(text)),
    }
}

fn sources(text: &str) -> Result<Value, &'static str> {
    const FORM: &str =
        "must be prefix=PREFIX/, uploader-account=ID, or uploader-account=ID,prefix=PREFIX/ on each line";
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let parsed: Result<Vec<ScanSource>, _> = lines.map(str::parse).collect();
    parsed.ok().and_then(|sources| serde_json::to_value(sources).ok()).ok_or(FORM)
}

/// Converts settings for the API. Invalid values are added as errors of their fields.
pub(crate) fn body<'a>(fields: &mut Fields, names: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    let mut body = Map::new();
    for name in names {
        match value(fields, name) {
            Ok(value) => drop(body.insert(name.to_owned(), value)),
            Err(message) => fields.fail(name, message),
        }
    }
    body
}

/// The settings whose values differ.
pub(crate) fn changed(before: &Fields, after: &Fields) -> Vec<&'static str> {
    let differs =
        |name: &&str| before.has(name) != after.has(name) || before.get(name).trim() != after.get(name).trim();
    // A missing text equals an empty one, and a missing checkbox equals one that is not checked.
    let is_empty = |name: &&str| before.get(name).is_empty() && after.get(name).is_empty();
    SETTINGS.iter().map(|field| field.name).filter(|name| differs(name) && !is_empty(name)).collect()
}

/// The value of a setting as the page shows it.
pub(crate) fn shown(fields: &Fields, name: &str) -> String {
    let (value, field) = (fields.get(name), find(name));
    let option = field.and_then(|field| field.options.iter().find(|(option, _)| *option == value));
    match field.map(|field| field.kind) {
        Some(Kind::Check) => if fields.has(name) { "on" } else { "off" }.to_owned(),
        _ if value.is_empty() && option.is_none() => "not set".to_owned(),
        _ => option.map_or_else(|| value.to_owned(), |(_, label)| (*label).to_owned()),
    }
}

/// Credentials in a request body. They may contain secrets, so that they borrow from the form instead of copying.
#[derive(Serialize)]
pub(crate) struct Credentials<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role<'a>>,
}

#[derive(Serialize)]
struct Role<'a> {
    arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<i64>,
}

impl<'a> Credentials<'a> {
    /// The credentials of a form. Fields that don't belong to the selected kind are omitted.
    pub(crate) fn of(form: &'a Form) -> Self {
        let is_static = form.get("kind") == "static";
        let key = |name| form.given(name).filter(|_| is_static);
        let has_role = form.has("with_role") && form.get("kind") != "provider";
        Self {
            kind: form.get("kind"),
            access_key_id: key("access_key_id"),
            secret_access_key: key("secret_access_key"),
            session_token: key("session_token"),
            secret: key("secret"),
            role: has_role.then(|| Role {
                arn: form.get("role_arn"),
                external_id: form.given("external_id"),
                session_name: form.given("session_name"),
                duration_seconds: form.given("duration_seconds").and_then(|text| text.parse().ok()),
            }),
        }
    }
}

/// The form values of current credentials. The name of the secret is not included, because it is not a value to send again.
pub(crate) fn of_credentials(view: &CredentialsView) -> Fields {
    let mut fields = Fields::default();
    fields.set(
        "kind",
        match view.kind {
            CredentialsKind::Provider => "provider",
            CredentialsKind::Default => "default",
            CredentialsKind::Static => "static",
        },
    );
    if let Some(role) = &view.role {
        fields.set("with_role", "on");
        fields.set("role_arn", &*role.arn);
        fields.set("external_id", role.external_id.clone().unwrap_or_default());
        fields.set("session_name", role.session_name.clone().unwrap_or_default());
        fields.set("duration_seconds", role.duration_seconds.map(|number| number.to_string()).unwrap_or_default());
    }
    fields
}

/// The request body that creates an integration.
#[derive(Serialize)]
pub(crate) struct Creation<'a> {
    #[serde(flatten)]
    pub(crate) settings: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<Credentials<'a>>,
}

/// Serializes a body that may contain secrets. It is erased when dropped.
pub(crate) fn secret_body(body: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(BODY_BYTES));
    // Serialization to memory doesn't fail.
    let _ = serde_json::to_writer(&mut *bytes, body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_exporter() {
        let mut fields = defaults();
        assert!(fields.has("only_failed") && !fields.has("archive_previous_findings"));
        assert_eq!((fields.get("archive_limit_percent"), fields.get("muted")), ("50", "as_prowler"));
        let names: Vec<&str> = SETTINGS.iter().map(|field| field.name).filter(|name| *name != "provider").collect();
        let body = body(&mut fields, names.into_iter());
        assert_eq!(body["only_failed"], true);
        assert_eq!(body["absent_scans"], 2);
        assert_eq!(body["regions"], Value::Null);
    }

    #[test]
    fn lists_and_numbers_are_read() {
        let mut fields = Fields::default();
        fields.set("regions", "eu-west-1, us-east-1");
        fields.set("absent_scans", "3");
        fields.set("scan_sources", "prefix=scans/{account_id}/\n\n");
        assert_eq!(value(&fields, "regions"), Ok(serde_json::json!(["eu-west-1", "us-east-1"])));
        assert_eq!(value(&fields, "absent_scans"), Ok(3.into()));
        assert_eq!(value(&fields, "scan_sources"), Ok(serde_json::json!([{ "prefix": "scans/{account_id}/" }])));
        fields.set("absent_scans", "many");
        assert!(value(&fields, "absent_scans").is_err());
    }

    #[test]
    fn only_settings_with_other_values_are_changed() {
        let (before, mut after) = (defaults(), defaults());
        after.set("severity_min", "HIGH");
        after.set("archive_previous_findings", "on");
        assert_eq!(changed(&before, &after), ["archive_previous_findings", "severity_min"]);
        assert_eq!(
            (shown(&before, "severity_min"), shown(&after, "severity_min")),
            ("All".to_owned(), "High".to_owned())
        );
    }
}

//! The settings of an integration as options without defaults: an option that is not given leaves a setting unchanged, or at the
//! API's default if the integration is new.

use asff::ScanFormat;
#[cfg(test)]
use exporter::model::integration::{Setting, SettingKind};
use exporter::model::scan_source::ScanSource;
use serde::{Serialize, Serializer};
#[cfg(test)]
use serde_json::{Value, json};

use super::choices::{Lifecycle, Sending, switch};
use super::filters::{OrNull, format_parser};

/// Which findings are sent, and which are archived.
#[derive(clap::Args, Clone, Debug, Default, Serialize)]
pub(crate) struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    sending: Sending,

    // Not a doc comment: rustdoc would require backticks around the placeholder.
    #[arg(help = "Authorized source of scans; repeatable: prefix=PREFIX/, prefix=KEY, uploader-account=ID, or \
                  uploader-account=ID,prefix=PREFIX/, where {account_id} is the account of the finding; `any` for no \
                  limit [default: any]")]
    #[arg(long = "scan-source", value_name = "SOURCE", value_parser = any_or_source, help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "any_or_sources")]
    scan_sources: Option<Vec<OrNull<ScanSource>>>,

    /// Format to export, if Prowler writes each scan in several [default: ocsf]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<ScanFormat>,

    #[command(flatten)]
    #[serde(flatten)]
    lifecycle: Lifecycle,

    /// Let a connection test accept the Prowler product if Security Hub is enabled [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = switch(), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_accept_product: Option<bool>,
}

fn any_or_source(text: &str) -> Result<OrNull<ScanSource>, String> {
    if text == "any" { Ok(OrNull(None)) } else { text.parse().map(|source| OrNull(Some(source))) }
}

/// Sources without duplicates; null for any.
fn any_or_sources<S: Serializer>(sources: &Option<Vec<OrNull<ScanSource>>>, serializer: S) -> Result<S::Ok, S::Error> {
    let named: Option<Vec<&ScanSource>> = sources.iter().flatten().map(|OrNull(source)| source.as_ref()).collect();
    let mut unique: Option<Vec<&ScanSource>> = named.is_some().then(Vec::new);
    for source in named.into_iter().flatten() {
        if let Some(unique) = unique.as_mut().filter(|unique| !unique.contains(&source)) {
            unique.push(source);
        }
    }
    unique.serialize(serializer)
}

/// A value of a setting that is not its default.
#[cfg(test)]
pub(crate) fn another_value(setting: &Setting) -> Value {
    let defaults = exporter::model::integration::IntegrationSettings::default();
    let default = defaults.values().find(|(name, _)| *name == setting.name).map(|(_, value)| value);
    let values = match &setting.kind {
        SettingKind::Boolean => vec![json!(true), json!(false)],
        SettingKind::Integer(range) => range.clone().map(Value::from).collect(),
        SettingKind::Word(words) => words.iter().map(|word| json!(word)).collect(),
        SettingKind::Region => vec![json!("eu-west-1")],
        SettingKind::Regions => vec![json!(["eu-west-1"])],
        SettingKind::ScanSources => vec![json!([{ "prefix": "a/{account_id}/" }])],
    };
    values.into_iter().find(|value| Some(value) != default.as_ref()).unwrap()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use exporter::model::integration::{IntegrationSettings, SETTINGS};

    use super::*;
    use crate::args::filters::changes;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn patch(line: &str) -> Value {
        let line = Line::try_parse_from(["x"].into_iter().chain(line.split_whitespace())).unwrap();
        Value::Object(changes(&line.settings).unwrap())
    }

    #[test]
    fn settings_without_an_option_are_unchanged() {
        assert_eq!(patch(""), json!({}));
        assert_eq!(patch("--only-failed"), json!({ "only_failed": true }));
        assert_eq!(
            patch("--only-failed=false --archive"),
            json!({ "only_failed": false, "archive_previous_findings": true })
        );
    }

    #[test]
    fn a_limit_can_be_cleared() {
        let all = patch("--severity-min none --regions all --fallback-region none");
        let sources = patch("--scan-source prefix=a/ --scan-source uploader-account=123456789012,prefix=b,c/");
        let both = json!({ "prefix": "b,c/", "uploader_account": "123456789012" });
        assert_eq!(sources, json!({ "scan_sources": [{ "prefix": "a/" }, both] }));
        assert_eq!(patch("--scan-source any"), json!({ "scan_sources": null }));
        assert_eq!(all, json!({ "severity_min": null, "regions": null, "fallback_region": null }));
        assert_eq!(patch("--regions us-east-1,eu-west-1,us-east-1"), json!({ "regions": ["eu-west-1", "us-east-1"] }));
    }

    /// The option of a setting.
    fn option(setting: &Setting) -> String {
        format!("--{}", setting.name.replace('_', "-").replace("sources", "source"))
    }

    /// The exporter must read the values that the options write. `enabled` has separate commands.
    #[test]
    fn every_setting_is_an_option_and_is_documented() {
        let page = include_str!("../../../../docs/configuration.md");
        for setting in SETTINGS.iter().filter(|setting| setting.name != "enabled") {
            let value = another_value(setting);
            let text = match &value {
                Value::Array(all) => match all.first() {
                    Some(Value::String(region)) => region.clone(),
                    _ => "prefix=a/{account_id}/".to_owned(),
                },
                Value::String(text) => text.replace('_', "-"),
                other => other.to_string(),
            };
            let changes = patch(&format!("{}={text}", option(setting)));
            assert_eq!(changes, json!({ setting.name: value }));
            let read: IntegrationSettings = serde_json::from_value(changes).unwrap();
            assert_ne!(read, IntegrationSettings::default(), "{}", setting.name);
            assert!(page.contains(&format!("| `{}`", option(setting))), "{} is not documented", setting.name);
        }
    }

    #[test]
    fn invalid_values_are_rejected() {
        for wrong in [
            "--archive-limit-percent 101",
            "--archive-scope half",
            "--absent-scans 0",
            "--absent-scans 15",
            "--partial-scan-percent 101",
            "--resend never",
            "--regions mars-1",
            "--scan-source a/",
            "--scan-source prefix=",
            "--scan-source prefix={account}/",
            "--scan-source uploader-account=1234",
            "--scan-source uploader-account=123456789012,a/",
        ] {
            assert!(Line::try_parse_from(["x"].into_iter().chain(wrong.split_whitespace())).is_err(), "{wrong}");
        }
    }
}

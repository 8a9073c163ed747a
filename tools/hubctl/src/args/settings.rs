//! The settings of an integration as options without defaults: an option that is not given leaves a setting unchanged, or at
//! the API's default for a new integration.

use asff::{RegionName, ScanFormat, SeverityLabel};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::scan_source::ScanSource;
use serde_json::{Map, Value, json};

use crate::args::choices::absent_scans;
use crate::args::filters::{format_parser, region};

/// Values of a Boolean option.
const SWITCH: [&str; 2] = ["true", "false"];

/// A value, or `none`. A separate type, since clap treats a nested `Option` in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OrNone<T>(Option<T>);

/// Which findings are sent, and which are archived.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Send failed findings only, which reduces costs [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = switch(), help_heading = "Filters")]
    only_failed: Option<bool>,

    /// Minimum severity to send; `none` for all [default: none]
    #[arg(long, value_name = "SEVERITY", ignore_case = true, help_heading = "Filters")]
    #[arg(value_parser = PossibleValuesParser::new(["informational", "low", "medium", "high", "critical", "none"])
        .map(|word| OrNone(SeverityLabel::of(&word))))]
    severity_min: Option<OrNone<SeverityLabel>>,

    /// How to handle muted findings: follow Prowler (omit them with --only-failed), omit, or send as WARNING [default:
    /// as-prowler]
    #[arg(long, value_name = "HOW", value_parser = ["as-prowler", "omit", "send"], help_heading = "Filters")]
    muted: Option<String>,

    /// Regions that may receive findings, separated by commas; `all` for every enabled Region [default: all]
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', value_parser = all_or_region, help_heading = "Filters")]
    regions: Option<Vec<Option<RegionName>>>,

    /// Region for findings whose own Region is unavailable; `none` to disable [default: none]
    #[arg(long, value_name = "REGION", value_parser = none_or_region, help_heading = "Filters")]
    fallback_region: Option<OrNone<RegionName>>,

    // Not a doc comment: rustdoc would require backticks around the placeholder.
    #[arg(help = "Authorized source of scans; repeatable: prefix=PREFIX/, prefix=KEY, uploader-account=ID, or \
                  uploader-account=ID,prefix=PREFIX/, where {account_id} is the account of the finding; `any` for no \
                  limit [default: any]")]
    #[arg(long = "scan-source", value_name = "SOURCE", value_parser = any_or_source, help_heading = "Filters")]
    scan_sources: Option<Vec<OrNone<ScanSource>>>,

    /// Format to export, if Prowler writes each scan in several [default: ocsf]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Filters")]
    format: Option<ScanFormat>,

    /// changed: send new and changed findings, plus a monthly refresh; always: send every finding of every scan [default:
    /// changed]
    #[arg(long, value_name = "WHICH", value_parser = ["changed", "always"], help_heading = "Lifecycle")]
    resend: Option<String>,

    /// Archive findings that a newer scan shows as resolved [default: false]
    #[arg(long, visible_alias = "archive", value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = switch(), help_heading = "Lifecycle")]
    archive_previous_findings: Option<bool>,

    /// What a scan covers: the whole account (full), some checks and Regions completely (partial), or single resources
    /// (observed: absence from the scan archives nothing) [default: full]
    #[arg(long, value_name = "SCOPE", value_parser = ["full", "partial", "observed"], help_heading = "Lifecycle")]
    archive_scope: Option<String>,

    /// Number of consecutive scans from which a finding must be absent before it is archived, if absence is the only
    /// evidence [default: 2]
    #[arg(long, value_name = "SCANS", value_parser = absent_scans(), help_heading = "Lifecycle")]
    absent_scans: Option<u8>,

    /// Don't archive absent findings if the scan has less than this share of the last whole scan's results or checks; 0
    /// disables the check [default: 50]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    #[arg(help_heading = "Lifecycle")]
    partial_scan_percent: Option<u8>,

    /// Maximum share of the account's active findings to archive without approval; up to 20 findings never need approval,
    /// unless the value is 0 [default: 50]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    #[arg(help_heading = "Lifecycle")]
    archive_limit_percent: Option<u8>,

    /// Let a connection test accept the Prowler product if Security Hub is enabled [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = switch(), help_heading = "Lifecycle")]
    auto_accept_product: Option<bool>,
}

impl Settings {
    /// The given options as the API's fields. Null clears a setting.
    pub(crate) fn patch(&self) -> Map<String, Value> {
        let mut patch = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                patch.insert(name.to_owned(), value);
            }
        };
        put("only_failed", self.only_failed.map(Value::from));
        put("severity_min", self.severity_min.map(|OrNone(severity)| severity.map(SeverityLabel::as_str).into()));
        put("muted", self.muted.as_ref().map(|how| how.replace('-', "_").into()));
        put("regions", self.regions.as_ref().map(|regions| names(regions)));
        put(
            "fallback_region",
            self.fallback_region.map(|OrNone(region)| region.map(|region| region.to_string()).into()),
        );
        put("scan_sources", self.scan_sources.as_ref().map(|sources| source_list(sources)));
        put("format", self.format.map(|format| format.as_str().into()));
        put("resend", self.resend.clone().map(Value::from));
        put("archive_previous_findings", self.archive_previous_findings.map(Value::from));
        put("archive_scope", self.archive_scope.clone().map(Value::from));
        put("absent_scans", self.absent_scans.map(Value::from));
        put("partial_scan_percent", self.partial_scan_percent.map(Value::from));
        put("archive_limit_percent", self.archive_limit_percent.map(Value::from));
        put("auto_accept_product", self.auto_accept_product.map(Value::from));
        patch
    }
}

/// Regions by name, without duplicates; null for all.
fn names(regions: &[Option<RegionName>]) -> Value {
    let named: Option<Vec<RegionName>> = regions.iter().copied().collect();
    let Some(mut named) = named else { return Value::Null };
    named.sort_unstable();
    named.dedup();
    named.iter().map(ToString::to_string).collect()
}

/// Sources, without duplicates; null for any.
fn source_list(sources: &[OrNone<ScanSource>]) -> Value {
    let mut named: Vec<Value> = Vec::new();
    for OrNone(source) in sources {
        let Some(source) = source else { return Value::Null };
        let source = json!(source);
        if !named.contains(&source) {
            named.push(source);
        }
    }
    named.into()
}

fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(SWITCH).map(|word| word == "true")
}

fn all_or_region(text: &str) -> Result<Option<RegionName>, String> {
    if text == "all" { Ok(None) } else { region(text).map(Some) }
}

fn none_or_region(text: &str) -> Result<OrNone<RegionName>, String> {
    if text == "none" { Ok(OrNone(None)) } else { region(text).map(|region| OrNone(Some(region))) }
}

fn any_or_source(text: &str) -> Result<OrNone<ScanSource>, String> {
    if text == "any" { Ok(OrNone(None)) } else { text.parse().map(|source| OrNone(Some(source))) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use exporter::integration::Integration;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn patch(line: &str) -> Value {
        let line = Line::try_parse_from(["x"].into_iter().chain(line.split_whitespace())).unwrap();
        Value::Object(line.settings.patch())
    }

    #[test]
    fn what_is_not_named_is_not_changed() {
        assert_eq!(patch(""), json!({}));
        assert_eq!(patch("--only-failed"), json!({ "only_failed": true }));
        assert_eq!(
            patch("--only-failed=false --archive"),
            json!({ "only_failed": false, "archive_previous_findings": true })
        );
    }

    #[test]
    fn a_limit_can_be_taken_away() {
        let all = patch("--severity-min none --regions all --fallback-region none");
        let sources = patch("--scan-source prefix=a/ --scan-source uploader-account=123456789012,prefix=b,c/");
        let both = json!({ "prefix": "b,c/", "uploader_account": "123456789012" });
        assert_eq!(sources, json!({ "scan_sources": [{ "prefix": "a/" }, both] }));
        assert_eq!(patch("--scan-source any"), json!({ "scan_sources": null }));
        assert_eq!(all, json!({ "severity_min": null, "regions": null, "fallback_region": null }));
        assert_eq!(patch("--regions us-east-1,eu-west-1,us-east-1"), json!({ "regions": ["eu-west-1", "us-east-1"] }));
    }

    /// What the options write is what the exporter reads.
    #[test]
    fn every_setting_is_one_of_an_integration() {
        let line = "--only-failed=false --severity-min HIGH --muted as-prowler --regions eu-west-1 --fallback-region \
                    us-east-1 --scan-source prefix=a/{account_id}/ --format csv --resend always --archive --archive-scope observed --absent-scans 3 \
                    --partial-scan-percent 0 --archive-limit-percent 7 --auto-accept-product";
        let mut settings = patch(line);
        settings["provider"] = "123456789012".into();
        let integration: Integration = serde_json::from_value(settings.clone()).unwrap();
        let read = serde_json::to_value(&integration).unwrap();
        for (name, value) in settings.as_object().unwrap() {
            assert_eq!(&read[name], value, "{name}");
        }
        // And every setting that the API has is an option, `enabled` aside, which is a verb.
        let api = json!(management::wire::IntegrationPatch::default());
        let without = ["enabled", "provider"];
        for name in api.as_object().unwrap().keys().filter(|name| !without.contains(&name.as_str())) {
            assert!(settings.get(name).is_some(), "{name} has no option");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
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

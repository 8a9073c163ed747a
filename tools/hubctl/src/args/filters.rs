//! The filters of an integration as options: of the commands that preview or export a scan, and of its settings.

use std::collections::BTreeSet;

use asff::{Partition, RegionName, Regions, ScanFormat, SeverityLabel};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::model::integration::{IntegrationSettings, MutedFindings};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::render::text;

/// A value, or null. A separate type, since clap interprets a nested `Option` differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct OrNull<T>(pub(crate) Option<T>);

/// Which findings are sent, and where. An option that is not given leaves a setting unchanged.
#[derive(clap::Args, Clone, Debug, Default, Serialize)]
pub(crate) struct Filters {
    /// Minimum severity to send; `none` for all [default: none]
    #[arg(long, value_name = "SEVERITY", value_parser = none_or_severity(), help_heading = "Filters")]
    #[arg(ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_min: Option<OrNull<SeverityLabel>>,

    /// How to handle muted findings: follow Prowler (omit them with --only-failed), omit, or send as WARNING [default:
    /// as-prowler]
    #[arg(long, value_name = "HOW", value_parser = word(MutedFindings::WORDS), help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none")]
    muted: Option<Word>,

    /// Regions that may receive findings, separated by commas; `all` for every enabled Region [default: all]
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', value_parser = all_or_region, help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "all_or_regions")]
    regions: Option<Vec<OrNull<RegionName>>>,

    /// Region for findings whose own Region is unavailable; `none` to disable [default: none]
    #[arg(long, value_name = "REGION", value_parser = none_or_region, help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_region: Option<OrNull<RegionName>>,
}

/// A word of a setting, as the API spells it.
pub(crate) type Word = &'static str;

/// The words of a setting, as options spell them.
pub(crate) fn word(words: &'static [&'static str]) -> impl TypedValueParser<Value = Word> {
    let spelled = words.iter().map(|word| word.replace('_', "-"));
    PossibleValuesParser::new(spelled).try_map(|spelled| {
        let word = words.iter().find(|word| word.replace('_', "-") == spelled);
        word.copied().ok_or("unknown value")
    })
}

/// Options as changes in the fields of the API. Null clears a setting.
///
/// # Errors
///
/// If they can't be serialized as JSON.
pub(crate) fn changes(options: &impl Serialize) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(options) {
        Ok(Value::Object(changes)) => Ok(changes),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Failure::new(Exit::Error, error.to_string())),
    }
}

/// The settings, changed by the options.
///
/// # Errors
///
/// If the Regions are in more than one partition.
pub(crate) fn changed(
    settings: &IntegrationSettings,
    options: &impl Serialize,
) -> Result<IntegrationSettings, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let settings = settings.with_changes(changes(options)?).map_err(|error| usage(error.to_string()))?;
    let known = Regions::known();
    let named = settings.regions.iter().flatten().chain(&settings.fallback_region);
    let partitions: BTreeSet<Partition> = named.filter_map(|name| known.partition_of(*name)).collect();
    if let (Some(one), Some(other)) = (partitions.first(), partitions.iter().nth(1)) {
        return Err(usage(format!("the Regions are in two partitions, {one} and {other}; an account is in one")));
    }
    Ok(settings)
}

fn all_or_region(text: &str) -> Result<OrNull<RegionName>, String> {
    if text == "all" { Ok(OrNull(None)) } else { region(text).map(|region| OrNull(Some(region))) }
}

fn none_or_severity() -> impl TypedValueParser<Value = OrNull<SeverityLabel>> {
    let words = ["informational", "low", "medium", "high", "critical", "none"];
    PossibleValuesParser::new(words).map(|word| OrNull(SeverityLabel::of(&word)))
}

fn none_or_region(text: &str) -> Result<OrNull<RegionName>, String> {
    if text == "none" { Ok(OrNull(None)) } else { region(text).map(|region| OrNull(Some(region))) }
}

/// Regions without duplicates; null for all.
fn all_or_regions<S: Serializer>(regions: &Option<Vec<OrNull<RegionName>>>, serializer: S) -> Result<S::Ok, S::Error> {
    let named: Option<BTreeSet<RegionName>> = regions.iter().flatten().map(|OrNull(region)| *region).collect();
    named.serialize(serializer)
}

/// A known Region.
pub(crate) fn region(text: &str) -> Result<RegionName, String> {
    let name: RegionName = text.trim().parse().map_err(|error: asff::InvalidName| error.to_string())?;
    match Regions::known().get(name) {
        Some(_) => Ok(name),
        None => Err("unknown Region".to_owned()),
    }
}

/// A scan format by name.
pub(crate) fn format_parser() -> impl TypedValueParser<Value = ScanFormat> {
    PossibleValuesParser::new(["ocsf", "asff", "csv"]).map(|word| match word.as_str() {
        "asff" => ScanFormat::Asff,
        "csv" => ScanFormat::Csv,
        _ => ScanFormat::Ocsf,
    })
}

/// The value of `--muted`.
fn muted_word(muted: MutedFindings) -> &'static str {
    match muted {
        MutedFindings::AsProwler => "as-prowler",
        MutedFindings::Omit => "omit",
        MutedFindings::Send => "send",
    }
}

/// Describes the filters.
pub(crate) fn filter_words(filters: &IntegrationSettings) -> String {
    let mut words = vec![if filters.only_failed { "failed only".to_owned() } else { "all statuses".to_owned() }];
    if let Some(severity) = filters.severity_min {
        words.push(format!("{} and above", severity.as_str()));
    }
    words.push(format!("muted {}", muted_word(filters.muted)));
    if let Some(regions) = &filters.regions {
        words.push(format!("Regions {}", text::names(regions.iter(), "Regions")));
    }
    if let Some(region) = filters.fallback_region {
        words.push(format!("fallback {region}"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_must_exist_and_be_in_one_partition() {
        assert!(region("eu-wst-1").unwrap_err().contains("unknown Region"));
        let filters = |regions: &[&str]| Filters {
            regions: Some(regions.iter().map(|name| OrNull(Some(region(name).unwrap()))).collect()),
            ..Filters::default()
        };
        let defaults = IntegrationSettings::default();
        let settings = changed(&defaults, &filters(&["us-east-1", "eu-west-1", "us-east-1"])).unwrap();
        assert_eq!(settings.regions.as_ref().map(Vec::len), Some(2));
        let error = changed(&defaults, &filters(&["us-east-1", "cn-north-1"])).unwrap_err().message;
        assert!(error.contains("aws and aws-cn"), "{error}");
    }
}

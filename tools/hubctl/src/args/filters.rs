//! The filters of an integration as options of the commands that preview or export a scan.

use asff::{Partition, RegionName, Regions, ScanFormat, SeverityLabel};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::integration::{Integration, MutedFindings};

use crate::render::text;

/// Which findings are sent, and where.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Filters {
    /// Minimum severity to send [default: all]
    #[arg(long, value_name = "SEVERITY", ignore_case = true, help_heading = "Filters")]
    #[arg(value_parser = PossibleValuesParser::new(["informational", "low", "medium", "high", "critical"])
        .try_map(|word| SeverityLabel::of(&word).ok_or("unknown severity")))]
    pub(crate) severity_min: Option<SeverityLabel>,

    /// How to handle muted findings: follow Prowler (omit them with --only-failed), omit, or send as WARNING
    #[arg(long, value_name = "HOW", default_value = "as-prowler", help_heading = "Filters")]
    #[arg(value_parser = PossibleValuesParser::new(["as-prowler", "omit", "send"]).map(|word| muted(&word)))]
    pub(crate) muted: MutedFindings,

    /// Regions that may receive findings, separated by commas [default: every enabled Region]
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', value_parser = region, help_heading = "Filters")]
    pub(crate) regions: Vec<RegionName>,

    /// Region for findings whose own Region is unavailable
    #[arg(long, value_name = "REGION", value_parser = region, help_heading = "Filters")]
    pub(crate) fallback_region: Option<RegionName>,
}

impl Filters {
    /// Applies the filters to an integration.
    ///
    /// # Errors
    ///
    /// If the Regions are not in one partition.
    pub(crate) fn apply(&self, integration: &mut Integration) -> Result<(), String> {
        let known = Regions::known();
        let mut partitions: Vec<Partition> =
            self.regions.iter().chain(&self.fallback_region).filter_map(|name| known.partition_of(*name)).collect();
        partitions.sort_unstable();
        partitions.dedup();
        if let [one, other, ..] = partitions.as_slice() {
            return Err(format!("the Regions are in two partitions, {one} and {other}; an account is in one"));
        }
        integration.severity_min = self.severity_min;
        integration.muted = self.muted;
        integration.regions = (!self.regions.is_empty()).then(|| {
            let mut regions = self.regions.clone();
            regions.sort_unstable();
            regions.dedup();
            regions
        });
        integration.fallback_region = self.fallback_region;
        Ok(())
    }
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

fn muted(word: &str) -> MutedFindings {
    match word {
        "omit" => MutedFindings::Omit,
        "send" => MutedFindings::Send,
        _ => MutedFindings::AsProwler,
    }
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
pub(crate) fn filter_words(filters: &Integration) -> String {
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
    fn regions_must_exist_and_be_of_one_partition() {
        assert!(region("eu-wst-1").unwrap_err().contains("unknown Region"));
        let filters = |regions: &[&str]| Filters {
            regions: regions.iter().map(|name| region(name).unwrap()).collect(),
            ..Filters::default()
        };
        let mut integration = Integration::new("123456789012".parse::<asff::AccountId>().unwrap());
        filters(&["us-east-1", "eu-west-1", "us-east-1"]).apply(&mut integration).unwrap();
        assert_eq!(integration.regions.as_ref().map(Vec::len), Some(2));
        let error = filters(&["us-east-1", "cn-north-1"]).apply(&mut integration).unwrap_err();
        assert!(error.contains("aws and aws-cn"), "{error}");
    }
}

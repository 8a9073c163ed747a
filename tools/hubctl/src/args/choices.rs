//! The settings of an integration as options that an export without a deployment also has.

use std::ops::RangeInclusive;

use asff::ScanFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::model::integration::{ABSENT_SCANS, ArchiveScope, IntegrationSettings, PERCENT};
use exporter::state::Resend;
use serde::Serialize;

use super::filters::{Filters, Word, format_parser, word};
use crate::render::text;

/// Which findings are sent. An option that is not given leaves a setting unchanged.
#[derive(clap::Args, Clone, Debug, Default, Serialize)]
pub(crate) struct Sending {
    /// Send failed findings only, which reduces costs [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = switch(), help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none")]
    only_failed: Option<bool>,

    #[command(flatten)]
    #[serde(flatten)]
    filters: Filters,
}

/// When findings are sent again, and which are archived. An option that is not given leaves a setting unchanged.
#[derive(clap::Args, Clone, Debug, Default, Serialize)]
pub(crate) struct Lifecycle {
    /// changed: send new and changed findings, plus a monthly refresh; always: send every finding of every scan [default:
    /// changed]
    #[arg(long, value_name = "WHICH", value_parser = word(Resend::WORDS), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    resend: Option<Word>,

    /// Archive findings that a newer scan shows as resolved [default: false]
    #[arg(long, visible_alias = "archive", value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = switch(), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_previous_findings: Option<bool>,

    /// What a scan covers: the whole account (full), some checks and Regions completely (partial), or single resources
    /// (observed: absence from the scan archives nothing) [default: full]
    #[arg(long, value_name = "SCOPE", value_parser = word(ArchiveScope::WORDS), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_scope: Option<Word>,

    /// Number of consecutive scans from which a finding must be absent before it is archived, if absence is the only
    /// evidence [default: 2]
    #[arg(long, value_name = "SCANS", value_parser = integer(ABSENT_SCANS), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    absent_scans: Option<u8>,

    /// Don't archive absent findings if the scan has less than this share of the last whole scan's results or checks; 0
    /// disables the check [default: 50]
    #[arg(long, value_name = "PERCENT", value_parser = integer(PERCENT), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_scan_percent: Option<u8>,

    /// Maximum share of the account's active findings to archive without approval; up to 20 findings never need approval,
    /// unless the value is 0 [default: 50]
    #[arg(long, value_name = "PERCENT", value_parser = integer(PERCENT), help_heading = "Lifecycle")]
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_limit_percent: Option<u8>,
}

/// The settings of an export without a deployment.
#[derive(clap::Args, Clone, Debug, Default, Serialize)]
pub(crate) struct Choices {
    #[command(flatten)]
    #[serde(flatten)]
    sending: Sending,

    /// Format to export, if Prowler writes each scan in several [default: the file's format]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Filters")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<ScanFormat>,

    #[command(flatten)]
    #[serde(flatten)]
    lifecycle: Lifecycle,
}

/// The parser of a Boolean option.
pub(crate) fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["true", "false"]).map(|word| word == "true")
}

/// The parser of a number in a range.
fn integer(range: RangeInclusive<u8>) -> impl TypedValueParser<Value = u8> {
    clap::value_parser!(u8).range(i64::from(*range.start())..=i64::from(*range.end()))
}

/// Describes what is archived.
pub(crate) fn archive_words(integration: &IntegrationSettings) -> String {
    if !integration.archive_previous_findings {
        return "nothing".to_owned();
    }
    let scope = match integration.archive_scope {
        ArchiveScope::Full => {
            let scans = text::counted(integration.absent_scans.into(), "scan", "consecutive scans");
            format!("findings that a newer scan shows as resolved, or that are absent from {scans}")
        }
        ArchiveScope::Partial => "findings that a newer scan of the same check and Region shows as resolved".to_owned(),
        ArchiveScope::Observed => "findings that a newer scan shows as passed or muted".to_owned(),
    };
    format!("{scope}; up to {} % of the active findings without approval", integration.archive_limit_percent)
}

/// Describes which findings are sent at each scan.
pub(crate) fn resend_words(integration: &IntegrationSettings) -> &'static str {
    match integration.resend {
        Resend::Changed => "new and changed findings, plus a monthly refresh",
        Resend::Always => "all findings of every scan",
    }
}

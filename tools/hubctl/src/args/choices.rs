//! The settings of an integration as options of an export without a deployment.

use asff::ScanFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::integration::{ABSENT_SCANS, ArchiveScope, Integration};
use exporter::state::Resend;

use super::filters::{Filters, format_parser};
use crate::render::text;

/// Defaults of an integration. A test compares them.
const ARCHIVE_LIMIT_PERCENT: u8 = 50;
const ABSENT_SCANS_DEFAULT: u8 = 2;
const PARTIAL_SCAN_PERCENT: u8 = 50;

/// Which findings are sent, and which are archived.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Choices {
    /// Send failed findings only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true)]
    #[arg(default_missing_value = "true", action = clap::ArgAction::Set, help_heading = "Filters")]
    only_failed: bool,

    #[command(flatten)]
    filters: Filters,

    /// Format to export, if Prowler writes each scan in several [default: the file's format]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Filters")]
    format: Option<ScanFormat>,

    /// changed: send new and changed findings, plus a monthly refresh; always: send every finding of every scan
    #[arg(long, value_name = "WHICH", default_value = "changed", help_heading = "Lifecycle")]
    #[arg(value_parser = PossibleValuesParser::new(["changed", "always"]).map(|word| resend(&word)))]
    resend: Resend,

    /// Archive findings that a newer scan shows as resolved
    #[arg(long, visible_alias = "archive", help_heading = "Lifecycle")]
    archive_previous_findings: bool,

    /// What a scan covers: the whole account (full), some checks and Regions completely (partial), or single resources
    /// (observed: absence from the scan archives nothing)
    #[arg(long, value_name = "SCOPE", default_value = "full", help_heading = "Lifecycle")]
    #[arg(value_parser = PossibleValuesParser::new(["full", "partial", "observed"]).map(|word| archive_scope(&word)))]
    archive_scope: ArchiveScope,

    /// Number of consecutive scans from which a finding must be absent before it is archived, if absence is the only evidence
    #[arg(long, value_name = "SCANS", default_value_t = ABSENT_SCANS_DEFAULT, help_heading = "Lifecycle")]
    #[arg(value_parser = absent_scans())]
    absent_scans: u8,

    /// Don't archive absent findings if the scan has less than this share of the last whole scan's results or checks; 0
    /// disables the check
    #[arg(long, value_name = "PERCENT", default_value_t = PARTIAL_SCAN_PERCENT, help_heading = "Lifecycle")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    partial_scan_percent: u8,

    /// Maximum share of the account's active findings to archive without approval; up to 20 findings never need approval,
    /// unless the value is 0
    #[arg(long, value_name = "PERCENT", default_value_t = ARCHIVE_LIMIT_PERCENT, help_heading = "Lifecycle")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    archive_limit_percent: u8,
}

impl Choices {
    /// The requested format, if any.
    pub(crate) fn format(&self) -> Option<ScanFormat> {
        self.format
    }

    /// Applies the settings to an integration.
    ///
    /// # Errors
    ///
    /// If the Regions are not in one partition.
    pub(crate) fn apply(&self, integration: &mut Integration) -> Result<(), String> {
        integration.only_failed = self.only_failed;
        if let Some(format) = self.format {
            integration.format = format;
        }
        integration.resend = self.resend;
        integration.archive_previous_findings = self.archive_previous_findings;
        integration.archive_scope = self.archive_scope;
        integration.absent_scans = self.absent_scans;
        integration.partial_scan_percent = self.partial_scan_percent;
        integration.archive_limit_percent = self.archive_limit_percent;
        self.filters.apply(integration)
    }
}

fn resend(word: &str) -> Resend {
    match word {
        "always" => Resend::Always,
        _ => Resend::Changed,
    }
}

fn archive_scope(word: &str) -> ArchiveScope {
    match word {
        "partial" => ArchiveScope::Partial,
        "observed" => ArchiveScope::Observed,
        _ => ArchiveScope::Full,
    }
}

/// A number of scans, up to the maximum that the state counts.
pub(crate) fn absent_scans() -> impl TypedValueParser<Value = u8> {
    clap::value_parser!(u8).range(i64::from(*ABSENT_SCANS.start())..=i64::from(*ABSENT_SCANS.end()))
}

/// Describes what is archived.
pub(crate) fn archive_words(integration: &Integration) -> String {
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
pub(crate) fn resend_words(integration: &Integration) -> &'static str {
    match integration.resend {
        Resend::Changed => "new and changed findings, plus a monthly refresh",
        Resend::Always => "all findings of every scan",
    }
}

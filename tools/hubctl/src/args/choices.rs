//! The settings of an integration as options: the same for one that is created and for an export without a deployment.

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

    /// Format to export, as Prowler writes each scan in several; the file's own, if none is given
    #[arg(long, value_name = "FORMAT", value_parser = format_parser(), help_heading = "Filters")]
    format: Option<ScanFormat>,

    /// Findings that are sent: new and changed ones, and each other one every month; or all at every scan, as Prowler does
    #[arg(long, value_name = "WHICH", default_value = "changed", help_heading = "Lifecycle")]
    #[arg(value_parser = PossibleValuesParser::new(["changed", "always"]).map(|word| resend(&word)))]
    resend: Resend,

    /// Archive what a newer scan shows to be resolved
    #[arg(long, visible_alias = "archive", help_heading = "Lifecycle")]
    archive_previous_findings: bool,

    /// What the scans cover: the whole account (full), some checks and Regions completely (partial), or single resources,
    /// whose scans archive nothing for being absent (observed)
    #[arg(long, value_name = "SCOPE", default_value = "full", help_heading = "Lifecycle")]
    #[arg(value_parser = PossibleValuesParser::new(["full", "partial", "observed"]).map(|word| archive_scope(&word)))]
    archive_scope: ArchiveScope,

    /// Scans in a row that a finding must be absent from before it is archived, if absence is the only evidence
    #[arg(long, value_name = "SCANS", default_value_t = ABSENT_SCANS_DEFAULT, help_heading = "Lifecycle")]
    #[arg(value_parser = absent_scans())]
    absent_scans: u8,

    /// Archive nothing for being absent from a scan that has less than this share of the last whole scan's results or
    /// checks; 0 disables the check
    #[arg(long, value_name = "PERCENT", default_value_t = PARTIAL_SCAN_PERCENT, help_heading = "Lifecycle")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    partial_scan_percent: u8,

    /// Maximum share of the account's active findings to archive without approval; up to 20 findings need none, unless it
    /// is 0
    #[arg(long, value_name = "PERCENT", default_value_t = ARCHIVE_LIMIT_PERCENT, help_heading = "Lifecycle")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    archive_limit_percent: u8,
}

impl Choices {
    /// The format that is asked for, if one is.
    pub(crate) fn format(&self) -> Option<ScanFormat> {
        self.format
    }

    /// Puts the settings into an integration.
    ///
    /// # Errors
    ///
    /// When the Regions are not of one partition, for people.
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

/// A number of scans, as many as the state counts.
pub(crate) fn absent_scans() -> impl TypedValueParser<Value = u8> {
    clap::value_parser!(u8).range(i64::from(*ABSENT_SCANS.start())..=i64::from(*ABSENT_SCANS.end()))
}

/// What is archived, in words.
pub(crate) fn archive_words(integration: &Integration) -> String {
    if !integration.archive_previous_findings {
        return "nothing".to_owned();
    }
    let scope = match integration.archive_scope {
        ArchiveScope::Full => {
            let scans = text::counted(integration.absent_scans.into(), "scan", "scans in a row");
            format!("findings that a newer scan shows as resolved, or that are absent from {scans}")
        }
        ArchiveScope::Partial => "findings that a newer scan of the same check and Region shows as resolved".to_owned(),
        ArchiveScope::Observed => "findings that a newer scan shows as passed or muted".to_owned(),
    };
    format!("{scope}; up to {} % of the active findings without approval", integration.archive_limit_percent)
}

/// Which findings are sent at each scan, in words.
pub(crate) fn resend_words(integration: &Integration) -> &'static str {
    match integration.resend {
        Resend::Changed => "new and changed findings, each other one every month",
        Resend::Always => "all findings at every scan",
    }
}

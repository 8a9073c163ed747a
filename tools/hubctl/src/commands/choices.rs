//! The settings of an integration as options: the same for one that is created and for an export without a deployment.

use asff::ScanFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::integration::{ArchiveScope, Integration};
use exporter::state::Resend;

use super::filters::{Filters, format_parser};

/// The share of an account's live findings that a run archives by itself, where nothing else is said.
const ARCHIVE_LIMIT_PERCENT: u8 = 50;

/// Which findings are sent, and which are archived.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Choices {
    /// Send failed findings only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true)]
    #[arg(default_missing_value = "true", action = clap::ArgAction::Set, help_heading = "Filters")]
    only_failed: bool,

    #[command(flatten)]
    filters: Filters,

    /// Format to export, as Prowler writes each scan in several
    #[arg(long, value_name = "FORMAT", default_value = "ocsf", value_parser = format_parser(), help_heading = "Filters")]
    format: ScanFormat,

    /// Findings that are sent: new and changed ones, and each other one every month; or all at every scan, as Prowler does
    #[arg(long, value_name = "WHICH", default_value = "changed", help_heading = "Lifecycle")]
    #[arg(value_parser = PossibleValuesParser::new(["changed", "always"]).map(|word| resend(&word)))]
    resend: Resend,

    /// Archive what a newer scan shows to be resolved
    #[arg(long, visible_alias = "archive", help_heading = "Lifecycle")]
    archive_previous_findings: bool,

    /// What a scan covers: the whole account (full), or only the checks and Regions that it has findings of (partial)
    #[arg(long, value_name = "SCOPE", default_value = "full", help_heading = "Lifecycle")]
    #[arg(value_parser = PossibleValuesParser::new(["full", "partial"]).map(|word| archive_scope(&word)))]
    archive_scope: ArchiveScope,

    /// Share of the account's live findings above which nothing is archived before a person approves it
    #[arg(long, value_name = "PERCENT", default_value_t = ARCHIVE_LIMIT_PERCENT, help_heading = "Lifecycle")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    archive_limit_percent: u8,
}

impl Choices {
    /// Puts the settings into an integration.
    ///
    /// # Errors
    ///
    /// When the Regions are not of one partition, for people.
    pub(crate) fn apply(&self, integration: &mut Integration) -> Result<(), String> {
        integration.only_failed = self.only_failed;
        integration.format = self.format;
        integration.resend = self.resend;
        integration.archive_previous_findings = self.archive_previous_findings;
        integration.archive_scope = self.archive_scope;
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
        _ => ArchiveScope::Full,
    }
}

/// What is archived, in words.
pub(crate) fn archive_words(integration: &Integration) -> String {
    if !integration.archive_previous_findings {
        return "nothing".to_owned();
    }
    let scope = match integration.archive_scope {
        ArchiveScope::Full => "what a newer scan shows to be resolved",
        ArchiveScope::Partial => "what a newer scan of the same checks and Regions shows to be resolved",
    };
    format!("{scope}, up to {} % of the live findings", integration.archive_limit_percent)
}

/// Which findings are sent at each scan, in words.
pub(crate) fn resend_words(integration: &Integration) -> &'static str {
    match integration.resend {
        Resend::Changed => "new and changed findings, each other one every month",
        Resend::Always => "all findings at every scan",
    }
}

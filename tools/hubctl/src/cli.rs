//! The command line: nouns and verbs. Each command's own options are in its file.

mod ignored;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    apply, attention, audit, completion, console, convert, doctor, explain, export, integration, job, man, permissions,
    plan, provider, quarantine, reconcile, run, validate, verify,
};
use crate::config::Global;
use crate::exit::Failure;

/// Maximum width of help texts, in columns.
const HELP_WIDTH: usize = 80;

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  error
  2  invalid command line
  3  findings quarantined, malformed, undelivered, or missing because the file
     is truncated; or findings that require approval (hubctl run pending)
  4  credentials missing, expired, of the wrong account, or without permission
  5  Security Hub unavailable in a Region that has findings
  6  config diff, apply --dry-run, reconcile --dry-run, verify: differences
     found

Examples:
  hubctl validate scan.ocsf.json
  hubctl plan scan.ocsf.json --stack securityhub-exporter
  hubctl integration create --provider 123456789012 --stack exporter
  hubctl export s3://scans/scan.ocsf.json --stack securityhub-exporter
  hubctl run list --stack securityhub-exporter
  hubctl doctor --stack securityhub-exporter";

/// Export Prowler findings to AWS Security Hub CSPM
#[derive(Debug, Parser)]
#[command(name = "hubctl", version, max_term_width = HELP_WIDTH, after_help = EXIT_CODES)]
#[command(arg_required_else_help = true, disable_help_subcommand = true, disable_help_flag = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Convert(convert::Args),
    Validate(validate::Args),
    Plan(Box<plan::Args>),
    Export(Box<export::Args>),
    Integration(integration::Group),
    Provider(provider::Group),
    Permissions(permissions::Group),
    Apply(apply::ApplyArgs),
    Config(apply::ConfigGroup),
    Attention(attention::Args),
    Audit(audit::Args),
    Run(run::Group),
    Quarantine(quarantine::Group),
    Job(job::Group),
    Doctor(doctor::Args),
    Reconcile(reconcile::Args),
    Explain(explain::Args),
    Verify(verify::Args),
    Console(console::Args),
    Completion(completion::Args),
    Man(man::Args),
}

/// Why a command line is rejected.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The line can't be parsed, or requests help.
    Line(clap::Error),
    /// One of the options would be ignored.
    Ignored(Failure),
}

impl Cli {
    /// Parses the arguments.
    ///
    /// # Errors
    ///
    /// If they can't be parsed, or an option would be ignored.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Wrong> {
        let matches = Self::command().try_get_matches_from(arguments).map_err(Wrong::Line)?;
        ignored::reject(&matches).map_err(Wrong::Ignored)?;
        Self::from_arg_matches(&matches).map_err(Wrong::Line)
    }
}

#[cfg(test)]
mod tests;

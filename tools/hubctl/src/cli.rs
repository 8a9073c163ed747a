//! The command line: nouns and verbs. Each command's own options stand in its file.

mod ignored;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    apply, audit, completion, console, doctor, explain, export, integration, job, man, map, permissions, plan,
    provider, quarantine, reconcile, run, trigger, validate,
};
use crate::config::Global;
use crate::exit::Failure;

/// Columns of help texts at most.
const HELP_WIDTH: usize = 80;

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  error
  2  wrong command line
  3  findings in quarantine, malformed, undelivered or cut off with the file,
     or findings that are archived upon approval only (hubctl run pending)
  4  credentials missing, expired, of the wrong account, or not allowed to
  5  Security Hub not to be had in a Region that has findings, or lost there
  6  config diff, apply --dry-run, reconcile --dry-run: there are differences

Examples:
  hubctl validate scan.ocsf.json
  hubctl plan scan.ocsf.json --stack securityhub-exporter
  hubctl integration create --provider 123456789012 --stack exporter
  hubctl export s3://scans/scan.ocsf.json --stack securityhub-exporter
  hubctl run list --stack securityhub-exporter
  hubctl doctor --stack securityhub-exporter";

/// Carries Prowler's findings into AWS Security Hub, and shows what became of them
#[derive(Debug, Parser)]
#[command(name = "hubctl", version, max_term_width = HELP_WIDTH, after_help = EXIT_CODES)]
#[command(arg_required_else_help = true, disable_help_subcommand = true, disable_help_flag = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Map(map::Args),
    Validate(validate::Args),
    Plan(Box<plan::Args>),
    Export(Box<export::Args>),
    Integration(integration::Group),
    Provider(provider::Group),
    Permissions(permissions::Group),
    Trigger(trigger::Group),
    Apply(apply::ApplyArgs),
    Config(apply::ConfigGroup),
    Audit(audit::Args),
    Run(run::Group),
    Quarantine(quarantine::Group),
    Job(job::Group),
    Doctor(doctor::Args),
    Reconcile(reconcile::Args),
    Explain(explain::Args),
    Console(console::Args),
    Completion(completion::Args),
    Man(man::Args),
}

/// What is wrong with a command line.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It is no command, or help was asked for.
    Line(clap::Error),
    /// Something on it would be ignored.
    Ignored(Failure),
}

impl Cli {
    /// The command that arguments say.
    ///
    /// # Errors
    ///
    /// When they are none, or something of them would be ignored.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Wrong> {
        let matches = Self::command().try_get_matches_from(arguments).map_err(Wrong::Line)?;
        ignored::refuse(&matches).map_err(Wrong::Ignored)?;
        Self::from_arg_matches(&matches).map_err(Wrong::Line)
    }
}

#[cfg(test)]
mod tests;

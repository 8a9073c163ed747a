//! The command line: validates scans offline, exports them from a workstation, and manages a deployment.

mod args;
mod cli;
mod client;
mod commands;
mod config;
mod deployment;
mod exit;
mod logs;
mod origin;
mod progress;
mod prompt;
mod render;
mod scan;
mod shell;
mod standalone;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, Command, Wrong};
use crate::config::OutputFormat;
use crate::exit::Exit;
use crate::render::Output;

/// Runs one command. Its exit code is part of the interface: `hubctl --help` lists them.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        // Help and version go to standard output; a closed pipe there is not an error.
        Err(Wrong::Line(text)) if !text.use_stderr() => {
            let _ = text.print();
            return Exit::Success.into();
        }
        Err(Wrong::Line(error)) => return Output::of_process(OutputFormat::Table, false).usage(&error).into(),
        Err(Wrong::Ignored(failure)) => {
            return Output::of_process(OutputFormat::Table, false).error(&failure.into()).into();
        }
    };
    logs::to_stderr(cli.global.verbose);
    let mut output = Output::of_process(cli.global.output, cli.global.no_color);
    let exit = dispatch(cli, &mut output).unwrap_or_else(|error| output.error(&error));
    output.end(exit).into()
}

/// The command line with all its commands, for clap.
pub fn command() -> clap::Command {
    Cli::command()
}

fn dispatch(cli: Cli, output: &mut Output) -> Result<Exit> {
    match cli.command {
        Command::Convert(args) => commands::convert::run(&args, output),
        Command::Validate(args) => commands::validate::run(&args, output),
        Command::Plan(args) => commands::plan::run(&args, &cli.global, output),
        Command::Export(args) => commands::export::run(&args, &cli.global, output),
        Command::Integration(group) => commands::integration::run(&group, &cli.global, output),
        Command::Provider(group) => commands::provider::run(&group, &cli.global, output),
        Command::Permissions(group) => commands::permissions::run(&group, &cli.global, output),
        Command::Apply(args) => commands::apply::apply(&args, &cli.global, output),
        Command::Config(group) => commands::apply::config(&group, &cli.global, output),
        Command::Attention(args) => commands::attention::run(&args, &cli.global, output),
        Command::Audit(args) => commands::audit::run(&args, &cli.global, output),
        Command::Run(group) => commands::run::run(&group, &cli.global, output),
        Command::Quarantine(group) => commands::quarantine::run(&group, &cli.global, output),
        Command::Job(group) => commands::job::run(&group, &cli.global, output),
        Command::Reconcile(args) => commands::reconcile::run(&args, &cli.global, output),
        Command::Explain(args) => commands::explain::run(&args, &cli.global, output),
        Command::Verify(args) => commands::verify::run(&args, &cli.global, output),
        Command::Doctor(args) => commands::doctor::run(&args, &cli.global, output),
        Command::Console(args) => commands::console::run(&args, &cli.global, output),
        Command::Completion(args) => commands::completion::run(&args, command(), output),
        Command::Man(args) => commands::man::run(&args, command(), output),
    }
}

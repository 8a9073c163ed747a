//! `hubctl quarantine`: what could not be sent, with the reason and the finding itself.

mod entries;
mod list;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Global;
use crate::exit::Exit;
use crate::output::Output;

/// See what could not be sent, and why
#[derive(Debug, Subcommand)]
#[command(after_help = "\
What a run left in quarantine is sent by `hubctl run replay RUN`, once its cause
is mended.")]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
}

pub(crate) fn run(command: &Command, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, global, output),
        Command::Show(args) => show::run(args, global, output),
    }
}

//! `hubctl run`: what the exports did.

mod list;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Global;
use crate::exit::Exit;
use crate::output::Output;

/// See what the exports did
#[derive(Debug, Subcommand)]
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

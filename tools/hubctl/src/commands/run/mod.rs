//! `hubctl run`: what the exports did, and what they are to do once more.

mod approve;
mod list;
mod replay;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Global;
use crate::exit::Exit;
use crate::output::Output;

/// See what the exports did, and do them once more
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Approve(approve::Args),
}

pub(crate) fn run(command: &Command, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, global, output),
        Command::Show(args) => show::run(args, global, output),
        Command::Replay(args) => replay::run(args, global, output),
        Command::Approve(args) => approve::run(args, global, output),
    }
}

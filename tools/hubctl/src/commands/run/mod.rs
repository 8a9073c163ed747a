//! `hubctl run`: what the exports did, and what is to be done once more, or undone.

mod approve;
mod list;
mod replay;
mod show;
mod undo_archive;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Global;
use crate::exit::Exit;
use crate::output::Output;

/// See what the exports did, do them once more, undo what they archived
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Approve(approve::Args),
    UndoArchive(undo_archive::Args),
}

pub(crate) fn run(command: &Command, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, global, output),
        Command::Show(args) => show::run(args, global, output),
        Command::Replay(args) => replay::run(args, global, output),
        Command::Approve(args) => approve::run(args, global, output),
        Command::UndoArchive(args) => undo_archive::run(args, global, output),
    }
}

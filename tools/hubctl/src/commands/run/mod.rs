//! `hubctl run`: what the exports did, and what is to be done once more, or undone.

mod approve;
mod list;
mod replay;
pub(in crate::commands) mod show;
mod undo_archive;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Global;
use crate::exit::Exit;
use crate::management::Reach;
use crate::output::Output;

/// See what the exports did, do them once more, undo what they archived
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    reach: Reach,

    #[command(subcommand)]
    command: Command,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Approve(approve::Args),
    UndoArchive(undo_archive::Args),
}

pub(crate) fn run(Group { reach, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, reach, global, output),
        Command::Show(args) => show::run(args, reach, global, output),
        Command::Replay(args) => replay::run(args, reach, global, output),
        Command::Approve(args) => approve::run(args, reach, global, output),
        Command::UndoArchive(args) => undo_archive::run(args, reach, global, output),
    }
}

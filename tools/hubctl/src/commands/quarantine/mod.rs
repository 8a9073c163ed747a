//! `hubctl quarantine`: shows findings that could not be sent, with the reasons, and redrives them.

mod entries;
mod list;
mod redrive;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::exit::Exit;
use crate::render::Output;

/// Inspect and redrive quarantined findings
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Redrive(redrive::Args),
}

pub(crate) fn run(Group { connection_args, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, connection_args, global, output),
        Command::Show(args) => show::run(args, connection_args, global, output),
        Command::Redrive(args) => redrive::run(args, connection_args, global, output),
    }
}

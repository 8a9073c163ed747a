//! `hubctl quarantine`: what could not be sent, with the reason and the finding itself; and sending it again.

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

/// See what could not be sent, and why, and send it again
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(subcommand)]
    command: Command,
}

/// What to do with what is in quarantine.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Redrive(redrive::Args),
}

pub(crate) fn run(Group { reach, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, reach, global, output),
        Command::Show(args) => show::run(args, reach, global, output),
        Command::Redrive(args) => redrive::run(args, reach, global, output),
    }
}

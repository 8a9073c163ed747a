//! `hubctl job`: the jobs of the deployment. Other commands submit jobs with [`submit`].

mod list;
pub(crate) mod outcome;
mod retry;
mod show;
pub(crate) mod submit;
pub(crate) mod wait;

use anyhow::Result;
use clap::Subcommand;

use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::exit::Exit;
use crate::render::Output;

/// List, inspect, and retry jobs
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
    Retry(retry::Args),
}

pub(crate) fn run(Group { connection_args, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, connection_args, global, output),
        Command::Show(args) => show::run(args, connection_args, global, output),
        Command::Retry(args) => retry::run(args, connection_args, global, output),
    }
}

//! `hubctl provider`: accounts and organizations with their credentials and scan schedules.

mod configure;
mod create;
mod credentials;
mod delete;
mod list;
mod show;
mod shown;

use anyhow::Result;
use clap::Subcommand;

use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::exit::Exit;
use crate::render::Output;

/// Manage providers (AWS accounts and organizations)
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
    Create(Box<create::Args>),
    List(list::Args),
    Show(show::Args),
    Configure(configure::Args),
    Credentials(Box<credentials::Args>),
    Delete(delete::Args),
}

pub(crate) fn run(Group { connection_args, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, connection_args, global, output),
        Command::List(args) => list::run(args, connection_args, global, output),
        Command::Show(args) => show::run(args, connection_args, global, output),
        Command::Configure(args) => configure::run(args, connection_args, global, output),
        Command::Credentials(args) => credentials::run(args, connection_args, global, output),
        Command::Delete(args) => delete::run(args, connection_args, global, output),
    }
}

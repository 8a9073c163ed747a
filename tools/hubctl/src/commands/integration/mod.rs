//! `hubctl integration`: which accounts' findings are exported, and how. The verbs are those of Prowler App's page.

mod configure;
mod create;
mod credentials;
mod delete;
mod enable;
mod list;
mod send_sample;
mod show;
pub(in crate::commands) mod shown;
mod test;
pub(in crate::commands) mod tested;
pub(in crate::commands) mod words;

use anyhow::Result;
use clap::Subcommand;

use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::exit::Exit;
use crate::render::Output;

/// Manage integrations: which accounts' findings are exported, and how
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
    Test(test::Args),
    SendSample(send_sample::Args),
    Configure(Box<configure::Args>),
    Credentials(Box<credentials::Args>),
    Enable(enable::EnableArgs),
    Disable(enable::DisableArgs),
    Delete(delete::Args),
}

pub(crate) fn run(Group { connection_args, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, connection_args, global, output),
        Command::List(args) => list::run(args, connection_args, global, output),
        Command::Show(args) => show::run(args, connection_args, global, output),
        Command::Test(args) => test::run(args, connection_args, global, output),
        Command::SendSample(args) => send_sample::run(args, connection_args, global, output),
        Command::Configure(args) => configure::run(args, connection_args, global, output),
        Command::Credentials(args) => credentials::run(args, connection_args, global, output),
        Command::Enable(args) => enable::enable(args, connection_args, global, output),
        Command::Disable(args) => enable::disable(args, connection_args, global, output),
        Command::Delete(args) => delete::run(args, connection_args, global, output),
    }
}

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
    reach: ConnectionArgs,

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

pub(crate) fn run(Group { reach, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, reach, global, output),
        Command::List(args) => list::run(args, reach, global, output),
        Command::Show(args) => show::run(args, reach, global, output),
        Command::Test(args) => test::run(args, reach, global, output),
        Command::SendSample(args) => send_sample::run(args, reach, global, output),
        Command::Configure(args) => configure::run(args, reach, global, output),
        Command::Credentials(args) => credentials::run(args, reach, global, output),
        Command::Enable(args) => enable::enable(args, reach, global, output),
        Command::Disable(args) => enable::disable(args, reach, global, output),
        Command::Delete(args) => delete::run(args, reach, global, output),
    }
}

//! `hubctl integration`: which accounts' findings go to Security Hub, and how.

mod create;
mod list;
pub(crate) mod role;
mod show;
mod words;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Global;
use crate::exit::Exit;
use crate::output::Output;

/// Configure whose findings go to Security Hub, and how
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(Box<create::Args>),
    List(list::Args),
    Show(show::Args),
}

pub(crate) fn run(command: &Command, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, global, output),
        Command::List(args) => list::run(args, global, output),
        Command::Show(args) => show::run(args, global, output),
    }
}

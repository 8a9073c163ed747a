//! `hubctl run`: what the exports did, and what is to be done again, or undone.

mod again;
mod approve;
mod list;
mod pending;
mod replay;
pub(in crate::commands) mod show;
mod undo_archive;

use anyhow::Result;
use clap::Subcommand;
use exporter::report::RunReport;

use crate::client::ConnectionArgs;
use crate::commands::job::submit::ExecutionOptions;
use crate::config::Global;
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::render::Output;
use crate::standalone::{Standalone, StateOption};

/// See what the exports did, do them again, undo what they archived
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    of: Of,

    #[command(subcommand)]
    command: Command,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Pending(pending::Args),
    Approve(approve::Args),
    UndoArchive(undo_archive::Args),
}

/// Whose runs.
#[derive(clap::Args, Clone, Debug, Default)]
struct Of {
    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(flatten)]
    state: StateOption,
}

impl Of {
    /// How the commands that are printed find the runs.
    fn origin(&self, global: &Global) -> Origin {
        match &self.state.place {
            Some(place) => Origin::standalone(place, global),
            None => Origin::deployment(&self.reach, global),
        }
    }

    /// Makes sure that what is asked for fits the place where it is done.
    fn check(&self, how: &ExecutionOptions) -> Result<(), Failure> {
        if self.state.place.is_some() { how.check_here("--state") } else { how.check(&self.reach) }
    }

    /// A run that there must be.
    async fn find(&self, run_id: &str, global: &Global) -> Result<RunReport> {
        match &self.state.place {
            Some(place) => Ok(Standalone::open(place, global).await?.find_run(run_id).await?),
            None => Ok(show::find(&self.reach.connect(global).await?, run_id).await?),
        }
    }
}

pub(crate) fn run(Group { of, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, of, global, output),
        Command::Show(args) => show::run(args, of, global, output),
        Command::Replay(args) => replay::run(args, of, global, output),
        Command::Pending(args) => pending::run(args, of, global, output),
        Command::Approve(args) => approve::run(args, of, global, output),
        Command::UndoArchive(args) => undo_archive::run(args, of, global, output),
    }
}

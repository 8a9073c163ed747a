//! `hubctl run`: lists, sums, replays, approves, and undoes runs.

mod approve;
mod history;
mod list;
mod pending;
mod reexport;
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

/// List, sum, replay, approve, and undo runs
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    source: RunSource,

    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    History(history::Args),
    Replay(replay::Args),
    Pending(pending::Args),
    Approve(approve::Args),
    UndoArchive(undo_archive::Args),
}

/// Where the runs are recorded.
#[derive(clap::Args, Clone, Debug, Default)]
struct RunSource {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    #[command(flatten)]
    state: StateOption,
}

impl RunSource {
    /// The options of printed commands that find the same runs.
    fn origin(&self, global: &Global) -> Origin {
        match &self.state.location {
            Some(location) => Origin::standalone(location, global),
            None => Origin::deployment(&self.connection_args, global),
        }
    }

    /// Rejects options that don't apply where the job runs.
    fn check(&self, execution: &ExecutionOptions) -> Result<(), Failure> {
        if self.state.location.is_some() {
            execution.check_standalone()
        } else {
            execution.check(&self.connection_args)
        }
    }

    /// Reads a run, which must exist.
    async fn find(&self, run_id: &str, global: &Global) -> Result<RunReport> {
        match &self.state.location {
            Some(location) => Ok(Standalone::open(location, global).await?.find_run(run_id).await?),
            None => Ok(show::find(&self.connection_args.connect(global).await?, run_id).await?),
        }
    }
}

pub(crate) fn run(Group { source, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, source, global, output),
        Command::Show(args) => show::run(args, source, global, output),
        Command::History(args) => history::run(args, source, global, output),
        Command::Replay(args) => replay::run(args, source, global, output),
        Command::Pending(args) => pending::run(args, source, global, output),
        Command::Approve(args) => approve::run(args, source, global, output),
        Command::UndoArchive(args) => undo_archive::run(args, source, global, output),
    }
}

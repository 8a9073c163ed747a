//! `hubctl run`: what the exports did, and what they are to do once more.

mod approve;
mod list;
mod replay;
mod show;

use anyhow::Result;
use clap::Subcommand;
use exporter::report::RunReport;

use crate::config::Global;
use crate::deployment::{Connected, port};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// See what the exports did, and do them once more
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Approve(approve::Args),
}

pub(crate) fn run(command: &Command, global: &Global, output: &mut Output) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, global, output),
        Command::Show(args) => show::run(args, global, output),
        Command::Replay(args) => replay::run(args, global, output),
        Command::Approve(args) => approve::run(args, global, output),
    }
}

/// A run of the deployment.
async fn find(connected: &Connected, run_id: &str) -> Result<RunReport> {
    let found = connected.cloud.run(run_id).await.map_err(|error| port(&error))?;
    found.ok_or_else(|| {
        Failure::new(Exit::Error, format!("there is no run {run_id}"))
            .hint("hubctl run list shows those there are")
            .into()
    })
}

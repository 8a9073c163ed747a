//! `hubctl run undo-archive`: what a run archived is active again.

use anyhow::Result;
use exporter::order::Order;

use crate::commands::orders::{self, Done, How};
use crate::config::Global;
use crate::exit::Exit;
use crate::output::Output;

/// Make active again what a run archived
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Sends the findings that the run archived once more, active, with the status that
they had; what analysts did to them stays. Findings that a later run sent or
archived are left (filtered: changed_since). It is recorded as a run.

The next scan decides anew: what it lacks it archives again. If the scan was
wrong, first mend it, or turn archiving off for the account.

Examples:
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --remote

JSON: an array of the new run's report, as `hubctl run show` gives it; with
--remote ordered.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let order = Order::UndoArchive { run_id: args.run_id.clone() };
    let again = format!("hubctl run undo-archive {}", args.run_id);
    match orders::give(&order, &again, &args.how, global, output)? {
        Done::Placed => orders::placed(&order, output),
        Done::Here(runs, state) => orders::conclude(&args.how.work, &runs, &state, output),
    }
}

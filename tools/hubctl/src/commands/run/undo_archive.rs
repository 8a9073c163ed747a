//! `hubctl run undo-archive`: what a run archived is active again.

use anyhow::Result;
use exporter::order::Order;

use crate::commands::order::give::{self, Given, How};
use crate::config::Global;
use crate::exit::Exit;
use crate::management::Reach;
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
  hubctl run undo-archive 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --no-wait

JSON: an array of the new run's report, as `hubctl run show` gives it; with
--no-wait the order, as `hubctl order show` gives it.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, reach: &Reach, global: &Global, output: &mut Output) -> Result<Exit> {
    let order = Order::UndoArchive { run_id: args.run_id.clone() };
    let again = format!("hubctl run undo-archive {}", args.run_id);
    match give::give(&order, &again, &args.how, reach, global, output)? {
        Given::Placed(order) => give::placed(&order, output),
        Given::Done(outcome) => give::conclude(&args.how.work, &outcome, output),
    }
}

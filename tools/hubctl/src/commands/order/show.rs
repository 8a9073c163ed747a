//! `hubctl order show`.

use anyhow::Result;
use exporter::order::OrderState;
use management::wire::OrderView;

use super::give::{each, exit, warn};
use super::list::tone;
use super::wait;
use crate::commands::integration::shown::read;
use crate::commands::origin::Origin;
use crate::commands::run_report;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::management::{Reach, segment};
use crate::output::{Facts, Output, Tone, text};

/// Show what became of an order
#[derive(clap::Args, Debug)]
#[command(after_help = "\
With --wait the exit code is that of its runs.

Examples:
  hubctl order show 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b
  hubctl order show 01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b --wait

JSON: id, order, about (the run, the account or the organisation; null: all),
state (waiting, done, refused, undone), message, runs, then (orders that go on
with it), placed_at, placed_by, settled_at. With --wait an array of its runs, as
`hubctl run show` gives them.")]
pub(crate) struct Args {
    /// The order, as `hubctl order list` names it
    #[arg(value_name = "ORDER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    order_id: String,

    /// Wait until it is carried out, and show its runs
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(args: &Args, reach: &Reach, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = Origin::deployment(reach, global);
    block_on(async {
        let management = reach.connect(global).await?;
        let answer = management.get(format!("/orders/{}", segment(&args.order_id))).await?;
        let order: OrderView = read(&answer.body)?;
        if args.wait {
            let settled = wait::settled(&management, order, output).await?;
            warn(&settled.refused, output)?;
            match output.format {
                Format::Json => output.json(&settled.runs)?,
                Format::Table => each(&settled.runs, output, |run, output| run_report::write(run, &origin, output))?,
            }
            return Ok(if settled.refused.is_empty() { exit(&settled.runs) } else { Exit::Error });
        }
        match output.format {
            Format::Json => output.json(&answer.body)?,
            Format::Table => output.facts(&facts(&order, &origin))?,
        }
        Ok(if order.state == OrderState::Refused { Exit::Error } else { Exit::Success })
    })
}

fn facts(order: &OrderView, origin: &Origin) -> Facts {
    let mut facts = Facts::new();
    facts.add(Tone::Strong, "Order", &order.id);
    facts.add(Tone::Plain, "What", &order.order);
    facts.add(Tone::Plain, "About", order.about.as_deref().unwrap_or("all"));
    facts.add(tone(order.state), "State", order.state.as_str());
    if let Some(message) = &order.message {
        facts.add(Tone::Plain, "Why", text::harmless(message));
    }
    facts.add(Tone::Plain, "Placed", format!("{} by {}", text::time(order.placed_at), order.placed_by));
    if let Some(at) = order.settled_at {
        facts.add(Tone::Plain, "Settled", text::time(at));
    }
    for run_id in &order.runs {
        facts.add(Tone::Plain, "Run", origin.command(&format!("hubctl run show {run_id}")));
    }
    for next in &order.then {
        facts.add(Tone::Plain, "Goes on", origin.command(&format!("hubctl order show {next}")));
    }
    facts
}

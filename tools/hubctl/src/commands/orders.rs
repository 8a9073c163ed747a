//! What an operator orders about earlier runs: done on this machine, or left to the deployment.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use exporter::mend::Options;
use exporter::order::{Order, OrderError, carry_out};
use exporter::ports::Queue;
use exporter::progress::Progress;
use exporter::report::RunReport;

use super::export::{Work, work};
use super::run_report;
use crate::config::{Format, Global};
use crate::deployment::{self, Connected, port};
use crate::exit::{Exit, Failure};
use crate::output::{Output, text};
use crate::progress::Watch;

/// How an order is carried out.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct How {
    #[command(flatten)]
    pub(crate) remote: Remote,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Where an order is carried out.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Remote {
    /// Leave it to the deployment: put the order on its queue, and do not wait
    #[arg(long, conflicts_with_all = ["report", "calls_per_second", "calls_burst"])]
    pub(crate) remote: bool,
}

/// What became of an order.
pub(crate) enum Done {
    /// It is on the queue.
    Placed,
    /// It was carried out here. The place that reports and quarantine are kept in is named.
    Here(Vec<RunReport>, String),
}

/// Carries out an order, or places it. `again`: the command that does the same once more.
pub(crate) fn give(order: &Order, again: &str, how: &How, global: &Global, output: &Output) -> Result<Done> {
    deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        if how.remote.remote {
            place(order, &connected).await?;
            return Ok(Done::Placed);
        }
        let runs = here(order, again, &how.work, &connected, output).await?;
        Ok(Done::Here(runs, connected.state()))
    })
}

/// Puts an order on the deployment's queue.
pub(crate) async fn place(order: &Order, connected: &Connected) -> Result<()> {
    let placed = connected.cloud.order(order, Duration::ZERO).await.map_err(|error| port(&error))?;
    if placed {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "the deployment's queue is not known, which --remote needs")
        .hint("--stack NAME finds it")
        .into())
}

/// Says that an order is on the queue.
pub(crate) fn placed(order: &Order, output: &mut Output) -> Result<Exit> {
    match output.format {
        Format::Json => output.json(&serde_json::json!({ "ordered": order }))?,
        Format::Table => output.line(format!("Ordered to {order}. hubctl run list shows what comes of it."))?,
    }
    Ok(Exit::Success)
}

/// Says that several orders are on the queue.
pub(crate) fn all_placed(orders: &[Order], output: &mut Output) -> Result<Exit> {
    if output.format == Format::Json {
        output.json(&orders.iter().map(|order| serde_json::json!({ "ordered": order })).collect::<Vec<_>>())?;
        return Ok(Exit::Success);
    }
    for order in orders {
        placed(order, output)?;
    }
    Ok(Exit::Success)
}

async fn here(
    order: &Order,
    again: &str,
    work: &Work,
    connected: &Connected,
    output: &Output,
) -> Result<Vec<RunReport>> {
    let progress = Arc::new(Progress::default());
    let seen = progress.clone();
    let look = move || (0, format!("{} sent", text::count(seen.findings_sent())));
    let watch = Watch::begin(output.err_style, None, look);
    let options = Options { progress, ..Options::default() };
    let settings = work.settings();
    let done = tokio::select! {
        done = carry_out(&connected.cloud, &settings, order, &options) => done,
        _ = tokio::signal::ctrl_c() => {
            drop(watch);
            return Err(Failure::new(Exit::Error, "interrupted; what was on its way may have arrived")
                .hint(format!("the account is free within 15 minutes, then go on: {again}"))
                .into());
        }
    };
    drop(watch);
    done.map_err(|error| match error {
        OrderError::Refused(message) => Failure::new(Exit::Error, message).into(),
        OrderError::Busy(message) => Failure::new(Exit::Error, message).hint(again).into(),
        OrderError::Failed(error) => work::failed(&error, again).into(),
    })
}

/// Says what the runs of an order did. A single one as `hubctl run show` does.
pub(crate) fn conclude(work: &Work, runs: &[RunReport], state: &str, output: &mut Output) -> Result<Exit> {
    work.keep(&runs)?;
    match output.format {
        Format::Json => output.json(&runs)?,
        Format::Table => each(runs, output, |run, output| run_report::write(run, state, output))?,
    }
    let exits = runs.iter().map(run_report::exit);
    Ok(exits.max_by_key(|exit| exit.graveness()).unwrap_or(Exit::Success))
}

/// Writes something of each run, with an empty line between.
fn each(
    runs: &[RunReport],
    output: &mut Output,
    write: impl Fn(&RunReport, &mut Output) -> io::Result<()>,
) -> io::Result<()> {
    for (index, run) in runs.iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        write(run, output)?;
    }
    Ok(())
}

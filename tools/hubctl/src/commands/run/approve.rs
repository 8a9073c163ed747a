//! `hubctl run approve`: a person lets an archive go that a run held back, because it was larger than the integration's
//! limit.

use std::io::{self, BufRead, IsTerminal};

use anyhow::Result;
use asff::AccountId;
use exporter::export::Options;
use exporter::order::Order;
use exporter::report::{ArchiveSkipped, RunReport};

use super::replay::open_again;
use crate::commands::export::{Work, work};
use crate::commands::orders::{self, Remote};
use crate::config::Global;
use crate::deployment;
use crate::exit::{Exit, Failure};
use crate::output::{Output, text};

/// Archive what a run held back for being more than the limit
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A run that would archive more of an account's live findings than the
integration's limit archives nothing and says archive_held. Where the scan is
right, this exports it once more on this machine, or with --remote by the
deployment, and archives all of it. `hubctl run undo-archive` takes it back.

Examples:
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --yes

JSON: the report of the new run, as `hubctl run show` gives it; with --remote
ordered.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    remote: Remote,

    #[command(flatten)]
    work: Work,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let order = Order::Approve { run_id: args.run_id.clone() };
    let done = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let earlier = connected.find_run(&args.run_id).await?;
        let held = held(&earlier)?;
        if !args.yes && !agreed(&held, output)? {
            return Err(Failure::new(Exit::Error, "nothing was archived").into());
        }
        if args.remote.remote {
            orders::place(&order, &connected).await?;
            return Ok(None);
        }
        let scan = open_again(&earlier, &connected).await?;
        let options = Options { again: true, approved: true, ..Options::default() };
        let report = work::export(&connected.cloud, &args.work, scan, options, output).await?;
        Ok(Some((report, connected.state())))
    })?;
    match done {
        Some((report, state)) => work::conclude(&args.work, &report, &state, output),
        None => orders::placed(&order, output),
    }
}

/// What the run holds: the account, the findings that are over, and how many were live.
fn held(run: &RunReport) -> Result<Vec<(AccountId, u64, u64)>, Failure> {
    let held: Vec<_> = run
        .accounts
        .iter()
        .filter_map(|(account, part)| match part.archive {
            Some(ArchiveSkipped::ArchiveHeld { over, live }) => Some((*account, over, live)),
            _ => None,
        })
        .collect();
    if held.is_empty() {
        let message = format!("run {} ({}) holds no archive back", run.run_id, run.status.as_str());
        return Err(
            Failure::new(Exit::Error, message).hint(format!("hubctl run show {} shows what it did", run.run_id))
        );
    }
    Ok(held)
}

/// Asks whoever sits at the terminal.
fn agreed(held: &[(AccountId, u64, u64)], output: &mut Output) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "nobody is there to be asked whether to archive")
            .hint("add --yes to agree beforehand")
            .into());
    }
    for (account, over, live) in held {
        let live = text::counted(*live, "live finding", "live findings");
        output.note(format!("account {account}: {} of {live} are over by the scan", text::count(*over)))?;
    }
    output.note("Archive them? Type yes:")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use exporter::report::AccountReport;
    use exporter::upload::UploadInfo;

    use super::*;

    #[test]
    fn only_a_run_that_holds_an_archive_back_can_be_approved() {
        let upload = UploadInfo { source: "s3://b/k".to_owned(), etag: String::new(), bytes: 0, modified_at: None };
        let mut run = RunReport::begin("1".to_owned(), upload, "2026-11-23T00:00:00Z".parse().unwrap());
        let account: AccountId = "123456789012".parse().unwrap();
        run.accounts.insert(account, AccountReport::default());
        assert!(held(&run).unwrap_err().message.contains("holds no archive back"));
        let archive = Some(ArchiveSkipped::ArchiveHeld { over: 80, live: 120 });
        run.accounts.insert(account, AccountReport { archive, ..AccountReport::default() });
        assert_eq!(held(&run).unwrap(), [(account, 80, 120)]);
    }
}

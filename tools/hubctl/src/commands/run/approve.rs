//! `hubctl run approve`: a person lets an archive go that a run held back, because it was larger than the integration's
//! limit.

use anyhow::Result;
use asff::AccountId;
use exporter::order::Order;
use exporter::report::{ArchiveSkipped, RunReport};

use super::replay::here;
use super::show::find;
use crate::commands::ask::Person;
use crate::commands::order::give::{self, Given, How};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::management::Reach;
use crate::output::{Output, text};

/// Archive what a run held back for being more than the limit
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A run that would archive more of an account's live findings than the
integration's limit archives nothing and says archive_held. Where the scan is
right, this exports it once more and archives all of it. `hubctl run
undo-archive` takes it back.

Examples:
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run approve 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --yes

JSON: the report of the new run, as `hubctl run show` gives it; with --no-wait
the order, as `hubctl order show` gives it.")]
pub(crate) struct Args {
    /// The run, as `hubctl run list` names it
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, reach: &Reach, global: &Global, output: &mut Output) -> Result<Exit> {
    args.how.check(reach)?;
    let mut person = Person::at_terminal();
    if !args.yes {
        person.must_be_there("whether to archive", "add --yes to agree beforehand")?;
    }
    let given = block_on(async {
        let management = reach.connect(global).await?;
        let held = held(&find(&management, &args.run_id).await?)?;
        if !args.yes && !agreed(&mut person, &held, output)? {
            return Err(Failure::new(Exit::Error, "nothing was archived").into());
        }
        if reach.local {
            return Ok(None);
        }
        let order = Order::Approve { run_id: args.run_id.clone() };
        give::by_deployment(&order, &args.how, &management, output).await.map(Some)
    })?;
    match given {
        None => here(&args.run_id, true, &args.how.work, global, output),
        Some(Given::Placed(order)) => give::placed(&order, output),
        Some(Given::Done(outcome)) => give::conclude_one(&args.how.work, &outcome, output),
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
fn agreed(person: &mut Person, held: &[(AccountId, u64, u64)], output: &mut Output) -> Result<bool> {
    for (account, over, live) in held {
        let live = text::counted(*live, "live finding", "live findings");
        output.note(format!("account {account}: {} of {live} are over by the scan", text::count(*over)))?;
    }
    person.agrees("Archive them? Type yes:", output)
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

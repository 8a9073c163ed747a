//! `hubctl run approve`: a person lets an archive go that a run held back, because it was larger than the integration's
//! limit.

use anyhow::Result;
use asff::AccountId;
use exporter::order::Order;
use exporter::report::{ArchiveSkipped, RunKind, RunReport, RunStatus};

use super::replay::here;
use super::show::find;
use crate::commands::ask::Person;
use crate::commands::integration::shown::read;
use crate::commands::order::give::{self, Given, How};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::management::{Management, Reach};
use crate::output::{Output, text};

/// Runs of an account that are looked through for one with a newer scan.
const NEWER_RUNS_MAX: usize = 100;

/// Accounts with the findings that are over by the scan, and those that were live.
type Held = Vec<(AccountId, u64, u64)>;

/// Archive what a run held back for being more than the limit
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A run that would archive more of an account's live findings than the
integration's limit archives nothing and says archive_held. Where the scan is
right, this exports it once more and archives all of it. `hubctl run
undo-archive` takes it back. A scan that a newer one has overtaken archives
nothing more: then the newer run is named, if it holds an archive back itself.

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
        let run = find(&management, &args.run_id).await?;
        let held = timely(&run, held(&run)?, &management, output).await?;
        if !args.yes && !agreed(&mut person, &held, output)? {
            return Err(Failure::new(Exit::Error, "nothing was archived").into());
        }
        if reach.local {
            return Ok(None);
        }
        let order = Order::Approve { run_id: args.run_id.clone(), pending: false, unproven: false };
        give::by_deployment(&order, &args.how, &management, output).await.map(Some)
    })?;
    match given {
        None => here(&args.run_id, true, &args.how.work, global, output),
        Some(Given::Placed(order)) => give::placed(&order, output),
        Some(Given::Done(outcome)) => {
            let exit = give::conclude_one(&args.how.work, &outcome, output)?;
            let in_vain = exit == Exit::Success && outcome.runs.iter().any(is_superseded);
            Ok(if in_vain { Exit::Error } else { exit })
        }
    }
}

/// Whether a run archived nothing for a newer scan was faster.
fn is_superseded(run: &RunReport) -> bool {
    run.status == RunStatus::Superseded
}

/// Those of the held accounts of which no newer scan is known. Says which the others are.
async fn timely(run: &RunReport, held: Held, management: &Management, output: &mut Output) -> Result<Held> {
    let mut timely = Held::new();
    let mut hint = None;
    for (account, over, live) in held {
        let listed = management.list(&format!("/runs?account={account}"), NEWER_RUNS_MAX).await?;
        let runs: Vec<RunReport> = listed.iter().map(read).collect::<Result<_, _>>()?;
        let Some(newer) = overtaken_by(run, account, &runs) else {
            timely.push((account, over, live));
            continue;
        };
        let again = format!("hubctl run approve {}", newer.run_id);
        let is_held = holds(newer, account).is_some();
        let message = format!("account {account}: run {} exported a newer scan since", newer.run_id);
        let look = format!("hubctl run show {}", newer.run_id);
        output.warning(message, Some(if is_held { &again } else { &look }))?;
        hint = hint.or(is_held.then_some(again));
    }
    if timely.is_empty() {
        let message = format!("run {} is overtaken: to approve it would archive nothing", run.run_id);
        let hint = hint.unwrap_or_else(|| "the newer run archived what is over by its scan".to_owned());
        return Err(Failure::new(Exit::Error, message).hint(hint).into());
    }
    Ok(timely)
}

/// The newest run of an account that worked on a newer scan of it.
fn overtaken_by<'a>(run: &RunReport, account: AccountId, runs: &'a [RunReport]) -> Option<&'a RunReport> {
    let worked = |other: &&RunReport| {
        matches!(other.status, RunStatus::Succeeded | RunStatus::Degraded | RunStatus::Unfinished)
            && other.kind == RunKind::Export
            && other.accounts.get(&account).is_some_and(|part| part.problem.is_none())
    };
    let newer = runs.iter().filter(worked).filter(|other| other.scanned_at > run.scanned_at);
    newer.max_by_key(|other| (other.scanned_at, other.started_at))
}

/// What a run holds of an account: the findings that are over, and how many were live.
fn holds(run: &RunReport, account: AccountId) -> Option<(u64, u64)> {
    match run.accounts.get(&account)?.archive {
        Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) => Some((pending, active)),
        _ => None,
    }
}

/// What the run holds of each account.
fn held(run: &RunReport) -> Result<Held, Failure> {
    let of = |account: &AccountId| holds(run, *account).map(|(over, live)| (*account, over, live));
    let held: Held = run.accounts.keys().filter_map(of).collect();
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
        let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
        run.accounts.insert(account, AccountReport { archive, ..AccountReport::default() });
        assert_eq!(held(&run).unwrap(), [(account, 80, 120)]);
    }

    #[test]
    fn the_newest_run_that_worked_on_a_newer_scan_overtakes() {
        let account: AccountId = "123456789012".parse().unwrap();
        let of = |id: &str, hour: i8, status| {
            let upload = UploadInfo { source: "s3://b/k".to_owned(), etag: String::new(), bytes: 0, modified_at: None };
            let mut run = RunReport::begin(id.to_owned(), upload, "2026-11-23T12:00:00Z".parse().unwrap());
            run.scanned_at = Some(format!("2026-11-23T{hour:02}:00:00Z").parse().unwrap());
            run.status = status;
            run.accounts.insert(account, AccountReport::default());
            run
        };
        let held = of("held", 8, RunStatus::Degraded);
        let mut never_begun = of("refused", 11, RunStatus::Degraded);
        never_begun.accounts.get_mut(&account).unwrap().problem = Some("off".to_owned());
        let runs = [
            of("older", 7, RunStatus::Succeeded),
            held.clone(),
            of("newer", 9, RunStatus::Degraded),
            of("newest", 10, RunStatus::Succeeded),
            of("late", 10, RunStatus::Superseded),
            never_begun,
        ];
        assert_eq!(overtaken_by(&held, account, &runs).unwrap().run_id, "newest");
        assert!(overtaken_by(&held, account, &runs[..2]).is_none());
        assert!(overtaken_by(&held, "210987654321".parse().unwrap(), &runs).is_none());
    }
}

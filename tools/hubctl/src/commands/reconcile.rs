//! `hubctl reconcile`: compares Security Hub with the export state and corrects differences.

use std::sync::Arc;

use anyhow::Result;
use asff::{AccountId, RegionName};
use exporter::jobs::{Job, accounts_with_state};
use exporter::jobs::{JobRunner, Reconcile};
use exporter::report::{Drift, RegionReport, RunReport};

use super::job::submit::{self, ExecutionOptions, Submitted};
use crate::args::filters::region;
use crate::client::ConnectionArgs;
use crate::config::{Format, Global};
use crate::deployment::{block_on, port};
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::run_report;
use crate::render::{Column, Output, Table, TextStyle, text};
use crate::standalone::{Standalone, StateLocation, StateOption};

/// Compare Security Hub with the export state and fix differences
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Reads each account's active findings from Security Hub, 300 per second in each
Region. Findings that Security Hub lacks (missing), or has in an older version
(different), are resent as they were last sent. Findings that the exporter
didn't send (unknown) are adopted, so that a later scan can archive them. Each
account has its own run. Findings that others archived can't be detected; they
stay archived.

Exit codes: 3 a Region could not be compared or fixed; 6 differences found, with
--dry-run.

Examples:
  hubctl reconcile --dry-run
  hubctl reconcile --account 123456789012 --regions eu-west-1,us-east-1
  hubctl reconcile --account 123456789012 --no-wait
  hubctl reconcile --state .prowler-state

JSON: an array of run_id, account, region, same, missing, unknown, different,
fixed, and problem, if any; with --no-wait an array of the jobs.")]
pub(crate) struct Args {
    /// Only this account; repeatable [default: every account with findings]
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<AccountId>,

    /// Only these Regions, separated by commas [default: all]
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', value_parser = region)]
    regions: Vec<RegionName>,

    /// Report differences without changing anything
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    connection_args: ConnectionArgs,

    #[command(flatten)]
    state: StateOption,

    #[command(flatten)]
    execution: ExecutionOptions,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let accounts: Vec<_> =
        if args.accounts.is_empty() { vec![None] } else { args.accounts.iter().copied().map(Some).collect() };
    let (mut runs, mut message, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(location) = &args.state.location {
        runs = standalone(args, location, global, output)?;
    }
    for account in accounts.into_iter().filter(|_| args.state.location.is_none()) {
        let provider = account.map(Into::into);
        let job = Job::Reconcile { provider, regions: args.regions.clone(), dry_run: args.dry_run };
        match submit::submit(
            &job,
            &retry_command(args, account),
            &args.execution,
            &args.connection_args,
            global,
            output,
        )? {
            Submitted::Queued(job) => message.push(job),
            Submitted::Finished(done) => {
                runs.extend(done.runs);
                refused.extend(done.refused);
            }
        }
    }
    if !message.is_empty() {
        if output.format == Format::Json {
            output.json(&message)?;
            return Ok(Exit::Success);
        }
        message.iter().try_for_each(|job| submit::report_submitted(job, output).map(drop))?;
        return Ok(Exit::Success);
    }
    args.execution.work.save_report(&runs)?;
    let rows: Vec<Row> = runs.iter().flat_map(rows).collect();
    match output.format {
        Format::Json => output.json(&rows)?,
        Format::Table if rows.is_empty() => output.note("No findings were sent yet: nothing to compare.")?,
        Format::Table => write(&runs, &rows, args.dry_run, output)?,
    }
    submit::warn(&refused, output)?;
    Ok(if refused.is_empty() { exit(&runs, &rows, args.dry_run) } else { Exit::Error })
}

/// Reconciles without a deployment, each account with the settings of its newest run.
fn standalone(args: &Args, location: &StateLocation, global: &Global, output: &Output) -> Result<Vec<RunReport>> {
    args.execution.check_standalone()?;
    let origin = Origin::standalone(location, global);
    block_on(async {
        let opened = Standalone::open(location, global).await?;
        let accounts = match args.accounts.as_slice() {
            [] => accounts_with_state(&opened).await.map_err(|error| port(&error))?,
            named => named.to_vec(),
        };
        let mut runs = Vec::new();
        for account in accounts {
            let earlier = opened.list_runs(usize::MAX, Some(account)).await?;
            let ports = Arc::new(Standalone::open_as_newest(location, &earlier, global).await?);
            let runner = JobRunner::new(ports, args.execution.work.settings(&origin));
            let what = Reconcile { regions: args.regions.clone(), dry_run: args.dry_run };
            let compare = async |options| Ok(vec![runner.reconcile(account, &what, &options).await?]);
            runs.extend(
                submit::with_progress(&origin.command(&retry_command(args, Some(account))), output, compare).await?,
            );
        }
        Ok(runs)
    })
}

/// The command that retries for one account.
fn retry_command(args: &Args, account: Option<AccountId>) -> String {
    let mut words = vec!["hubctl reconcile".to_owned()];
    words.extend(account.map(|account| format!("--account {account}")));
    if !args.regions.is_empty() {
        let names: Vec<_> = args.regions.iter().map(ToString::to_string).collect();
        words.push(format!("--regions {}", names.join(",")));
    }
    words.extend(args.dry_run.then(|| "--dry-run".to_owned()));
    words.join(" ")
}

/// The result of a Region.
#[derive(serde::Serialize)]
struct Row<'a> {
    run_id: &'a str,
    account: AccountId,
    region: RegionName,
    #[serde(flatten)]
    drift: Drift,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

fn rows(run: &RunReport) -> impl Iterator<Item = Row<'_>> {
    run.accounts.iter().flat_map(|(account, part)| {
        part.regions.iter().map(|(region, report)| {
            let mut drift = report.drift.clone().unwrap_or_default();
            let problem = problem(report).or(drift.unread.take());
            Row { run_id: &run.run_id, account: *account, region: *region, drift, problem }
        })
    })
}

/// Why a Region was not compared or not fixed.
fn problem(report: &RegionReport) -> Option<String> {
    let unavailable = report
        .unavailable
        .as_ref()
        .map(|why| format!("{}: {}", why.reason, why.remediation.as_deref().unwrap_or(&why.message)));
    unavailable.or_else(|| report.unfinished.clone())
}

fn write(runs: &[RunReport], rows: &[Row<'_>], dry_run: bool, output: &mut Output) -> Result<()> {
    let mut table = Table::new([
        Column::Text("Account"),
        Column::Text("Region"),
        Column::Number("Same"),
        Column::Number("Missing"),
        Column::Number("Unknown"),
        Column::Number("Different"),
        Column::Number("Fixed"),
    ]);
    for Row { account, region, drift, problem, .. } in rows {
        let text_style = match (problem, drift.total()) {
            (Some(_), _) => TextStyle::Bad,
            (None, 0) => TextStyle::Good,
            (None, total) if total == drift.fixed => TextStyle::Plain,
            (None, _) => TextStyle::Warning,
        };
        let numbers = [drift.same, drift.missing, drift.unknown, drift.different, drift.fixed].map(text::count);
        table.row(text_style, [account.to_string(), region.to_string()].into_iter().chain(numbers));
    }
    output.table(&table)?;
    for row in rows.iter().filter(|row| row.problem.is_some()) {
        let why = row.problem.as_deref().unwrap_or_default();
        output.warning(format!("account {}, {}: {}", row.account, row.region, text::harmless(why)), None)?;
    }
    if dry_run {
        output.note("Nothing was changed. To fix the differences, run without --dry-run.")?;
        return Ok(());
    }
    for run in runs {
        output.note(format!("Run {}: {}", run.run_id, run.status.as_str()))?;
    }
    Ok(())
}

fn exit(runs: &[RunReport], rows: &[Row<'_>], dry_run: bool) -> Exit {
    let left = |row: &Row<'_>| row.problem.is_some() || (!dry_run && row.drift.fixed < row.drift.total());
    if rows.iter().any(left) {
        return Exit::Findings;
    }
    let differs = dry_run && rows.iter().any(|row| row.drift.total() > 0);
    let own = if differs { Exit::Differs } else { Exit::Success };
    runs.iter().map(run_report::exit).chain([own]).max_by_key(|exit| exit.severity()).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_an_exit_code() {
        let row = |missing, fixed, problem: Option<&str>| Row {
            run_id: "r",
            account: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            drift: Drift { missing, fixed, ..Drift::default() },
            problem: problem.map(str::to_owned),
        };
        assert_eq!(exit(&[], &[row(0, 0, None)], true), Exit::Success);
        assert_eq!(exit(&[], &[row(0, 0, None), row(561, 0, None)], true), Exit::Differs);
        assert_eq!(exit(&[], &[row(561, 561, None)], false), Exit::Success);
        assert_eq!(exit(&[], &[row(561, 560, None)], false), Exit::Findings);
        assert_eq!(exit(&[], &[row(561, 0, Some("denied"))], true), Exit::Findings);
    }
}

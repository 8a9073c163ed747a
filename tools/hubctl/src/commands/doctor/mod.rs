//! `hubctl doctor`: is everything as it should be, and how to fix it if not.

mod accounts;
mod deployment;
mod text;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use asff::{AccountId, RegionName};
use exporter::connection::{CheckTarget, Connection, ConnectionStatus};
use exporter::provider::ProviderId;
use exporter::targets::{TargetSelection, select_targets};
use jiff::Timestamp;
use serde::Serialize;

pub(crate) use self::deployment::{Finding, Health};
use crate::config::{Format, Global};
use crate::deployment::{block_on, connect, port, which_deployment};
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::render::run_report::CREDENTIAL_REASONS;

/// Check every connection and the deployment itself, and say how to fix them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The deployed function check-connections looks at each Region of each account,
as it does each hour: its identity is the one that roles of other accounts
trust. Its verdict is kept. Where it can't be invoked that is said, and the
deployment looked at all the same. With --local the accounts are looked at with
your own credentials, which needs roles that trust you, and nothing is kept.

Beside the accounts: whether an integration exports, removals that hang, scans
that are overdue, the newest exports and archives that wait for approval; of a
stack its bucket, rule, queues, functions, schedule, alarms and mails.

Exit codes: 0 all is well, 4 credentials, 5 something is wrong, 1 nothing is
known to be wrong, but something could not be looked at or did not answer.

Examples:
  hubctl doctor --stack securityhub-exporter
  hubctl doctor --integration 123456789012
  hubctl doctor --local --table TABLE --state-bucket BUCKET
  hubctl doctor --output json | jq -r '.connections[].problem.fix'

JSON: status (ok, credentials, degraded or unknown), deployment (check, status,
message, fix), connections (account, provider, status, regions), problems.")]
pub(crate) struct Args {
    /// Only this integration: an account or an organization; may be repeated
    #[arg(long = "integration", value_name = "ID")]
    integrations: Vec<ProviderId>,

    /// Look at the accounts with your own credentials, and keep nothing
    #[arg(long)]
    local: bool,

    /// Show every Region, also those that never took findings
    #[arg(long)]
    all_regions: bool,
}

/// All that was found.
#[derive(Serialize)]
struct Diagnosis {
    status: &'static str,
    deployment: Vec<Finding>,
    connections: Vec<Connection>,
    problems: Vec<String>,
    /// The Regions of accounts that take no findings and should.
    #[serde(skip)]
    gaps: BTreeMap<AccountId, BTreeSet<RegionName>>,
    /// Whether the function that checks refused the caller.
    #[serde(skip)]
    is_caller_refused: bool,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    if !args.local && global.stack.is_none() {
        return Err(no_stack(global).into());
    }
    let style = output.err_style;
    let mut diagnosis = block_on(async {
        let connected = connect(global).await?;
        let wanted = if args.integrations.is_empty() {
            TargetSelection::All
        } else {
            TargetSelection::Integrations(args.integrations.clone())
        };
        let roll = select_targets(&*connected.cloud, &wanted).await.map_err(|error| port(&error))?;
        let mut problems = roll.problems;
        let mut is_caller_refused = false;
        let targets = roll.targets;
        let connections = if args.local {
            accounts::look(&connected.cloud, targets.clone(), style).await?
        } else {
            let accounts: Vec<AccountId> = targets.iter().map(|target| target.account).collect();
            let function = connected.stack.as_ref().and_then(|stack| stack.check_function_name.as_deref());
            let (connections, failure) =
                accounts::ask(&connected.config, function, accounts, &mut problems, style).await;
            if let Some(failure) = failure {
                is_caller_refused = failure.exit == Exit::Credentials;
                problems.push(unasked(&failure));
            } else {
                problems.extend(not_checked(&targets, &connections));
            }
            connections
        };
        let mut deployment = match &connected.stack {
            Some(stack) => deployment::inspect(&connected.config, global.stack.as_deref(), stack).await,
            None => Vec::new(),
        };
        let pattern = connected.stack.as_ref().and_then(|stack| stack.member_role_name_pattern.as_deref());
        let now = Timestamp::now();
        deployment.extend(work::look(&connected.cloud, &args.integrations, &targets, pattern, now).await);
        let gaps = gaps(&targets, &connections);
        Ok(Diagnosis { status: "ok", deployment, connections, problems, gaps, is_caller_refused })
    })?;
    let exit = exit(&diagnosis);
    diagnosis.status = match exit {
        Exit::Credentials => "credentials",
        Exit::Degraded => "degraded",
        Exit::Success => "ok",
        _ => "unknown",
    };
    match output.format {
        Format::Json => output.json(&diagnosis)?,
        Format::Table => text::write(&diagnosis, args.all_regions, output)?,
    }
    Ok(exit)
}

/// The checks of the deployment, without those of its accounts.
pub(crate) async fn inspect(global: &Global) -> Result<Vec<Finding>> {
    let connected = connect(global).await?;
    let roll = select_targets(&*connected.cloud, &TargetSelection::All).await.map_err(|error| port(&error))?;
    let mut found = match &connected.stack {
        Some(stack) => deployment::inspect(&connected.config, global.stack.as_deref(), stack).await,
        None => Vec::new(),
    };
    let pattern = connected.stack.as_ref().and_then(|stack| stack.member_role_name_pattern.as_deref());
    found.extend(work::look(&connected.cloud, &[], &roll.targets, pattern, Timestamp::now()).await);
    Ok(found)
}

/// The function's name is the stack's to tell.
fn no_stack(global: &Global) -> Failure {
    if global.table.is_none() || global.state_bucket.is_none() {
        return which_deployment();
    }
    Failure::new(Exit::Usage, "the function that checks is not known: no stack is named")
        .hint("add --stack NAME, or --local to look with your own credentials")
}

/// The accounts of which the function said nothing.
fn not_checked(targets: &[CheckTarget], connections: &[Connection]) -> Option<String> {
    let known: BTreeSet<_> = connections.iter().map(|connection| connection.account).collect();
    let missing: Vec<_> =
        targets.iter().map(|target| target.account).filter(|account| !known.contains(account)).collect();
    let first = missing.first()?;
    let (checked, all) = (targets.len() - missing.len(), targets.len());
    Some(format!("{checked} of {all} accounts were checked; the first of the others is {first}"))
}

/// The Regions that take no findings and should, of each account that has such.
fn gaps(targets: &[CheckTarget], connections: &[Connection]) -> BTreeMap<AccountId, BTreeSet<RegionName>> {
    let by_account: BTreeMap<_, _> = targets.iter().map(|target| (target.account, &target.integration)).collect();
    let of = |connection: &Connection| {
        let gaps = connection.missing_regions(by_account.get(&connection.account)?);
        (!gaps.is_empty()).then_some((connection.account, gaps))
    };
    connections.iter().filter_map(of).collect()
}

/// That the function could not be asked, with the other way.
fn unasked(failure: &Failure) -> String {
    let message = &failure.message;
    format!("not all accounts were checked: {message}. With your own credentials: hubctl doctor --local")
}

/// Whether it is the credentials that keep an account from being reached.
pub(crate) fn are_credentials_refused(connections: &[Connection]) -> bool {
    let problems = connections.iter().filter_map(|connection| connection.problem.as_ref());
    problems.map(|problem| problem.reason.as_str()).any(|reason| CREDENTIAL_REASONS.contains(&reason))
}

/// What a script should know.
fn exit(diagnosis: &Diagnosis) -> Exit {
    if diagnosis.is_caller_refused || are_credentials_refused(&diagnosis.connections) {
        return Exit::Credentials;
    }
    let Diagnosis { deployment, connections, problems, gaps, .. } = diagnosis;
    let is_wrong =
        |connection: &Connection| connection.status != ConnectionStatus::Connected && !connection.is_unanswered();
    let wrong = connections.iter().any(is_wrong) || !gaps.is_empty() || !problems.is_empty();
    if wrong || deployment.iter().any(Finding::is_bad) {
        return Exit::Degraded;
    }
    let unknown = connections.iter().any(Connection::is_unanswered) || deployment.iter().any(Finding::is_unknown);
    if unknown { Exit::Error } else { Exit::Success }
}

#[cfg(test)]
mod tests;

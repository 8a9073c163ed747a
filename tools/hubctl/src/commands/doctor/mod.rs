//! `hubctl doctor`: checks the connections and the deployment, and shows how to fix problems.

mod accounts;
mod deployment;
mod text;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use asff::{AccountId, RegionName};
use exporter::connection::targets::{TargetSelection, select_targets};
use exporter::connection::{CheckTarget, Connection, ConnectionStatus};
use exporter::model::provider::ProviderId;
use jiff::Timestamp;
use serde::Serialize;

pub(crate) use self::deployment::{Finding, Health};
use crate::config::{Format, Global};
use crate::deployment::{block_on, connect, port, which_deployment};
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::render::run_report::CREDENTIAL_REASONS;

/// Check all connections and the deployment, and show how to fix problems
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Invokes the deployed function check-connections, which checks each Region of
each account and saves the result, as it does on its schedule: roles in other
accounts trust this function's role. If it can't be invoked, doctor reports that
and checks the deployment anyway. With --local, doctor checks the accounts with
your own credentials, which the roles must trust, and saves nothing.

Also checked: enabled integrations, deletions that don't complete, overdue
scans, the latest exports, and archives that require approval; with --stack also
its bucket, rule, queues, functions, schedule, alarms, and email subscriptions.

Exit codes: 0 no problems found; 4 credentials; 5 action needed; 1 no problem
found, but a check could not be run or got no response.

Examples:
  hubctl doctor --stack securityhub-exporter
  hubctl doctor --integration 123456789012
  hubctl doctor --local --table TABLE --state-bucket BUCKET
  hubctl doctor --output json | jq -r '.connections[].problem.remediation'

JSON: status (ok, credentials, degraded, or unknown), deployment (check, status,
message, remediation), connections (account, provider, status, regions),
problems.")]
pub(crate) struct Args {
    /// Check only this integration (account or organization ID); repeatable
    #[arg(long = "integration", value_name = "ID")]
    integrations: Vec<ProviderId>,

    /// Check accounts with your own credentials and don't save the results
    #[arg(long)]
    local: bool,

    /// Include Regions that were never enabled
    #[arg(long)]
    all_regions: bool,
}

/// The result of all checks.
#[derive(Serialize)]
struct Diagnosis {
    status: &'static str,
    deployment: Vec<Finding>,
    connections: Vec<Connection>,
    problems: Vec<String>,
    /// By account, the unavailable Regions that should accept findings.
    #[serde(skip)]
    gaps: BTreeMap<AccountId, BTreeSet<RegionName>>,
    /// Whether the caller lacks permission to invoke the check function.
    #[serde(skip)]
    is_caller_denied: bool,
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
        let mut is_caller_denied = false;
        let targets = roll.targets;
        let connections = if args.local {
            accounts::check_locally(&connected.cloud, targets.clone(), style).await?
        } else {
            let accounts: Vec<AccountId> = targets.iter().map(|target| target.account).collect();
            let function = connected.stack.as_ref().and_then(|stack| stack.check_function_name.as_deref());
            let (connections, failure) =
                accounts::check_by_function(&connected.config, function, accounts, &mut problems, style).await;
            if let Some(failure) = failure {
                is_caller_denied = failure.exit == Exit::Credentials;
                problems.push(not_invoked(&failure));
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
        deployment.extend(work::inspect(&connected.cloud, &args.integrations, &targets, pattern, now).await);
        let gaps = missing_regions(&targets, &connections);
        Ok(Diagnosis { status: "ok", deployment, connections, problems, gaps, is_caller_denied })
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

/// Checks the deployment without its accounts.
pub(crate) async fn inspect(global: &Global) -> Result<Vec<Finding>> {
    let connected = connect(global).await?;
    let roll = select_targets(&*connected.cloud, &TargetSelection::All).await.map_err(|error| port(&error))?;
    let mut found = match &connected.stack {
        Some(stack) => deployment::inspect(&connected.config, global.stack.as_deref(), stack).await,
        None => Vec::new(),
    };
    let pattern = connected.stack.as_ref().and_then(|stack| stack.member_role_name_pattern.as_deref());
    found.extend(work::inspect(&connected.cloud, &[], &roll.targets, pattern, Timestamp::now()).await);
    Ok(found)
}

/// The error if no stack is given: the name of the check function is known only from the stack's outputs.
fn no_stack(global: &Global) -> Failure {
    if global.table.is_none() || global.state_bucket.is_none() {
        return which_deployment();
    }
    Failure::new(Exit::Usage, "the check function is unknown: no stack specified")
        .hint("add --stack NAME, or --local to check with your own credentials")
}

/// Reports accounts that the function did not check.
fn not_checked(targets: &[CheckTarget], connections: &[Connection]) -> Option<String> {
    let known: BTreeSet<_> = connections.iter().map(|connection| connection.account).collect();
    let missing: Vec<_> =
        targets.iter().map(|target| target.account).filter(|account| !known.contains(account)).collect();
    let first = missing.first()?;
    let (checked, all) = (targets.len() - missing.len(), targets.len());
    Some(format!("{checked} of {all} accounts were checked; the first account not checked is {first}"))
}

/// By account, the unavailable Regions that should accept findings.
fn missing_regions(targets: &[CheckTarget], connections: &[Connection]) -> BTreeMap<AccountId, BTreeSet<RegionName>> {
    let by_account: BTreeMap<_, _> = targets.iter().map(|target| (target.account, &target.integration)).collect();
    let of = |connection: &Connection| {
        let gaps = connection.missing_regions(by_account.get(&connection.account)?);
        (!gaps.is_empty()).then_some((connection.account, gaps))
    };
    connections.iter().filter_map(of).collect()
}

/// Reports that the function could not be invoked, with the alternative.
fn not_invoked(failure: &Failure) -> String {
    let message = &failure.message;
    format!("not all accounts were checked: {message}. With your own credentials: hubctl doctor --local")
}

/// Whether an account is disconnected because of its credentials.
pub(crate) fn are_credentials_refused(connections: &[Connection]) -> bool {
    let problems = connections.iter().filter_map(|connection| connection.problem.as_ref());
    problems.map(|problem| problem.reason.as_str()).any(|reason| CREDENTIAL_REASONS.contains(&reason))
}

/// The exit code.
fn exit(diagnosis: &Diagnosis) -> Exit {
    if diagnosis.is_caller_denied || are_credentials_refused(&diagnosis.connections) {
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

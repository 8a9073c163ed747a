//! `hubctl doctor`: is everything as it should be, and what mends it if not.

mod accounts;
mod deployment;
mod text;

use anyhow::Result;
use asff::AccountId;
use exporter::connection::{Connection, ConnectionStatus};
use exporter::provider::ProviderId;
use exporter::roster::{Wanted, call_roll};
use serde::Serialize;

use self::deployment::Finding;
use crate::commands::run_report::CREDENTIAL_REASONS;
use crate::config::{Format, Global};
use crate::deployment::{block_on, connect, port, which_deployment};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Check every connection and the deployment itself, and say what mends them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The deployed function check-connections looks at each Region of each account,
as it does each hour: its identity is the one that roles of other accounts
trust. Its verdict is kept. Where it can't be invoked that is said, and the
deployment looked at all the same. With --local the accounts are looked at with
your own credentials, which needs roles that trust you, and nothing is kept.

Exit codes: 0 all is well, 4 credentials, 5 a connection or the deployment
needs mending.

Examples:
  hubctl doctor --stack securityhub-exporter
  hubctl doctor --integration 123456789012
  hubctl doctor --local --table TABLE --state-bucket BUCKET
  hubctl doctor --output json | jq -r '.connections[].problem.mend'

JSON: status (ok, credentials or degraded), deployment (check, status,
message, mend), connections (account, provider, status, regions), problems.")]
pub(crate) struct Args {
    /// Only this integration: an account or an organisation; may be repeated
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
        let wanted =
            if args.integrations.is_empty() { Wanted::All } else { Wanted::Integrations(args.integrations.clone()) };
        let roll = call_roll(&*connected.cloud, &wanted).await.map_err(|error| port(&error))?;
        let mut problems = roll.problems;
        let mut is_caller_refused = false;
        let connections = if args.local {
            accounts::look(&connected.cloud, roll.targets, style).await?
        } else {
            let accounts: Vec<AccountId> = roll.targets.iter().map(|target| target.account).collect();
            let function = connected.stack.as_ref().and_then(|stack| stack.check_function_name.as_deref());
            let (connections, failure) =
                accounts::ask(&connected.config, function, accounts, &mut problems, style).await;
            if let Some(failure) = failure {
                is_caller_refused = failure.exit == Exit::Credentials;
                problems.push(unasked(&failure));
            }
            connections
        };
        let deployment = match &connected.stack {
            Some(stack) => deployment::inspect(&connected.config, global.stack.as_deref(), stack).await,
            None => Vec::new(),
        };
        Ok(Diagnosis { status: "ok", deployment, connections, problems, is_caller_refused })
    })?;
    let exit = exit(&diagnosis);
    diagnosis.status = match exit {
        Exit::Credentials => "credentials",
        Exit::Degraded => "degraded",
        _ => "ok",
    };
    match output.format {
        Format::Json => output.json(&diagnosis)?,
        Format::Table => text::write(&diagnosis, args.all_regions, output)?,
    }
    Ok(exit)
}

/// The function's name is the stack's to tell.
fn no_stack(global: &Global) -> Failure {
    if global.table.is_none() || global.state_bucket.is_none() {
        return which_deployment();
    }
    Failure::new(Exit::Usage, "the function that checks is not known: no stack is named")
        .hint("add --stack NAME, or --local to look with your own credentials")
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
    let connected = |connection: &Connection| connection.status == ConnectionStatus::Connected;
    let well = diagnosis.connections.iter().all(connected) && diagnosis.problems.is_empty();
    if well && !diagnosis.deployment.iter().any(Finding::is_bad) { Exit::Success } else { Exit::Degraded }
}

#[cfg(test)]
mod tests;

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
use crate::deployment::{block_on, connect, port};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Check every connection and the deployment itself, and say what mends them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Looks at each Region of each account with your own credentials and changes
nothing. An integration that uses the deployment's own identity is better
looked at by the deployment: --remote.

Exit codes: 0 all is well, 4 credentials, 5 a connection or the deployment
needs mending.

Examples:
  hubctl doctor --stack securityhub-exporter
  hubctl doctor --integration 123456789012 --remote
  hubctl doctor --output json | jq -r '.connections[].problem.mend'

JSON: status (ok, credentials or degraded), deployment (check, status,
message, mend), connections (account, provider, status, regions), problems.")]
pub(crate) struct Args {
    /// Only this integration: an account or an organisation; may be repeated
    #[arg(long = "integration", value_name = "ID")]
    integrations: Vec<ProviderId>,

    /// Let the deployed function check, with its credentials, and keep the verdict
    #[arg(long)]
    remote: bool,

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
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    if args.remote && global.stack.is_none() {
        return Err(no_function().into());
    }
    let style = output.err_style;
    let mut diagnosis = block_on(async {
        let connected = connect(global).await?;
        let wanted =
            if args.integrations.is_empty() { Wanted::All } else { Wanted::Integrations(args.integrations.clone()) };
        let roll = call_roll(&*connected.cloud, &wanted).await.map_err(|error| port(&error))?;
        let mut problems = roll.problems;
        let connections = if args.remote {
            let function = connected.stack.as_ref().and_then(|stack| stack.check_function_name.as_deref());
            let accounts: Vec<AccountId> = roll.targets.iter().map(|target| target.account).collect();
            let function = function.ok_or_else(no_function)?;
            accounts::ask(&connected.config, function, accounts, &mut problems, style).await?
        } else {
            accounts::look(&connected.cloud, roll.targets, style).await?
        };
        let deployment = match &connected.stack {
            Some(stack) => deployment::inspect(&connected.config, global.stack.as_deref(), stack).await,
            None => Vec::new(),
        };
        Ok(Diagnosis { status: "ok", deployment, connections, problems })
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

fn no_function() -> Failure {
    Failure::new(Exit::Usage, "--remote needs a deployment with the function check-connections")
        .hint("name its stack with --stack NAME; an older one is brought up to date by sam build && sam deploy")
}

/// Whether it is the credentials that keep an account from being reached.
pub(crate) fn are_credentials_refused(connections: &[Connection]) -> bool {
    let problems = connections.iter().filter_map(|connection| connection.problem.as_ref());
    problems.map(|problem| problem.reason.as_str()).any(|reason| CREDENTIAL_REASONS.contains(&reason))
}

/// What a script should know.
fn exit(diagnosis: &Diagnosis) -> Exit {
    if are_credentials_refused(&diagnosis.connections) {
        return Exit::Credentials;
    }
    let connected = |connection: &Connection| connection.status == ConnectionStatus::Connected;
    let well = diagnosis.connections.iter().all(connected) && diagnosis.problems.is_empty();
    if well && !diagnosis.deployment.iter().any(Finding::is_bad) { Exit::Success } else { Exit::Degraded }
}

#[cfg(test)]
mod tests;

//! `hubctl integration test`.

use anyhow::Result;
use exporter::model::provider::ProviderId;
use management::wire::Test;

use super::shown::path;
use super::tested;
use crate::client::{ConnectionArgs, Request, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::Output;

/// Test an integration's connection
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The test checks that the credentials are valid and belong to the account. Then
it checks in each Region that Security Hub is enabled, accepts the Prowler
product, and permits writing and reading findings. It leaves no data. For each
unavailable Region it prints the command that fixes it.

For an organization, each account is tested. The exit code is 0 if every account
accepts findings in every expected Region (one that the integration selects, or
that was available before); 4 if the credentials of an account don't work; 5 if
an account or an expected Region is unavailable; 1 if the result is unknown: the
test could not be run, or an account or a Region did not respond.

Example:
  hubctl integration test 123456789012

JSON: outcome (passed, partial, failed, not_run), message, accounts (total,
connected, degraded, disconnected, unanswered, unchecked, unchecked_ids) and
connections (the 100 most severe: account, status, problem, risks, regions with
status, since and problem).")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    provider: ProviderId,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let json = block_on(async {
        let management = connection_args.connect(global).await?;
        Ok(management.send(Request::post_action(format!("{}/test", path(&args.provider)))).await?.body)
    })?;
    let test: Test = read(&json)?;
    match output.format {
        Format::Json => output.json(&json)?,
        Format::Table => tested::write(&test, output)?,
    }
    Ok(tested::exit(&test))
}

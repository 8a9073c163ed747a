//! `hubctl integration test`.

use anyhow::Result;
use exporter::provider::ProviderId;
use management::wire::Test;

use super::shown::path;
use super::tested;
use crate::client::{ConnectionArgs, Request, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::Output;

/// Test the connection: credentials, Security Hub, Regions, leave to export
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The credentials are tried and must be those of the account; then, in each
Region, whether Security Hub is on, whether it accepts Prowler's findings, and
whether findings may be written and read. Nothing is left behind. A Region that
takes none is named with the command that fixes it.

An organization is tested account by account. The exit code is 0 if every
account takes findings in every Region that the integration names or that took
them before; 4 if the credentials of an account do not work; 5 if an account or
such a Region takes none; 1 if it is not known: the test could not be run, or an
account or a Region did not answer.

Example:
  hubctl integration test 123456789012

JSON: outcome (passed, partial, failed, not_run), message, accounts (total,
connected, degraded, disconnected, unanswered, unchecked, unchecked_ids) and
connections (the worst 100: account, status, problem, risks, regions with
status, since and problem).")]
pub(crate) struct Args {
    /// The account, or the organization
    #[arg(value_name = "ID")]
    provider: ProviderId,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let json = block_on(async {
        let management = reach.connect(global).await?;
        Ok(management.send(Request::act(format!("{}/test", path(&args.provider)))).await?.body)
    })?;
    let test: Test = read(&json)?;
    match output.format {
        Format::Json => output.json(&json)?,
        Format::Table => tested::write(&test, output)?,
    }
    Ok(tested::exit(&test))
}

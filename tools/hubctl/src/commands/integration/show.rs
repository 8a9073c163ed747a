//! `hubctl integration show`.

use anyhow::Result;

use exporter::provider::ProviderId;

use super::words;
use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Show the integration of an account
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl integration show 123456789012

JSON: integration (the settings), version, created_at, updated_at, and
trust_policy where a role is assumed.")]
pub(crate) struct Args {
    /// The account, or the organisation
    provider: ProviderId,
}

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let id = &args.provider;
    let found = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let found = connected.cloud.get_integration(id).await.map_err(|error| port(&error))?;
        Ok((found, connected.stack.map(|stack| stack.export_function_role_arn)))
    });
    let (found, trusted_arn) = found?;
    let stored = found.ok_or_else(|| {
        Failure::new(Exit::Error, format!("{id} has no integration"))
            .hint(format!("hubctl integration create --account {id}"))
    })?;
    match output.format {
        Format::Json => output.json(&words::json(&stored, trusted_arn.as_deref()))?,
        Format::Table => output.facts(&words::facts(&stored))?,
    }
    Ok(Exit::Success)
}

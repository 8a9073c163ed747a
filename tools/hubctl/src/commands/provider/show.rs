//! `hubctl provider show`.

use anyhow::Result;
use exporter::model::provider::ProviderId;

use super::shown::Shown;
use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::Output;

/// Show a provider
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl provider show 123456789012

JSON: id, kind, alias, scan_schedule, credentials (without any secret), version,
created_at, updated_at, updated_by, and trust_policy if a role is assumed and
--stack is given.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    block_on(async {
        let management = connection_args.connect(global).await?;
        Shown::find(&management, &args.id).await?.write(&management, true, output)?;
        Ok(Exit::Success)
    })
}

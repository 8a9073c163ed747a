//! `hubctl integration show`.

use anyhow::Result;
use exporter::model::provider::ProviderId;

use super::shown::Shown;
use crate::client::ConnectionArgs;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::Output;

/// Show an integration: status, filters, Regions, next scan
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl integration show 123456789012

JSON: provider, provider_alias, enabled, the settings, credentials (without any
secret), connection (status, last_checked_at, regions, problem), last_run (id,
at, status, sent, archived, errors, pending), pending_uploads (runs) if it is
disabled, scans_expected_since, next_scan_at, next_scan_overdue, version,
created_at, updated_at, updated_by, and trust_policy if a role is assumed and
--stack is given.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    provider: ProviderId,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    block_on(async {
        let management = connection_args.connect(global).await?;
        let mut shown = Shown::find(&management, &args.provider).await?;
        shown.write(&management, output)?;
        if output.format == Format::Json {
            shown.write_role(&management, output)?;
        }
        Ok(Exit::Success)
    })
}

//! `hubctl provider configure`.

use anyhow::Result;
use exporter::model::provider::ProviderId;
use serde_json::{Map, Value};

use super::shown::Shown;
use crate::client::{ConnectionArgs, Request};
use crate::commands::integration::shown::provider_path;
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// Change a provider's display name or scan schedule
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
An empty string clears a setting.

Examples:
  hubctl provider configure 123456789012 --alias production
  hubctl provider configure 123456789012 --scan-schedule 'rate(1 day)'
  hubctl provider configure 123456789012 --scan-schedule ''

JSON: the same as `hubctl provider show`.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Display name
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,

    /// Expected scan schedule, in UTC: rate(1 day) or cron(0 3 * * ? *)
    #[arg(long, value_name = "SCHEDULE")]
    scan_schedule: Option<String>,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut patch = Map::new();
    for (name, value) in [("alias", &args.alias), ("scan_schedule", &args.scan_schedule)] {
        if let Some(value) = value {
            let value = if value.is_empty() { Value::Null } else { Value::String(value.clone()) };
            patch.insert(name.to_owned(), value);
        }
    }
    if patch.is_empty() {
        return Err(Failure::new(Exit::Usage, "no settings specified: add --alias or --scan-schedule").into());
    }
    block_on(async {
        let management = connection_args.connect(global).await?;
        let found = Shown::find(&management, &args.id).await?;
        let change = Request::change(provider_path(&args.id), Value::Object(patch)).at_version(found.etag);
        Shown::of(management.send(change).await?)?.write(&management, false, output)?;
        Ok(Exit::Success)
    })
}

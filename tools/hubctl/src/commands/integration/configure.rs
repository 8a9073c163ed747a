//! `hubctl integration configure`.

use anyhow::Result;
use exporter::model::provider::ProviderId;
use serde_json::Value;

use super::shown::{Shown, path};
use crate::args::filters::changes;
use crate::args::settings::Settings;
use crate::client::{ConnectionArgs, Request};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Change the settings of an integration
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Settings without an option are unchanged. To clear a setting, use --severity-min
none, --regions all, or --fallback-region none. --provider moves the integration
to another account or organization, which must be a provider. Findings that were
sent for the old one then stay active in Security Hub, and no scan archives
them. To archive them first, run hubctl integration delete ID --archive, then
create the new integration.

Examples:
  hubctl integration configure 123456789012 --only-failed=false
  hubctl integration configure 123456789012 --archive-limit-percent 20
  hubctl integration configure 123456789012 --regions us-east-1,eu-west-1
  hubctl integration configure 123456789012 --provider 210987654321

JSON: the same as `hubctl integration show`.")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Move the integration to another provider
    #[arg(long, value_name = "ID")]
    provider: Option<ProviderId>,

    /// Skip the confirmation prompt
    #[arg(long, requires = "provider")]
    yes: bool,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut patch = changes(&args.settings)?;
    if let Some(provider) = &args.provider {
        patch.insert("provider".to_owned(), provider.as_str().into());
    }
    if patch.is_empty() {
        return Err(Failure::new(Exit::Usage, "no settings specified")
            .hint("to list the settings: hubctl integration configure --help")
            .into());
    }
    let mut prompt = Prompt::at_terminal();
    let moves = args.provider.as_ref().filter(|provider| **provider != args.id);
    if moves.is_some() && !args.yes {
        prompt.require_terminal(
            &format!("whether to move the integration of {}", args.id),
            "to confirm in advance, add --yes",
        )?;
    }
    block_on(async {
        let management = connection_args.connect(global).await?;
        let found = Shown::find(&management, &args.id).await?;
        if let Some(provider) = moves {
            let id = &args.id;
            output.note(format!(
                "Findings that were sent for {id} stay active in Security Hub there, and no scan archives \
                 them.\nTo archive them first:\n  hubctl integration delete {id} --archive"
            ))?;
            if !args.yes && !prompt.confirm(&format!("Move the integration to {provider}? Type yes:"), output)? {
                return Err(Failure::new(Exit::Error, "nothing was changed").into());
            }
        }
        let change = Request::change(path(&args.id), Value::Object(patch)).at_version(found.etag);
        let mut changed = Shown::of(&management, management.send(change).await?).await?;
        let exit = changed.exit();
        changed.write(&management, output)?;
        Ok(exit)
    })
}

//! `hubctl integration configure`.

use anyhow::Result;
use exporter::provider::ProviderId;
use serde_json::Value;

use super::shown::{Shown, path};
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
What is not named stays as it is. --severity-min none, --regions all and
--fallback-region none take a setting away. With --provider the integration
moves to another account or organization, which must be a provider. What it
sent stays in Security Hub of the old one, and no scan archives it any more; to
archive it first: hubctl integration delete ID --archive, then create the other.

Examples:
  hubctl integration configure 123456789012 --only-failed=false
  hubctl integration configure 123456789012 --archive-limit-percent 20
  hubctl integration configure 123456789012 --regions us-east-1,eu-west-1
  hubctl integration configure 123456789012 --provider 210987654321

JSON: what `hubctl integration show` gives.")]
pub(crate) struct Args {
    /// The account, or the organization
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Another provider for the integration
    #[arg(long, value_name = "ID")]
    provider: Option<ProviderId>,

    /// Move it to another provider without asking
    #[arg(long, requires = "provider")]
    yes: bool,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let mut patch = args.settings.patch();
    if let Some(provider) = &args.provider {
        patch.insert("provider".to_owned(), provider.as_str().into());
    }
    if patch.is_empty() {
        return Err(Failure::new(Exit::Usage, "nothing to change: no setting is named")
            .hint("hubctl integration configure --help lists the settings")
            .into());
    }
    let mut person = Prompt::at_terminal();
    let moves = args.provider.as_ref().filter(|provider| **provider != args.id);
    if moves.is_some() && !args.yes {
        person.must_be_there(
            &format!("whether to move the integration of {}", args.id),
            "add --yes to agree beforehand",
        )?;
    }
    block_on(async {
        let management = reach.connect(global).await?;
        let found = Shown::find(&management, &args.id).await?;
        if let Some(provider) = moves {
            let id = &args.id;
            output.note(format!(
                "What the integration sent for {id} stays active in Security Hub there, and no scan archives it any \
                 more.\nTo archive it first:\n  hubctl integration delete {id} --archive"
            ))?;
            if !args.yes && !person.agrees(&format!("Move it to {provider}? Type yes:"), output)? {
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

//! `hubctl provider delete`.

use anyhow::Result;
use exporter::model::provider::ProviderId;

use super::shown::Shown;
use crate::client::{ConnectionArgs, Request};
use crate::commands::integration::shown::provider_path;
use crate::commands::integration::words::named;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Delete a provider that has no integration
#[derive(clap::Args, Debug)]
#[command(after_help = "\
This can't be undone: the provider's display name, schedule, credentials, and
stored access key are deleted. Delete its integration first.

Examples:
  hubctl provider delete 123456789012
  hubctl provider delete 123456789012 --yes

JSON: deleted (the ID).")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Skip the confirmation prompt
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let id = &args.id;
    let mut prompt = Prompt::at_terminal();
    if !args.yes {
        prompt.require_terminal(&format!("whether to delete the provider {id}"), "to confirm in advance, add --yes")?;
    }
    block_on(async {
        let management = connection_args.connect(global).await?;
        let found = Shown::find(&management, id).await?;
        if !args.yes {
            let name = named(id.as_str(), found.view.alias.as_deref());
            output.note(format!("This deletes the provider {name}. It can't be undone."))?;
            if !prompt.confirm("Delete the provider? Type yes:", output)? {
                return Err(Failure::new(Exit::Error, "nothing was deleted").into());
            }
        }
        management.send(Request::delete(provider_path(id)).at_version(found.etag)).await?;
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "deleted": id }))?,
            Format::Table => output.note(format!("Deleted the provider {id}."))?,
        }
        Ok(Exit::Success)
    })
}

//! `hubctl provider delete`.

use anyhow::Result;
use exporter::provider::ProviderId;

use super::shown::Shown;
use crate::client::{ConnectionArgs, Request};
use crate::commands::integration::shown::provider_path;
use crate::commands::integration::words::named;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Remove a provider that has no integration any more
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It cannot be undone: its name, schedule, credentials and the access key that it
keeps are removed. Its integration has to be deleted first.

Examples:
  hubctl provider delete 123456789012
  hubctl provider delete 123456789012 --yes

JSON: deleted (the id).")]
pub(crate) struct Args {
    /// The account, or the organization
    #[arg(value_name = "ID")]
    id: ProviderId,

    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let id = &args.id;
    let mut person = Prompt::at_terminal();
    if !args.yes {
        person.must_be_there(&format!("whether to delete the provider {id}"), "add --yes to agree beforehand")?;
    }
    block_on(async {
        let management = reach.connect(global).await?;
        let found = Shown::find(&management, id).await?;
        if !args.yes {
            let name = named(id.as_str(), found.view.alias.as_deref());
            output.note(format!("This removes the provider {name} for good. It cannot be undone."))?;
            if !person.agrees("Delete it? Type yes:", output)? {
                return Err(Failure::new(Exit::Error, "nothing was deleted").into());
            }
        }
        management.send(Request::delete(provider_path(id)).at_version(found.etag)).await?;
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "deleted": id }))?,
            Format::Table => output.note(format!("The provider {id} is deleted."))?,
        }
        Ok(Exit::Success)
    })
}

//! `hubctl integration delete`.

use anyhow::Result;
use exporter::provider::ProviderId;
use serde_json::Value;

use super::shown::{Shown, path};
use super::words;
use crate::client::{ConnectionArgs, Request};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Remove an integration for good, and archive what it sent if you want
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It cannot be undone: settings, the integration's own access key and what is
known of its connection are removed. Security Hub keeps the findings; with
--archive they are archived first, and the integration goes when that is done.
The provider stays: hubctl provider delete ID.

Examples:
  hubctl integration delete 123456789012
  hubctl integration delete 123456789012 --archive --yes

JSON: deleted (the id), archive (whether what it sent is being archived), job
(that archives it).")]
pub(crate) struct Args {
    /// The account, or the organization
    #[arg(value_name = "ID")]
    provider: ProviderId,

    /// Archive what it sent first
    #[arg(long)]
    archive: bool,

    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let id = &args.provider;
    let mut person = Prompt::at_terminal();
    if !args.yes {
        person.must_be_there(&format!("whether to delete the integration of {id}"), "add --yes to agree beforehand")?;
    }
    block_on(async {
        let management = reach.connect(global).await?;
        let found = Shown::find(&management, id).await?;
        let mut archive = args.archive;
        if !args.yes {
            let name = words::named(id.as_str(), found.view.provider_alias.as_deref());
            output.note(format!("This removes the integration of {name} for good. It cannot be undone."))?;
            if !archive {
                archive = person.agrees("Archive in Security Hub what it sent? [yes/no]", output)?;
            }
            let then = if archive { "Archive what it sent, and delete it?" } else { "Delete it?" };
            if !person.agrees(&format!("{then} Type yes:"), output)? {
                return Err(Failure::new(Exit::Error, "nothing was deleted").into());
            }
        }
        let query = if archive { "?archive=true" } else { "" };
        let delete = Request::delete(format!("{}{query}", path(id))).at_version(found.etag);
        let answer = management.send(delete).await?;
        match output.format {
            Format::Json => {
                output
                    .json(&serde_json::json!({ "deleted": id, "archive": archive, "job": answer.body.get("job") }))?;
            }
            Format::Table if answer.body == Value::Null => {
                output.note(format!("The integration of {id} is deleted."))?;
            }
            Format::Table => {
                let job = answer.body["job_id"].as_str().unwrap_or_default();
                output.note(format!(
                    "What it sent is being archived; then the integration of {id} is deleted. To wait for it:\n  hubctl job show {job} --wait"
                ))?;
            }
        }
        Ok(Exit::Success)
    })
}

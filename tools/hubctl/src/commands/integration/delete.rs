//! `hubctl integration delete`.

use anyhow::Result;
use exporter::model::provider::ProviderId;
use serde_json::Value;

use super::shown::{Shown, path};
use super::words;
use crate::args::reason::ReasonOption;
use crate::client::{ConnectionArgs, Request, segment};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Delete an integration, optionally archiving its findings
#[derive(clap::Args, Debug)]
#[command(after_help = "\
This can't be undone: the settings, the integration's own access key, and its
connection status are deleted. Its findings stay in Security Hub, unless you add
--archive: then they are archived, and the integration is deleted afterward.
The provider is not deleted. To delete it, run hubctl provider delete ID.

Examples:
  hubctl integration delete 123456789012
  hubctl integration delete 123456789012 --archive --yes

JSON: deleted (the ID), archive (whether its findings are being archived), and
job (the job that archives them).")]
pub(crate) struct Args {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    provider: ProviderId,

    /// Archive its findings first
    #[arg(long)]
    archive: bool,

    /// Skip the confirmation prompt
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    reason: ReasonOption,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let id = &args.provider;
    let mut prompt = Prompt::at_terminal();
    if !args.yes {
        prompt.require_terminal(
            &format!("whether to delete the integration of {id}"),
            "to confirm in advance, add --yes",
        )?;
    }
    block_on(async {
        let management = connection_args.connect(global).await?;
        let found = Shown::find(&management, id).await?;
        let mut archive = args.archive;
        if !args.yes {
            let name = words::named(id.as_str(), found.view.provider_alias.as_deref());
            output.note(format!("This deletes the integration of {name}. It can't be undone."))?;
            if !archive {
                archive = prompt.confirm("Archive its findings in Security Hub? [yes/no]", output)?;
            }
            let then =
                if archive { "Archive its findings and delete the integration?" } else { "Delete the integration?" };
            if !prompt.confirm(&format!("{then} Type yes:"), output)? {
                return Err(Failure::new(Exit::Error, "nothing was deleted").into());
            }
        }
        let archiving = archive.then(|| "archive=true".to_owned());
        let reason = args.reason.text.as_ref().map(|text| format!("reason={}", segment(text)));
        let query: Vec<_> = archiving.into_iter().chain(reason).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let delete = Request::delete(format!("{}{query}", path(id))).at_version(found.etag);
        let answer = management.send(delete).await?;
        match output.format {
            Format::Json => {
                output.json(
                    &serde_json::json!({ "deleted": id, "archive": archive, "job": answer.body.get("job_id") }),
                )?;
            }
            Format::Table if answer.body == Value::Null => {
                output.note(format!("Deleted the integration of {id}."))?;
            }
            Format::Table => {
                let job = answer.body["job_id"].as_str().unwrap_or_default();
                output.note(format!(
                    "The findings are being archived; then the integration of {id} is deleted. To wait for it:\n  hubctl job show {job} --wait"
                ))?;
            }
        }
        Ok(Exit::Success)
    })
}

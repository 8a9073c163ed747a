//! `hubctl integration enable` and `hubctl integration disable`.

use anyhow::Result;
use exporter::provider::ProviderId;

use super::shown::{Shown, path};
use crate::client::{ConnectionArgs, Request};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Output, text};

/// Switch an integration on, and test its connection
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It takes effect at once. Uploads that came while it was off are recorded;
--replay exports them now, in the order in which they were scanned.

Examples:
  hubctl integration enable 123456789012
  hubctl integration enable 123456789012 --replay

JSON: what `hubctl integration show` gives, test, and waiting (runs: uploads
that came while it was off; replayed: of these, exported now).")]
pub(crate) struct EnableArgs {
    /// The account, or the organization
    #[arg(value_name = "ID")]
    provider: ProviderId,

    /// Export now what was uploaded while it was off
    #[arg(long)]
    replay: bool,
}

/// Switch an integration off: uploads are recorded and can be replayed
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It takes effect at once; an export that runs already ends by itself. Uploads
that come meanwhile are recorded as undelivered, and `hubctl integration enable
--replay` exports them.

Example:
  hubctl integration disable 123456789012

JSON: what `hubctl integration show` gives.")]
pub(crate) struct DisableArgs {
    /// The account, or the organization
    #[arg(value_name = "ID")]
    provider: ProviderId,
}

pub(super) fn enable(args: &EnableArgs, reach: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let query = if args.replay { "?replay=true" } else { "" };
    let switched = switch(&args.provider, &format!("enable{query}"), reach, global, output)?;
    if let (Some(pending_uploads), Format::Table) = (switched.pending_uploads, output.format) {
        let runs = text::counted(pending_uploads.runs, "upload", "uploads");
        let at_least = if pending_uploads.more { "at least " } else { "" };
        match (pending_uploads.runs, pending_uploads.replayed) {
            (0, _) => {}
            (_, 0) => output.note(format!(
                "{at_least}{runs} came while it was off. To export them: hubctl integration enable {} --replay",
                args.provider
            ))?,
            (_, replayed) => output.note(format!(
                "{at_least}{runs} came while it was off; {} being exported. To wait for it:\n  hubctl job show {} --wait",
                text::counted(replayed, "is", "are"),
                pending_uploads.job_id.as_deref().unwrap_or_default()
            ))?,
        }
    }
    Ok(switched.exit)
}

pub(super) fn disable(
    args: &DisableArgs,
    reach: &ConnectionArgs,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let exit = switch(&args.provider, "disable", reach, global, output)?.exit;
    if output.format == Format::Table {
        output.note(format!(
            "Uploads that come meanwhile are recorded. To export them then:\n  hubctl integration enable {} --replay",
            args.provider
        ))?;
    }
    Ok(exit)
}

/// What came of it.
struct Switched {
    exit: Exit,
    pending_uploads: Option<management::wire::PendingUploads>,
}

fn switch(
    id: &ProviderId,
    verb: &str,
    reach: &ConnectionArgs,
    global: &Global,
    output: &mut Output,
) -> Result<Switched> {
    block_on(async {
        let management = reach.connect(global).await?;
        let answer = management.send(Request::act(format!("{}/{verb}", path(id)))).await?;
        let mut shown = Shown::of(&management, answer).await?;
        let switched = Switched { exit: shown.exit(), pending_uploads: shown.view.pending_uploads.clone() };
        shown.write(&management, output)?;
        Ok(switched)
    })
}

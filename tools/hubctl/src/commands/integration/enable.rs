//! `hubctl integration enable` and `hubctl integration disable`.

use anyhow::Result;
use exporter::model::provider::ProviderId;

use super::shown::{Shown, path};
use crate::args::reason::ReasonOption;
use crate::client::{ConnectionArgs, Request};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Output, text};

/// Enable an integration and test its connection
#[derive(clap::Args, Debug)]
#[command(after_help = "\
This takes effect immediately. Uploads that arrived while the integration was
disabled are recorded; --replay exports them in the order of their scan time.

Examples:
  hubctl integration enable 123456789012
  hubctl integration enable 123456789012 --replay

JSON: the same as `hubctl integration show`, test, and pending_uploads (runs:
uploads received while disabled; replayed: uploads being exported now).")]
pub(crate) struct EnableArgs {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    provider: ProviderId,

    /// Export the uploads received while the integration was disabled
    #[arg(long)]
    replay: bool,

    #[command(flatten)]
    reason: ReasonOption,
}

/// Disable an integration; uploads are recorded and can be replayed
#[derive(clap::Args, Debug)]
#[command(after_help = "\
This takes effect immediately; an export in progress completes. Uploads that
arrive while the integration is disabled are recorded as undelivered. To export
them later, run `hubctl integration enable ID --replay`.

Example:
  hubctl integration disable 123456789012

JSON: the same as `hubctl integration show`.")]
pub(crate) struct DisableArgs {
    /// AWS account or organization ID
    #[arg(value_name = "ID")]
    provider: ProviderId,

    #[command(flatten)]
    reason: ReasonOption,
}

pub(super) fn enable(
    args: &EnableArgs,
    connection_args: &ConnectionArgs,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let query = if args.replay { "?replay=true" } else { "" };
    let switched = switch((&args.provider, &args.reason), &format!("enable{query}"), connection_args, global, output)?;
    if let (Some(pending_uploads), Format::Table) = (switched.pending_uploads, output.format) {
        let runs = text::counted(pending_uploads.runs, "upload", "uploads");
        let at_least = if pending_uploads.more { "at least " } else { "" };
        match (pending_uploads.runs, pending_uploads.replayed) {
            (0, _) if args.replay && pending_uploads.more => output.note(
                "None of the newest exports is pending. Older ones were not read. To list runs: hubctl run list",
            )?,
            (0, _) => {}
            (_, 0) => output.note(format!(
                "{at_least}{runs} received while disabled. To export them: hubctl integration enable {} --replay",
                args.provider
            ))?,
            (_, replayed) => output.note(format!(
                "{at_least}{runs} received while disabled; {} being exported. To wait for it:\n  hubctl job show {} --wait",
                text::counted(replayed, "is", "are"),
                pending_uploads.job_id.as_deref().unwrap_or_default()
            ))?,
        }
    }
    Ok(switched.exit)
}

pub(super) fn disable(
    args: &DisableArgs,
    connection_args: &ConnectionArgs,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let exit = switch((&args.provider, &args.reason), "disable", connection_args, global, output)?.exit;
    if output.format == Format::Table {
        output.note(format!(
            "Uploads are recorded until you enable it. To export them then:\n  hubctl integration enable {} --replay",
            args.provider
        ))?;
    }
    Ok(exit)
}

/// The result of enabling or disabling.
struct ToggleResult {
    exit: Exit,
    pending_uploads: Option<management::wire::PendingUploads>,
}

fn switch(
    (id, reason): (&ProviderId, &ReasonOption),
    verb: &str,
    connection_args: &ConnectionArgs,
    global: &Global,
    output: &mut Output,
) -> Result<ToggleResult> {
    block_on(async {
        let management = connection_args.connect(global).await?;
        let answer = management.send(Request::post_action_with(format!("{}/{verb}", path(id)), reason.body())).await?;
        let mut shown = Shown::of(&management, answer).await?;
        let switched = ToggleResult { exit: shown.exit(), pending_uploads: shown.view.pending_uploads.clone() };
        shown.write(&management, output)?;
        Ok(switched)
    })
}

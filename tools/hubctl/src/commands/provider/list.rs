//! `hubctl provider list`.

use anyhow::Result;
use management::wire::ProviderView;

use super::shown::kind;
use crate::client::{ConnectionArgs, read};
use crate::commands::integration::words::credential_words;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, TextStyle};

/// Maximum number of providers: more than the account quota of an organization.
const LIST_MAX: usize = 100_000;

/// List providers
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl provider list

JSON: an array of providers, as in `hubctl provider show`.")]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let all = block_on(async { Ok(connection_args.connect(global).await?.list("/providers", LIST_MAX).await?) })?;
    if output.format == Format::Json {
        output.json(&all)?;
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        output.note("No providers found. To create one: hubctl provider create ID")?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new(["Provider", "Kind", "Alias", "Scan schedule", "Credentials"].map(Column::Text));
    for json in &all {
        let view: ProviderView = read(json)?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let credentials = credential_words(&view.credentials);
        let (alias, schedule) = (text(&view.alias), text(&view.scan_schedule));
        table.row(TextStyle::Plain, [&view.id, kind(view.kind), &alias, &schedule, credentials]);
    }
    output.table(&table)?;
    Ok(Exit::Success)
}

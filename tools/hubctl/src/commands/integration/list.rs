//! `hubctl integration list`.

use anyhow::Result;

use super::words;
use crate::commands::filters::filter_words;
use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::Exit;
use crate::output::{Column, Output, Table};

/// List all integrations
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl integration list --output json | jq -r '.[].integration.provider'

JSON: an array of what `hubctl integration show` gives.")]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let all = deployment::block_on(async {
        let connected = deployment::connect(global).await?;
        let all = connected.cloud.list_integrations().await.map_err(|error| port(&error))?;
        Ok((all, connected.stack.map(|stack| stack.export_function_role_arn)))
    });
    let (all, trusted_arn) = all?;
    if output.format == Format::Json {
        let all: Vec<_> = all.iter().map(|stored| words::json(stored, trusted_arn.as_deref())).collect();
        output.json(&all)?;
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        output.note("There are no integrations yet. Create one: hubctl integration create --account ID")?;
        return Ok(Exit::Success);
    }
    let columns = ["Provider", "Alias", "State", "Sends", "Credentials"].map(Column::Text);
    let mut table = Table::new(columns);
    for stored in &all {
        let integration = &stored.integration;
        let alias = integration.alias.as_deref().unwrap_or_default();
        let (tone, enabled) = words::enabled(integration);
        let sends = filter_words(integration);
        table.row(tone, [integration.provider.as_str(), alias, enabled, &sends, words::credentials(integration)]);
    }
    output.table(&table)?;
    Ok(Exit::Success)
}

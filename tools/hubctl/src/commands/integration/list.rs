//! `hubctl integration list`.

use anyhow::Result;
use management::wire::IntegrationView;

use super::words;
use crate::args::filters::filter_words;
use crate::client::{ConnectionArgs, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, text};

/// Maximum number of integrations: more than the account quota of an organization.
const LIST_MAX: usize = 100_000;
/// Minimum terminal width for the column with the finding filters.
const WIDTH_WITH_FILTERS: u16 = 110;

/// List integrations with their connection status
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl integration list --output json | jq -r '.[].provider'

JSON: an array of integrations, as in `hubctl integration show`.")]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let all = block_on(async { Ok(connection_args.connect(global).await?.list("/integrations", LIST_MAX).await?) })?;
    if output.format == Format::Json {
        output.json(&all)?;
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        output.note("No integrations found. To create one: hubctl integration create --provider ID")?;
        return Ok(Exit::Success);
    }
    let with_filters = output.out_style.width >= WIDTH_WITH_FILTERS;
    let columns = ["Provider", "State", "Connection Status", "Last Checked (UTC)", "Regions", "Next Scan (UTC)"];
    let mut columns: Vec<Column> = columns.map(Column::Text).to_vec();
    columns.extend(with_filters.then_some(Column::Text("Finding Filters")));
    let mut table = Table::new(columns);
    for json in &all {
        let view: IntegrationView = read(json)?;
        let (text_style, status) = words::status(view.connection.status);
        let short = |at: Option<jiff::Timestamp>, none: &str| {
            at.map_or(none.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
        };
        let mut row = vec![
            words::named(&view.provider, view.provider_alias.as_deref()),
            if view.deletion_requested_at.is_some() { "being deleted".to_owned() } else { words::state(&view).1 },
            status.to_owned(),
            short(view.connection.last_checked_at, "never"),
            match (view.connection.stale_since, text::count(view.connection.regions.len() as u64)) {
                (Some(_), regions) => format!("? (was {regions})"),
                (None, regions) => regions,
            },
            if view.next_scan_overdue { "overdue".to_owned() } else { short(view.next_scan_at, "") },
        ];
        row.extend(with_filters.then(|| filter_words(&view.settings)));
        table.row(text_style, row);
    }
    output.table(&table)?;
    Ok(Exit::Success)
}

//! `hubctl integration list`.

use anyhow::Result;
use jiff::Timestamp;
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
/// Minimum terminal width for the column with the last export.
const WIDTH_WITH_LAST_RUN: u16 = 100;
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
    let views: Vec<IntegrationView> = all.iter().map(read).collect::<Result<_, _>>()?;
    output.table(&table(&views, output.out_style.width))?;
    note_pending_uploads(&views, output)?;
    Ok(Exit::Success)
}

/// The integrations. A wide terminal has columns for the last export and the finding filters.
fn table(views: &[IntegrationView], width: u16) -> Table {
    let (with_last_run, with_filters) = (width >= WIDTH_WITH_LAST_RUN, width >= WIDTH_WITH_FILTERS);
    let columns = ["Provider", "State", "Connection Status", "Last Checked (UTC)", "Regions", "Next Scan (UTC)"];
    let mut columns: Vec<Column> = columns.map(Column::Text).to_vec();
    columns.extend(with_last_run.then_some(Column::Text("Last Export (UTC)")));
    columns.extend(with_filters.then_some(Column::Text("Finding Filters")));
    let mut table = Table::new(columns);
    for view in views {
        let (text_style, status) = words::status(view.connection.status);
        let short = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
        let last_run = || {
            let run = view.last_run.as_ref();
            run.map_or_else(|| "none".to_owned(), |run| format!("{}, {}", short(run.at), words::run_words(run)))
        };
        let mut row = vec![
            words::named(&view.provider, view.provider_alias.as_deref()),
            if view.deletion_requested_at.is_some() { "being deleted".to_owned() } else { words::state(view).1 },
            status.to_owned(),
            view.connection.last_checked_at.map_or_else(|| "never".to_owned(), short),
            match (view.connection.stale_since, text::count(view.connection.regions.len() as u64)) {
                (Some(_), regions) => format!("? (was {regions})"),
                (None, regions) => regions,
            },
            if view.next_scan_overdue {
                "overdue".to_owned()
            } else {
                view.next_scan_at.map(short).unwrap_or_default()
            },
        ];
        row.extend(with_last_run.then(last_run));
        row.extend(with_filters.then(|| filter_words(&view.settings)));
        table.row(text_style, row);
    }
    table
}

/// Notes the disabled integrations with pending uploads, and the command that exports these.
fn note_pending_uploads(views: &[IntegrationView], output: &mut Output) -> Result<()> {
    let pending = views.iter().filter(|view| view.deletion_requested_at.is_none());
    let pending: Vec<_> = pending.filter_map(|view| Some((view, words::pending_uploads(view)?))).collect();
    match pending.as_slice() {
        [] => {}
        [(view, uploads)] => output.note(format!(
            "{uploads} received while {} was disabled. To export them:\n  hubctl integration enable {} --replay",
            view.id, view.id
        ))?,
        several => output.note(format!(
            "{} disabled integrations have pending uploads. To list them with their commands: hubctl attention",
            text::count(several.len() as u64)
        ))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use exporter::model::integration::Integration;
    use exporter::model::provider::ProviderId;
    use exporter::ports::settings_store::Stored;
    use exporter::report::RunStatus;
    use management::wire::{ConnectionStatus, ConnectionSummary, LastRun};

    use super::*;
    use crate::config::Style;

    fn view(id: &str, alias: Option<&str>, last_run: Option<LastRun>) -> IntegrationView {
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let stored = Stored::new(Integration::new(id.parse::<ProviderId>().unwrap()), at, "me");
        let connection = ConnectionSummary {
            status: ConnectionStatus::Connected,
            last_checked_at: Some(at),
            stale_since: None,
            regions: vec!["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()],
            accounts: 1,
            accounts_disconnected: 0,
            accounts_not_reached: 0,
            problem: None,
        };
        let view = IntegrationView::of(&stored, alias.map(str::to_owned), connection);
        IntegrationView { last_run, ..view }
    }

    #[test]
    fn a_wide_terminal_shows_the_last_export() {
        let run = LastRun {
            id: "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b".to_owned(),
            at: "2026-11-23T08:00:00Z".parse().unwrap(),
            status: RunStatus::Degraded,
            sent: 1_234,
            archived: 1_130,
            errors: 12,
            pending: 0,
        };
        let views = [view("123456789012", Some("production"), Some(run)), view("210987654321", None, None)];
        let text = |width| table(&views, width).render(Style { terminal: false, color: false, width });
        insta::assert_snapshot!(text(109), @r"
        Provider      State    Connection Status  Last Checked (UTC)    Regions  Next Scan (UTC)  Last Export (UTC)
        -------------------------------------------------------------------------------------------------------------
        123456789012  enabled  Connected          2026-11-23 09:00      2                         2026-11-23 08:00,
        (production)                                                                              degraded, 1,234
                                                                                                  sent, 1,130
                                                                                                  archived, 12 errors
        210987654321  enabled  Connected          2026-11-23 09:00      2                         none
        ");
        let (narrow, wide) = (text(80), text(120));
        assert!(!narrow.contains("Last Export"), "{narrow}");
        assert!(wide.contains("Last Export (UTC)") && wide.contains("Finding Filters"), "{wide}");
        assert!(wide.lines().all(|line| line.chars().count() <= 120), "{wide}");
    }
}

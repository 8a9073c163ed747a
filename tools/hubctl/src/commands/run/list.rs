//! `hubctl run list`.

use anyhow::Result;
use asff::AccountId;
use exporter::report::RunReport;

use crate::commands::integration::shown::read;
use crate::commands::run_report::tone;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::management::Reach;
use crate::output::{Column, Output, Table, text};

/// Columns from which on there is room for the upload's name.
const WIDTH_WITH_UPLOAD: u16 = 110;
/// Characters of the upload's name that are shown: its end, which tells uploads apart.
const UPLOAD_CHARS_MAX: usize = 40;
/// Runs that one list shows at most.
const LIMIT_MAX: i64 = 1000;

/// List the runs, newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  hubctl run list --limit 5
  hubctl run list --account 123456789012 --output json | jq '.[0].counts'

JSON: an array of what `hubctl run show` gives, without the Regions.")]
pub(crate) struct Args {
    /// Only runs whose scan held findings of this account
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,

    /// How many
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: u32,
}

pub(super) fn run(args: &Args, reach: &Reach, global: &Global, output: &mut Output) -> Result<Exit> {
    let limit = usize::try_from(args.limit)?;
    let address = args.account.map_or("/runs".to_owned(), |account| format!("/runs?account={account}"));
    let found = block_on(async { Ok(reach.connect(global).await?.list(&address, limit).await?) })?;
    let runs: Vec<RunReport> = found.iter().map(read).collect::<Result<_, _>>()?;
    match output.format {
        Format::Json => output.json(&runs)?,
        Format::Table if runs.is_empty() => {
            output.note("There are no runs yet. An upload makes one, or: hubctl export FILE")?;
        }
        Format::Table => output.table(&table(&runs, output.out_style.width))?,
    }
    Ok(Exit::Success)
}

fn table(runs: &[RunReport], width: u16) -> Table {
    let with_upload = width >= WIDTH_WITH_UPLOAD;
    let mut columns =
        vec![Column::Text("Run"), Column::Text("Started (UTC)"), Column::Text("Status"), Column::Number("Sent")];
    columns.extend(with_upload.then_some(Column::Text("Upload")));
    let mut table = Table::new(columns);
    for run in runs {
        let started = run.started_at.strftime("%Y-%m-%d %H:%M").to_string();
        let sent = text::count(run.counts.sent);
        let mut row = vec![run.run_id.clone(), started, run.status.as_str().to_owned(), sent];
        row.extend(with_upload.then(|| text::end(&run.upload.source, UPLOAD_CHARS_MAX)));
        table.row(tone(run.status), row);
    }
    table
}

//! `hubctl run list`.

use anyhow::Result;
use asff::AccountId;
use exporter::report::RunReport;

use super::RunSource;
use crate::client::read;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::run_report::text_style;
use crate::render::{Column, Output, Table, TextStyle, text};
use crate::standalone::Standalone;

/// Maximum number of characters of the upload's name: its end, as wide as a run ID.
const UPLOAD_CHARS_MAX: usize = 36;
/// Maximum number of runs.
const LIMIT_MAX: i64 = 1000;

/// List runs, newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Each run has two lines: run ID and upload or target; start time and account
(+2: two more accounts); status and kind; number of findings sent and archived
(to approve: see `hubctl run pending`).

Examples:
  hubctl run list --limit 5
  hubctl run list --account 123456789012 --output json | jq '.[0].counts'

JSON: an array of reports, as in `hubctl run show`, without the Regions.")]
pub(crate) struct Args {
    /// Only runs with findings of this account
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,

    /// Maximum number of runs to show
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: u32,
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    let limit = usize::try_from(args.limit)?;
    let runs: Vec<RunReport> = block_on(async {
        if let Some(location) = &source.state.location {
            return Ok(Standalone::open(location, global).await?.list_runs(limit, args.account).await?);
        }
        let address = args.account.map_or("/runs".to_owned(), |account| format!("/runs?account={account}"));
        let found = source.connection_args.connect(global).await?.list(&address, limit).await?;
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    })?;
    match output.format {
        Format::Json => output.json(&runs)?,
        Format::Table if runs.is_empty() => {
            output.note("No runs found. To export a scan: hubctl export FILE")?;
        }
        Format::Table => output.table(&table(&runs))?,
    }
    Ok(Exit::Success)
}

/// Two lines per run, so that nothing wraps in 80 columns.
fn table(runs: &[RunReport]) -> Table {
    let mut table = Table::new([
        Column::Text("Run\nUpload or target"),
        Column::Text("Started (UTC)\nAccount"),
        Column::Text("Status\nKind"),
        Column::Number("Sent\nArchived"),
    ]);
    for run in runs {
        let started = run.started_at.strftime("%Y-%m-%d %H:%M").to_string();
        let sent = text::count(run.counts.sent);
        table.row(text_style(run.status), [&run.run_id, &started, run.status.as_str(), &sent]);
        let upload = text::end(&run.upload.source, UPLOAD_CHARS_MAX);
        let archived = match run.counts.archived {
            0 if run.needs_approval() => "to approve".to_owned(),
            archived if run.needs_approval() => format!("{}, approve", text::count(archived)),
            archived => text::count(archived),
        };
        table.row(TextStyle::Plain, [&upload, &accounts(run), run.kind.as_str(), &archived]);
    }
    table
}

/// The first account, and the number of the others.
fn accounts(run: &RunReport) -> String {
    let mut all = run.accounts.keys();
    match (all.next(), all.len()) {
        (None, _) => String::new(),
        (Some(only), 0) => only.to_string(),
        (Some(first), more) => format!("{first} +{more}"),
    }
}

#[cfg(test)]
mod tests {
    use exporter::model::upload::UploadInfo;
    use exporter::report::{AccountReport, ArchiveSkipped, Fate, RunStatus};

    use super::*;
    use crate::config::Style;

    #[test]
    fn distinctive_columns_of_runs_fit_80_columns() {
        let source = "s3://scans/json-ocsf/prowler-output-123456789012-20261123080000.ocsf.json".to_owned();
        let upload = UploadInfo { source, etag: String::new(), bytes: 0, modified_at: None, requester: None };
        let at = "2026-11-23T08:00:00Z".parse().unwrap();
        let mut run = RunReport::new("01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b".to_owned(), upload, at);
        (run.status, run.counts.archived) = (RunStatus::Succeeded, 130);
        run.counts.add(Fate::Sent, 1_234_567);
        run.accounts.insert("123456789012".parse().unwrap(), AccountReport::default());
        let mut held = run.clone();
        let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
        held.accounts.insert("210987654321".parse().unwrap(), AccountReport { archive, ..AccountReport::default() });
        (held.status, held.counts.archived) = (RunStatus::Superseded, 0);
        let text = table(&[run, held]).render(Style { terminal: false, color: false, width: 80 });
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.lines().count(), 7, "{text}");
    }
}

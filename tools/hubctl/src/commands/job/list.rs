//! `hubctl job list`.

use anyhow::Result;
use exporter::jobs::JobState;
use management::wire::JobView;

use crate::client::{ConnectionArgs, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, TextStyle};

/// Maximum number of jobs.
const LIMIT_MAX: i64 = 1000;
/// Characters of a reason in a row.
const REASON_CHARS_SHOWN: usize = 40;

/// List jobs, newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  hubctl job list --limit 5
  hubctl job list --output json | jq '.[] | select(.state == \"failed\")'

JSON: an array of jobs, as in `hubctl job show`.")]
pub(crate) struct Args {
    /// Maximum number of jobs to show
    #[arg(long, value_name = "JOBS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: u32,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let limit = usize::try_from(args.limit)?;
    let jobs = block_on(async { Ok(connection_args.connect(global).await?.list("/jobs", limit).await?) })?;
    if output.format == Format::Json {
        output.json(&jobs)?;
        return Ok(Exit::Success);
    }
    if jobs.is_empty() {
        output.note("No jobs found.")?;
        return Ok(Exit::Success);
    }
    // Two lines per job, so that its ID doesn't wrap.
    let mut table = Table::new(["Job\nType and target", "Submitted (UTC)", "State"].map(Column::Text));
    for json in &jobs {
        let job: JobView = read(json)?;
        let at = job.submitted_at.strftime("%Y-%m-%d %H:%M").to_string();
        let what = format!("{} {}", job.job, job.target.as_deref().unwrap_or("all"));
        table.row(text_style(job.state), [&job.id, &at, job.state.as_str()]);
        table.row(TextStyle::Plain, [what.as_str(), "", ""]);
        if let Some(reason) = &job.reason {
            table.row(TextStyle::Plain, [shortened(reason).as_str(), "", ""]);
        }
    }
    output.table(&table)?;
    Ok(Exit::Success)
}

/// The beginning of a reason; `hubctl job show` has the rest.
fn shortened(reason: &str) -> String {
    let mut text: String = reason.chars().take(REASON_CHARS_SHOWN).collect();
    if reason.chars().nth(REASON_CHARS_SHOWN).is_some() {
        text.push_str("...");
    }
    format!("Reason: {text}")
}

/// Style of a state.
pub(super) fn text_style(state: JobState) -> TextStyle {
    match state {
        JobState::Pending => TextStyle::Plain,
        JobState::Succeeded => TextStyle::Good,
        JobState::Rejected | JobState::Failed => TextStyle::Bad,
        JobState::Canceled => TextStyle::Warning,
    }
}

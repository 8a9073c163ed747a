//! `hubctl quarantine list`.

use anyhow::Result;
use management::wire::QuarantinedRun;
use serde_json::Value;

use super::entries::{self, Entry};
use crate::client::{ConnectionArgs, read};
use crate::commands::run::show::find;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, TextStyle, text};

/// List a run's quarantined findings, or all runs that have some
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  hubctl quarantine list
  hubctl quarantine list 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b

JSON: with RUN an array of entries: number, stage (reading, mapping, delivery),
code, message, id, account, region, offset. Without RUN an array of run_id,
started_at, source and quarantined (findings by code).")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: Option<String>,

    /// Maximum number of items to show
    #[arg(long, value_name = "ENTRIES", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let limit = usize::try_from(args.limit)?;
    match &args.run_id {
        Some(run_id) => entries_of(run_id, limit, connection_args, global, output),
        None => runs(limit, connection_args, global, output),
    }
}

fn entries_of(
    run_id: &str,
    limit: usize,
    connection_args: &ConnectionArgs,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let (run, found) = block_on(async {
        let management = connection_args.connect(global).await?;
        let run = find(&management, run_id).await?;
        Ok((run, entries::read(&management, run_id, limit).await?))
    })?;
    match output.format {
        Format::Json => {
            let short = |(number, entry): (usize, Entry)| {
                let mut fields = serde_json::to_value(Entry { finding: Value::Null, ..entry })?;
                fields["number"] = number.into();
                Ok(fields)
            };
            let list: Vec<Value> = found.into_iter().map(short).collect::<Result<_, serde_json::Error>>()?;
            output.json(&list)?;
        }
        Format::Table if found.is_empty() => output.note(format!("Run {run_id} has no quarantined findings."))?,
        Format::Table => {
            output.table(&entry_table(&found))?;
            let all = run.in_quarantine().values().sum::<u64>();
            if all > found.len() as u64 {
                output.note(format!("{} in total; to show more: --limit", text::counted(all, "entry", "entries")))?;
            }
        }
    }
    Ok(Exit::Success)
}

fn entry_table(found: &[(usize, Entry)]) -> Table {
    let columns = [
        Column::Number("Entry"),
        Column::Text("Stage"),
        Column::Text("Code"),
        Column::Text("Region"),
        Column::Text("Message"),
    ];
    let mut table = Table::new(columns);
    for (number, entry) in found {
        let region = entry.region.map_or(String::new(), |region| region.to_string());
        table.row(TextStyle::Plain, [&number.to_string(), entry.stage.as_str(), &entry.code, &region, &entry.message]);
    }
    table
}

fn runs(limit: usize, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let found = block_on(async { Ok(connection_args.connect(global).await?.list("/quarantine", limit).await?) })?;
    let runs: Vec<QuarantinedRun> = found.iter().map(read).collect::<Result<_, _>>()?;
    match output.format {
        Format::Json => output.json(&found)?,
        Format::Table if runs.is_empty() => output.note("No quarantined findings.")?,
        Format::Table => {
            let mut table =
                Table::new([Column::Text("Run"), Column::Text("Started (UTC)"), Column::Text("Quarantined")]);
            for run in &runs {
                let started = run.started_at.strftime("%Y-%m-%d %H:%M").to_string();
                let words = run.quarantined.iter();
                let words: Vec<_> =
                    words.map(|(code, findings)| format!("{} {code}", text::count(*findings))).collect();
                table.row(TextStyle::Plain, [&run.run_id, &started, &words.join(", ")]);
            }
            output.table(&table)?;
        }
    }
    Ok(Exit::Success)
}

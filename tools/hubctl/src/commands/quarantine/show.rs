//! `hubctl quarantine show`.

use anyhow::Result;

use super::entries::{self, Entry};
use crate::client::ConnectionArgs;
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::{Details, Output, TextStyle, text};

/// Show a run's quarantined findings in full
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  hubctl quarantine show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --entry 3
  hubctl quarantine show 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --output json

JSON: an array of entries: stage, code, message, id, account, region, offset and
finding (ASFF if it was mapped, otherwise the content of the file).")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Only the entry with this number (see `hubctl quarantine list`)
    #[arg(long, value_name = "NUMBER", value_parser = entry_number)]
    entry: Option<usize>,

    /// Maximum number of entries to show
    #[arg(long, value_name = "ENTRIES", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(super) fn run(args: &Args, connection_args: &ConnectionArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    // Pages follow one another: an entry is read after the ones before it.
    let limit = args.entry.unwrap_or(usize::try_from(args.limit)?);
    let mut found =
        block_on(async { entries::read(&connection_args.connect(global).await?, &args.run_id, limit).await })?;
    found.retain(|(number, _)| args.entry.is_none_or(|only| only == *number));
    if let (Some(number), []) = (args.entry, found.as_slice()) {
        let message = format!("the quarantine of run {} has no entry {number}", args.run_id);
        return Err(Failure::new(Exit::Error, message)
            .hint(format!("to list them: hubctl quarantine list {}", args.run_id))
            .into());
    }
    match output.format {
        Format::Json => output.json(&found.iter().map(|(_, entry)| entry).collect::<Vec<_>>())?,
        Format::Table if found.is_empty() => {
            output.note(format!("Run {} has no quarantined findings.", args.run_id))?;
        }
        Format::Table => {
            for (index, (number, entry)) in found.iter().enumerate() {
                if index > 0 {
                    output.line("")?;
                }
                output.details(&details(*number, entry))?;
                output.line(text::harmless_lines(&serde_json::to_string_pretty(&entry.finding)?))?;
            }
        }
    }
    Ok(Exit::Success)
}

fn entry_number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "entries are numbered from 1".to_owned())
}

fn details(number: usize, entry: &Entry) -> Details {
    let mut details = Details::new();
    details.add(TextStyle::Strong, "Entry", number.to_string());
    details.add(TextStyle::Bad, "Code", &entry.code);
    details.add(TextStyle::Plain, "Stage", entry.stage.as_str());
    details.add(TextStyle::Plain, "Message", &entry.message);
    let offset = entry.offset.map(text::count);
    let account = entry.account.map(|account| account.to_string());
    let region = entry.region.map(|region| region.to_string());
    for (name, value) in [("Id", &entry.id), ("Account", &account), ("Region", &region), ("At byte", &offset)] {
        if let Some(value) = value {
            details.add(TextStyle::Plain, name, value);
        }
    }
    details
}

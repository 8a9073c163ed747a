//! `hubctl map`: a scan as ASFF, one finding a line, without sending anything.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::config::Style;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, Tone, hidden, text};
use crate::scan::pipeline::Item;
use crate::scan::source::Source;
use crate::scan::survey::Survey;
use crate::scan::{self, verdict};

/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;

/// Write the findings of a scan as ASFF, one a line (offline)
#[derive(clap::Args, Debug)]
#[command(after_help = "\
All findings that can be mapped are written, whatever their status: no filter
applies. They go to standard output, the counts to standard error.

Examples:
  hubctl map scan.ocsf.json.gz > findings.jsonl
  aws s3 cp s3://scans/scan.ocsf.json - | hubctl map - | jq .Id")]
pub(crate) struct Args {
    /// Scan file of Prowler, plain or compressed; - for standard input
    #[arg(value_name = "FILE", value_parser = Source::parser())]
    source: Source,

    /// Write the counts to a file as well, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit> {
    let survey = map(&args.source, output)?;
    if let Some(path) = &args.report {
        let json = serde_json::to_vec_pretty(&survey)?;
        std::fs::write(path, json).with_context(|| format!("failed to write {}", path.display()))?;
    }
    if survey.read > 0 {
        output.note_table(&counts(&survey))?;
    }
    if let Some(refusal) = verdict::refusal(&survey) {
        return Err(refusal.into());
    }
    verdict::warn(&survey, output)?;
    Ok(verdict::exit(&survey))
}

/// Writes the findings.
fn map(source: &Source, output: &mut Output) -> Result<Survey> {
    // A bar would run through the findings where both are shown on one terminal.
    let watcher = Style { terminal: output.err_style.terminal && !output.out_style.terminal, ..output.err_style };
    let mut out = io::BufWriter::with_capacity(WRITE_BYTES, output.out());
    let mut written = Ok(());
    let survey = scan::survey(source, watcher, |item| {
        if let Item::Finding(_, _, Ok(json)) = item {
            written = write(json, &mut out);
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written.and_then(|()| out.flush()).context("failed to write the findings")?;
    Ok(survey)
}

/// Writes a finding on a line of its own, with what a terminal would hide escaped: it is the same value.
fn write(json: &[u8], out: &mut impl Write) -> io::Result<()> {
    match std::str::from_utf8(json) {
        Ok(json) => out.write_all(hidden::escaped_json(json).as_bytes())?,
        Err(_) => out.write_all(json)?,
    }
    out.write_all(b"\n")
}

/// What became of every entry of the file.
fn counts(survey: &Survey) -> Table {
    let mut table = Table::new([Column::Text("Entries"), Column::Number("Count")]);
    for (status, findings) in &survey.statuses {
        table.row(Tone::Plain, [format!("mapped: {}", status.as_str()), text::count(*findings)]);
    }
    for (reason, findings) in &survey.skipped {
        table.row(Tone::Plain, [format!("skipped: {reason}"), text::count(*findings)]);
    }
    for problem in &survey.problems {
        let name =
            if problem.code == "malformed" { "malformed".to_owned() } else { format!("quarantined: {}", problem.code) };
        table.row(Tone::Bad, [name, text::count(problem.entries)]);
    }
    table.row(Tone::Strong, ["read".to_owned(), text::count(survey.read)]);
    for (name, findings) in [
        ("of these repaired", survey.repaired),
        ("of these duplicates", survey.duplicates),
        ("of these with a longer Id", survey.collisions),
    ] {
        if findings > 0 {
            table.row(Tone::Plain, [name.to_owned(), text::count(findings)]);
        }
    }
    table
}

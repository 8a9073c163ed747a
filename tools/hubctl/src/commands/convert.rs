//! `hubctl convert`: converts a scan to ASFF JSON Lines, offline.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::config::Style;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, TextStyle, hidden, text};
use crate::scan::pipeline::Item;
use crate::scan::source::Source;
use crate::scan::summary::ScanSummary;
use crate::scan::{self, verdict};

/// Size of the output buffer, in bytes.
const WRITE_BYTES: usize = 256 * 1024;

/// Convert a scan to ASFF JSON Lines, offline
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Writes every finding that can be mapped, whatever its status: no filters apply.
Findings go to standard output, counts to standard error.

Examples:
  hubctl convert scan.ocsf.json.gz > findings.jsonl
  aws s3 cp s3://scans/scan.ocsf.json - | hubctl convert - | jq .Id")]
pub(crate) struct Args {
    /// Prowler scan file, optionally compressed; - for standard input
    #[arg(value_name = "FILE", value_parser = Source::parser())]
    source: Source,

    /// Also write the counts to a file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit> {
    let summary = convert(&args.source, output)?;
    if let Some(path) = &args.report {
        let json = serde_json::to_vec_pretty(&summary)?;
        std::fs::write(path, json).with_context(|| format!("failed to write {}", path.display()))?;
    }
    if summary.read > 0 {
        output.note_table(&counts(&summary))?;
    }
    if let Some(rejection) = verdict::rejection(&summary) {
        return Err(rejection.into());
    }
    verdict::warn(&summary, output)?;
    Ok(verdict::exit(&summary))
}

/// Writes the findings.
fn convert(source: &Source, output: &mut Output) -> Result<ScanSummary> {
    // A progress bar would mix with the findings on the same terminal.
    let watcher = Style { terminal: output.err_style.terminal && !output.out_style.terminal, ..output.err_style };
    let mut out = io::BufWriter::with_capacity(WRITE_BYTES, output.out());
    let mut written = Ok(());
    let summary = scan::summary(source, watcher, |item| {
        if let Item::Finding(_, _, Ok(json)) = item {
            written = write(json, &mut out);
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written.and_then(|()| out.flush()).context("failed to write the findings")?;
    Ok(summary)
}

/// Writes a finding as one line. Characters that a terminal would hide are escaped; the JSON value is unchanged.
fn write(json: &[u8], out: &mut impl Write) -> io::Result<()> {
    match std::str::from_utf8(json) {
        Ok(json) => out.write_all(hidden::escaped_json(json).as_bytes())?,
        Err(_) => out.write_all(json)?,
    }
    out.write_all(b"\n")
}

/// The outcome of every entry of the file.
fn counts(summary: &ScanSummary) -> Table {
    let mut table = Table::new([Column::Text("Entries"), Column::Number("Count")]);
    for (status, findings) in &summary.statuses {
        table.row(TextStyle::Plain, [format!("mapped: {}", status.as_str()), text::count(*findings)]);
    }
    for (reason, findings) in &summary.skipped {
        table.row(TextStyle::Plain, [format!("skipped: {reason}"), text::count(*findings)]);
    }
    for problem in &summary.problems {
        let name =
            if problem.code == "malformed" { "malformed".to_owned() } else { format!("quarantined: {}", problem.code) };
        table.row(TextStyle::Bad, [name, text::count(problem.entries)]);
    }
    table.row(TextStyle::Strong, ["read".to_owned(), text::count(summary.read)]);
    for (name, findings) in [
        ("of these repaired", summary.repaired),
        ("of these duplicates", summary.duplicates),
        ("of these with a longer Id", summary.collisions),
    ] {
        if findings > 0 {
            table.row(TextStyle::Plain, [name.to_owned(), text::count(findings)]);
        }
    }
    table
}

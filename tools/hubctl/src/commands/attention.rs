//! `hubctl attention`: lists what needs attention.

use anyhow::Result;
use management::wire::{AttentionItem, AttentionKind, AttentionList};

use crate::client::{ConnectionArgs, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::{Column, Output, Table, TextStyle, text};

/// List what needs attention, most urgent first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Lists at most 100 items: archives that require approval, disconnected accounts,
unavailable Regions, undelivered findings, failed jobs, lost coverage,
quarantined findings, overdue scans, and uploads of disabled integrations. Each
has the command that fixes it, or that shows what to decide. The exit code is 0
even if there are items.

Examples:
  hubctl attention
  hubctl attention --output json | jq -r '.items[].remediation'

JSON: items (kind, integration, alias, account, region, run_id, job_id, count,
total, since, message, remediation), more (items left out), runs_read, and
last_run_at.")]
pub(crate) struct Args {
    #[command(flatten)]
    reach: ConnectionArgs,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let answer = block_on(async { Ok(args.reach.connect(global).await?.get("/attention").await?) })?;
    if output.format == Format::Json {
        output.json(&answer.body)?;
        return Ok(Exit::Success);
    }
    let list: AttentionList = read(&answer.body)?;
    if list.items.is_empty() {
        let newest = list
            .last_run_at
            .map_or("No scan was exported yet.".to_owned(), |at| format!("The last run began at {}.", text::time(at)));
        output.note(format!("Nothing needs attention. {newest}"))?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new(["What", "Where", "Message"].map(Column::Text));
    for item in &list.items {
        table.row(tone(item.kind), [label(item.kind).to_owned(), place(item), item.message.clone()]);
    }
    output.table(&table)?;
    write_commands(&list.items, &Origin::deployment(&args.reach, global), output)?;
    if list.more > 0 {
        output.note(format!("{} left out.", text::counted(list.more, "more item is", "more items are")))?;
    }
    Ok(Exit::Success)
}

/// The commands that fix the items, without duplicates, in the order of the items. They are not in the table, so that they can be
/// copied.
fn write_commands(items: &[AttentionItem], origin: &Origin, output: &mut Output) -> Result<()> {
    output.line("")?;
    output.line("What to do")?;
    let mut seen: Vec<&str> = Vec::new();
    for item in items {
        if seen.contains(&item.remediation.as_str()) {
            continue;
        }
        seen.push(&item.remediation);
        let command = if item.remediation.starts_with("hubctl ") {
            origin.complete_lines(&item.remediation)
        } else {
            item.remediation.clone()
        };
        for (index, line) in text::harmless_lines(&command).lines().enumerate() {
            output.line(if index == 0 { format!("* {line}") } else { format!("    {line}") })?;
        }
    }
    Ok(())
}

/// The location of an item: the name of the integration or account, and the Region.
fn place(item: &AttentionItem) -> String {
    let account = item.account.as_ref().map(ToString::to_string);
    let name = account.or_else(|| item.integration.clone());
    let name = match (name, &item.alias) {
        (Some(name), Some(alias)) => Some(format!("{alias} ({name})")),
        (name, alias) => name.or_else(|| alias.clone()),
    };
    let region = item.region.map(|region| region.to_string());
    [name, region].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn label(kind: AttentionKind) -> &'static str {
    match kind {
        AttentionKind::ArchiveRequiresApproval => "archive requires approval",
        AttentionKind::Disconnected => "disconnected",
        AttentionKind::RegionUnavailable => "Region unavailable",
        AttentionKind::Undelivered => "undelivered",
        AttentionKind::JobFailed => "job failed",
        AttentionKind::CoverageLost => "coverage lost",
        AttentionKind::Quarantine => "quarantine",
        AttentionKind::ScanOverdue => "scan overdue",
        AttentionKind::PendingUploads => "pending uploads",
    }
}

fn tone(kind: AttentionKind) -> TextStyle {
    match kind {
        AttentionKind::Disconnected
        | AttentionKind::RegionUnavailable
        | AttentionKind::Undelivered
        | AttentionKind::JobFailed => TextStyle::Bad,
        AttentionKind::ArchiveRequiresApproval
        | AttentionKind::CoverageLost
        | AttentionKind::Quarantine
        | AttentionKind::ScanOverdue
        | AttentionKind::PendingUploads => TextStyle::Warning,
    }
}

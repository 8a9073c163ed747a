//! `hubctl audit`: the audit log.

use anyhow::Result;
use exporter::ports::settings_store::AuditEntry;
use serde_json::Value;

use crate::client::{ConnectionArgs, read};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::Exit;
use crate::render::{Column, Output, Table, TextStyle};

/// Maximum number of entries.
const LIMIT_MAX: i64 = 10_000;
/// Maximum number of parts of an ARN's name to show.
const PARTS_MAX: usize = 2;
/// Maximum number of characters of a value to show.
const VALUE_CHARS_MAX: usize = 40;

/// Show the audit log, newest entry first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The audit log contains no secrets: for an access key it has the name of the
secret.

For direct invocations of the function, such as those by hubctl, the caller
identity is what the caller stated; only the Function URL verifies it. For
proof, enable CloudTrail data events for Lambda.

Examples:
  hubctl audit --limit 20
  hubctl audit --output json | jq '.[] | select(.target == \"123456789012\")'

JSON: an array of at, by, action, target, reason (if given), and changes (by
setting: from, to).")]
pub(crate) struct Args {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    /// Maximum number of entries to show
    #[arg(long, value_name = "ENTRIES", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
    limit: u32,
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    let limit = usize::try_from(args.limit)?;
    let entries = block_on(async { Ok(args.connection_args.connect(global).await?.list("/audit", limit).await?) })?;
    if output.format == Format::Json {
        output.json(&entries)?;
        return Ok(Exit::Success);
    }
    if entries.is_empty() {
        output.note("No changes recorded.")?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new(["At (UTC)", "By", "What", "Reason and changes"].map(Column::Text));
    for json in &entries {
        let entry: AuditEntry = read(json)?;
        let at = entry.at.strftime("%Y-%m-%d %H:%M").to_string();
        let by = who(&entry.by);
        let what = format!("{} {}", entry.action, entry.target);
        let reason = entry.reason.as_ref().map(|reason| format!("Reason: {reason}"));
        let changes = Some(changes(&entry)).filter(|changes| !changes.is_empty());
        let changes = reason.into_iter().chain(changes).collect::<Vec<_>>().join("; ");
        table.row(TextStyle::Plain, [at, by, what, changes]);
    }
    output.table(&table)?;
    Ok(Exit::Success)
}

/// The account of an ARN and the last two parts of its name: the user, or the role and its session. JSON output has the whole
/// ARN.
fn who(arn: &str) -> String {
    let account = arn.split(':').nth(4).filter(|account| !account.is_empty());
    let name = arn.rsplit(':').next().unwrap_or(arn);
    let mut parts: Vec<_> = name.rsplit('/').take(PARTS_MAX).collect();
    parts.reverse();
    // A space, so that a narrow column breaks between the parts and not within one.
    let name = parts.join("/ ");
    account.map_or(name.clone(), |account| format!("{account} {name}"))
}

fn changes(entry: &AuditEntry) -> String {
    let value = |value: &Option<Value>| {
        let text = match value {
            None => "none".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if text.chars().count() <= VALUE_CHARS_MAX {
            return text;
        }
        format!("{}...", text.chars().take(VALUE_CHARS_MAX).collect::<String>())
    };
    let all = entry.changes.iter();
    if entry.action.ends_with(".create") || entry.action.ends_with(".delete") {
        return String::new();
    }
    all.map(|(name, change)| format!("{name}: {} -> {}", value(&change.from), value(&change.to)))
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_shown_as_account_role_and_session() {
        assert_eq!(who("arn:aws:sts::123456789012:assumed-role/Operators/ada"), "123456789012 Operators/ ada");
        assert_eq!(who("arn:aws:iam::210987654321:user/teams/security/ada"), "210987654321 security/ ada");
        assert_eq!(who("arn:aws:iam::123456789012:root"), "123456789012 root");
        assert_eq!(who("unknown"), "unknown");
    }
}

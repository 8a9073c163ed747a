//! Configuration files with providers and integrations: `hubctl apply`, `hubctl config`.

mod current;
mod differences;
mod document;
mod run;
mod validate;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use exporter::model::integration::IntegrationSettings;
use serde_json::{Value, json};

use self::current::CurrentState;
use self::differences::{Action, Difference, ResourceKind, Scope, differences};
use self::document::Document;
use self::validate::{Context, validate};
use crate::client::{ConnectionArgs, Management};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::{Column, Output, Table, TextStyle, text};

/// Apply a configuration file to the deployment
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Settings that the file omits have their default values. Access keys are given by
reference: `secret` is a secret in AWS Secrets Manager, and `access_key_file` a
file next to this one; without either, `static` keeps the stored key.
hubctl shows the differences, validates all of them, then applies each and tests
its connection. Applying the same file again changes nothing.

--prune deletes resources that the file omits, but only of a kind (`providers`,
`integrations`) that is a key of the file. hubctl asks for confirmation; to
delete every resource of a kind, add --prune-all. A file with neither key is
rejected.

The exit code is that of the most severe connection test (0, 4, 5, or 1 if a
test could not be run), and 2 if the file is invalid.

  providers:
  - id: 123456789012
    alias: production
    credentials:
      kind: default
      role: {arn: 'arn:aws:iam::123456789012:role/SecurityHubExporter'}
  integrations:
  - provider: 123456789012
    archive_previous_findings: true

Examples:
  hubctl apply -f integrations.yaml --dry-run
  hubctl apply -f integrations.yaml --prune --yes

JSON: an array of differences: action, noun, id, settings (from, to),
credentials.")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    /// Configuration file, or - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,

    /// Show the differences without applying them; exit code 6 if there are any
    #[arg(long)]
    dry_run: bool,

    /// Delete providers and integrations that the file omits
    #[arg(long)]
    prune: bool,

    /// Allow --prune to delete every resource of a kind
    #[arg(long, requires = "prune")]
    prune_all: bool,

    /// Replace stored access keys with those from files
    #[arg(long)]
    renew_keys: bool,

    /// Skip the confirmation prompt
    #[arg(long)]
    yes: bool,
}

/// Export the configuration or compare it with a file
#[derive(clap::Args, Debug)]
pub(crate) struct ConfigGroup {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    #[command(subcommand)]
    command: ConfigCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Export(ExportArgs),
    Diff(DiffArgs),
}

/// Export all providers and integrations as a file for `hubctl apply`
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The file contains no secrets. If an access key is in one of your own secrets,
the file has the name of that secret. For a key that the exporter stores, the
file has only `kind: static`, which keeps the stored key when the file is
applied; for another deployment, add `access_key_file`.

Example:
  hubctl config export > integrations.yaml

JSON: the same document, with --output json.")]
struct ExportArgs {}

/// Compare the deployment with a file; exit code 6 if they differ
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl config diff -f integrations.yaml || echo 'drift detected'

JSON: an array of differences: action, noun, id, settings (from, to),
credentials.")]
struct DiffArgs {
    /// Configuration file, or - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn apply(args: &ApplyArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let document = Document::read(&args.file)?;
    let scope = Scope { prune: args.prune, renew_keys: args.renew_keys };
    block_on(async {
        let management = args.connection_args.connect(global).await?;
        let current = CurrentState::read(&management).await?;
        let all = differences(&document, &current, scope);
        show(&all, output)?;
        let sweep = if args.prune_all { Ok(()) } else { check_prune(&all, &current) };
        let deleted = all.iter().filter(|difference| difference.action == Action::Delete).count() as u64;
        let ready = validate(all, &document, &current, &context(&args.file, &management), output)?;
        if args.dry_run || ready.is_empty() {
            if let Err(failure) = &sweep {
                output.warning(&failure.message, failure.hint.as_deref())?;
            }
            return Ok(if ready.is_empty() { Exit::Success } else { Exit::Differs });
        }
        sweep?;
        confirm(deleted, args.yes, output)?;
        run::run(ready, &management, output).await
    })
}

/// Key files are relative to the file that names them.
fn context<'a>(file: &'a Path, management: &'a Management) -> Context<'a> {
    Context { folder: file.parent().unwrap_or(Path::new("")), deployment: &management.deployment }
}

/// Prevents a truncated file, or a file for another deployment, from deleting all resources.
fn check_prune(all: &[Difference<'_>], current: &CurrentState) -> Result<(), Failure> {
    let integrations =
        current.integrations.values().filter(|existing| existing.view.deletion_requested_at.is_none()).count();
    for (noun, there) in [(ResourceKind::Integration, integrations), (ResourceKind::Provider, current.providers.len())]
    {
        let is_deleted = |difference: &&Difference<'_>| (difference.action, difference.noun) == (Action::Delete, noun);
        let deleted = all.iter().filter(is_deleted).count();
        if deleted > 0 && deleted == there {
            let (one, many) = (format!("the only {}", noun.word()), format!("all {there} {}s", noun.word()));
            let message = format!("this deletes {}", if there == 1 { one } else { many });
            return Err(Failure::new(Exit::Usage, message)
                .hint("if this is intended, add --prune-all; otherwise check the file"));
        }
    }
    Ok(())
}

/// Asks for confirmation, since a deletion can't be undone.
fn confirm(deleted: u64, yes: bool, output: &mut Output) -> Result<()> {
    if deleted == 0 || yes {
        return Ok(());
    }
    let mut prompt = Prompt::at_terminal();
    let what = text::counted(deleted, "resource", "resources");
    prompt.require_terminal(&format!("whether to delete {what}"), "to confirm in advance, add --yes")?;
    if prompt.confirm(&format!("Delete {what} for good? Type yes:"), output)? {
        return Ok(());
    }
    Err(Failure::new(Exit::Error, "nothing was changed").into())
}

pub(crate) fn config(
    ConfigGroup { connection_args, command }: &ConfigGroup,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let file = match command {
        ConfigCommand::Export(ExportArgs {}) => None,
        ConfigCommand::Diff(args) => Some((Document::read(&args.file)?, &args.file)),
    };
    let (management, current) = block_on(async {
        let management = connection_args.connect(global).await?;
        let current = CurrentState::read(&management).await?;
        Ok((management, current))
    })?;
    let Some((document, file)) = file else {
        let declared = current.declared();
        match output.format {
            Format::Json => output.json(&declared)?,
            Format::Table => output.yaml(&declared)?,
        }
        return Ok(Exit::Success);
    };
    let all = differences(&document, &current, Scope { prune: true, renew_keys: false });
    show(&all, output)?;
    let ready = validate(all, &document, &current, &context(file, &management), output)?;
    Ok(if ready.is_empty() { Exit::Success } else { Exit::Differs })
}

fn show(all: &[Difference<'_>], output: &mut Output) -> Result<()> {
    if output.format == Format::Json {
        return Ok(output.json(&all.iter().map(json_of).collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        output.note("No differences.")?;
        return Ok(());
    }
    let mut table = Table::new(["Difference", "Setting", "From", "To"].map(Column::Text));
    for difference in all {
        let what = format!("{} {} {}", difference.action.word(), difference.noun.word(), difference.id);
        let text_style = match difference.action {
            Action::Create => TextStyle::Good,
            Action::Change => TextStyle::Warning,
            Action::Delete => TextStyle::Bad,
        };
        // Default values of a new resource are not listed.
        let defaults = document::by_name(&IntegrationSettings::default());
        let is_new = difference.action == Action::Create;
        let changed_settings =
            difference.settings.iter().filter(|(name, (_, to))| !is_new || defaults.get(*name) != Some(to));
        let settings = changed_settings.map(|(name, (from, to))| (name.as_str(), shown(from), shown(to)));
        let credentials = difference.credentials.iter().map(|(from, to)| ("credentials", from.clone(), to.clone()));
        let mut rows: Vec<_> = settings.chain(credentials).collect();
        if is_new {
            rows.retain(|(_, _, to)| !to.is_empty());
        }
        let mut name = what.as_str();
        for (setting, from, to) in &rows {
            table.row(text_style, [name, setting, from, to]);
            name = "";
        }
        if rows.is_empty() {
            table.row(text_style, [name, "", "", ""]);
        }
    }
    output.table(&table)?;
    Ok(())
}

fn json_of(difference: &Difference<'_>) -> Value {
    let settings: serde_json::Map<String, Value> = difference
        .settings
        .iter()
        .map(|(name, (from, to))| (name.clone(), json!({ "from": from, "to": to })))
        .collect();
    let mut fields = json!({
        "action": difference.action.word(),
        "noun": difference.noun.word(),
        "id": difference.id,
        "settings": settings,
    });
    if let Some((from, to)) = &difference.credentials {
        fields["credentials"] = json!({ "from": from, "to": to });
    }
    fields
}

/// A setting as text.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

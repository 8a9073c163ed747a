//! Providers and integrations declared in a file, for those who keep them in a repository: `hubctl apply`, `hubctl config`.

mod carry_out;
mod differences;
mod document;
mod examine;
mod standing;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use self::differences::{Action, Difference, ResourceKind, Scope, differences};
use self::document::Document;
use self::examine::{Place, examine};
use self::standing::Standing;
use crate::client::{ConnectionArgs, Management};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::{Column, Output, Table, Tone, text};

/// Make the deployment what a file declares
#[derive(clap::Args, Debug)]
#[command(after_help = "\
What a file leaves out of a provider or an integration has its default. Access
keys are there by reference: `secret` names one of AWS Secrets Manager, and
`access_key_file` a file beside this one; without either, `static` is whatever
key is kept. The differences are shown, everything is checked, then they are
run, each with its connection test; to apply the same file again changes
nothing. --prune deletes what the file does not declare, of the kinds that it
speaks of: without the key `integrations` integrations are left alone. Whether
something is deleted is asked; all that there is of a kind is deleted only with
--prune-all as well. A file with neither key is refused.

The exit code is that of the most severe connection test that a change caused
(0, 4, 5, or 1 if a test could not be run), and 2 if the file is invalid.

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
    reach: ConnectionArgs,

    /// The file, or - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,

    /// Show the differences only; exit code 6 if there are any
    #[arg(long)]
    dry_run: bool,

    /// Delete the providers and integrations that the file does not declare
    #[arg(long)]
    prune: bool,

    /// Delete them also where that is all there are of a kind
    #[arg(long, requires = "prune")]
    prune_all: bool,

    /// Send access keys from files even where one is kept already
    #[arg(long)]
    renew_keys: bool,

    /// Delete without asking
    #[arg(long)]
    yes: bool,
}

/// Write providers and integrations as a file, or compare them with one
#[derive(clap::Args, Debug)]
pub(crate) struct ConfigGroup {
    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(subcommand)]
    command: ConfigCommand,
}

/// What to do with declared things.
#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Export(ExportArgs),
    Diff(DiffArgs),
}

/// Write all providers and integrations as a file for `hubctl apply`
#[derive(clap::Args, Debug)]
#[command(after_help = "\
No secret is in it: of an access key it names the secret of yours that holds it.
A key that the exporter keeps itself is `kind: static` alone, which stands for
whatever key is kept: it can be applied after the key was changed. For another
deployment add `access_key_file`.

Example:
  hubctl config export > integrations.yaml

JSON: the same with --output json.")]
struct ExportArgs {}

/// Show how the deployment differs from a file; exit code 6 if it does
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hubctl config diff -f integrations.yaml || echo somebody changed something

JSON: an array of differences: action, noun, id, settings (from, to),
credentials.")]
struct DiffArgs {
    /// The file, or - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn apply(args: &ApplyArgs, global: &Global, output: &mut Output) -> Result<Exit> {
    let document = Document::read(&args.file)?;
    let scope = Scope { prune: args.prune, renew_keys: args.renew_keys };
    block_on(async {
        let management = args.reach.connect(global).await?;
        let standing = Standing::read(&management).await?;
        let all = differences(&document, &standing, scope);
        show(&all, output)?;
        let sweep = if args.prune_all { Ok(()) } else { leaves_some(&all, &standing) };
        let deleted = all.iter().filter(|difference| difference.action == Action::Delete).count() as u64;
        let ready = examine(all, &document, &standing, &place(&args.file, &management), output)?;
        if args.dry_run || ready.is_empty() {
            if let Err(failure) = &sweep {
                output.warning(&failure.message, failure.hint.as_deref())?;
            }
            return Ok(if ready.is_empty() { Exit::Success } else { Exit::Differs });
        }
        sweep?;
        agree(deleted, args.yes, output)?;
        carry_out::carry_out(ready, &management, output).await
    })
}

/// Files of keys are beside the file that names them.
fn place<'a>(file: &'a Path, management: &'a Management) -> Place<'a> {
    Place { folder: file.parent().unwrap_or(Path::new("")), deployment: &management.deployment }
}

/// A file that was cut off, or is of another deployment, shall not empty this one.
fn leaves_some(all: &[Difference<'_>], standing: &Standing) -> Result<(), Failure> {
    let integrations = standing.integrations.values().filter(|kept| kept.view.deletion_requested_at.is_none()).count();
    for (noun, there) in [(ResourceKind::Integration, integrations), (ResourceKind::Provider, standing.providers.len())]
    {
        let is_deleted = |difference: &&Difference<'_>| (difference.action, difference.noun) == (Action::Delete, noun);
        let deleted = all.iter().filter(is_deleted).count();
        if deleted > 0 && deleted == there {
            let (one, many) = (format!("the only {}", noun.word()), format!("all {there} {}s", noun.word()));
            let message = format!("this deletes {}", if there == 1 { one } else { many });
            return Err(
                Failure::new(Exit::Usage, message).hint("if that is meant, add --prune-all; else look at the file")
            );
        }
    }
    Ok(())
}

/// What is deleted is gone: somebody must want it.
fn agree(deleted: u64, yes: bool, output: &mut Output) -> Result<()> {
    if deleted == 0 || yes {
        return Ok(());
    }
    let mut person = Prompt::at_terminal();
    let what = text::counted(deleted, "thing", "things");
    person.must_be_there(&format!("whether to delete {what}"), "add --yes to agree beforehand")?;
    if person.agrees(&format!("Delete {what} for good? Type yes:"), output)? {
        return Ok(());
    }
    Err(Failure::new(Exit::Error, "nothing was changed").into())
}

pub(crate) fn config(
    ConfigGroup { reach, command }: &ConfigGroup,
    global: &Global,
    output: &mut Output,
) -> Result<Exit> {
    let file = match command {
        ConfigCommand::Export(ExportArgs {}) => None,
        ConfigCommand::Diff(args) => Some((Document::read(&args.file)?, &args.file)),
    };
    let (management, standing) = block_on(async {
        let management = reach.connect(global).await?;
        let standing = Standing::read(&management).await?;
        Ok((management, standing))
    })?;
    let Some((document, file)) = file else {
        let declared = standing.declared();
        match output.format {
            Format::Json => output.json(&declared)?,
            Format::Table => output.yaml(&declared)?,
        }
        return Ok(Exit::Success);
    };
    let all = differences(&document, &standing, Scope { prune: true, renew_keys: false });
    show(&all, output)?;
    let ready = examine(all, &document, &standing, &place(file, &management), output)?;
    Ok(if ready.is_empty() { Exit::Success } else { Exit::Differs })
}

fn show(all: &[Difference<'_>], output: &mut Output) -> Result<()> {
    if output.format == Format::Json {
        return Ok(output.json(&all.iter().map(json_of).collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        output.note("There is no difference.")?;
        return Ok(());
    }
    let mut table = Table::new(["Difference", "Setting", "From", "To"].map(Column::Text));
    for difference in all {
        let what = format!("{} {} {}", difference.action.word(), difference.noun.word(), difference.id);
        let tone = match difference.action {
            Action::Create => Tone::Good,
            Action::Change => Tone::Warning,
            Action::Delete => Tone::Bad,
        };
        // What something new has anyway needs no line.
        let defaults = document::defaults(&difference.id);
        let is_new = difference.action == Action::Create;
        let told = difference.settings.iter().filter(|(name, (_, to))| !is_new || defaults.get(*name) != Some(to));
        let settings = told.map(|(name, (from, to))| (name.as_str(), shown(from), shown(to)));
        let credentials = difference.credentials.iter().map(|(from, to)| ("credentials", from.clone(), to.clone()));
        let mut rows: Vec<_> = settings.chain(credentials).collect();
        if is_new {
            rows.retain(|(_, _, to)| !to.is_empty());
        }
        let mut name = what.as_str();
        for (setting, from, to) in &rows {
            table.row(tone, [name, setting, from, to]);
            name = "";
        }
        if rows.is_empty() {
            table.row(tone, [name, "", "", ""]);
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

/// A setting as people read it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
